package clients

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
	"github.com/openai/openai-go/v3/shared/constant"
)

func responsesClient(url string) openai.Client {
	return openai.NewClient(option.WithBaseURL(url+"/v1/"), option.WithAPIKey("sk-test"), option.WithMaxRetries(0))
}

func asking(model, text string) responses.ResponseNewParams {
	return responses.ResponseNewParams{Model: model, Store: openai.Bool(false), Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)}}
}

var weatherFunction = responses.ToolUnionParam{OfFunction: &responses.FunctionToolParam{
	Name:        "get_weather",
	Description: openai.String("The weather in a city."),
	Parameters:  map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"}},
	Strict:      openai.Bool(false),
}}

// Responses runs OpenAI's client for Go on the Responses API without state, which both
// edges have.
func Responses(t *testing.T, url string) {
	client := responsesClient(url)
	create := func(t *testing.T, p responses.ResponseNewParams) *responses.Response {
		t.Helper()
		r, err := client.Responses.New(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}

	for _, model := range []string{instruct, thinking} {
		t.Run("a response of "+model, func(t *testing.T) {
			p := asking(model, "Say hello.")
			p.Instructions = openai.String("Be brief.")
			p.Metadata = shared.Metadata{"a": "b"}
			r := create(t, p)
			if r.Model != model || r.Status != "completed" || r.OutputText() == "" || r.Usage.TotalTokens == 0 || r.Metadata["a"] != "b" {
				t.Errorf("got %s", r.RawJSON())
			}
			thought := slices.ContainsFunc(r.Output, func(o responses.ResponseOutputItemUnion) bool { return o.Type == "reasoning" })
			if thought != (model == thinking) {
				t.Errorf("reasoning %t in %s", thought, r.RawJSON())
			}
		})
		t.Run("a stream of "+model, func(t *testing.T) {
			streamed(t, &client, asking(model, "Say hello."), model == thinking)
		})
	}

	t.Run("a tool in streams", func(t *testing.T) {
		p := asking(thinking, "What is the weather in Paris?")
		p.Tools = []responses.ToolUnionParam{weatherFunction}
		p.Include = []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent}
		var input responses.ResponseInputParam
		input = append(input, responses.ResponseInputItemParamOfMessage("What is the weather in Paris?", responses.EasyInputMessageRoleUser))
		for turn := range 3 {
			p.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: input}
			r := streamed(t, &client, p, true)
			called := false
			for _, o := range r.Output {
				var item responses.ResponseInputItemUnionParam
				if err := json.Unmarshal([]byte(o.RawJSON()), &item); err != nil {
					t.Fatal(err)
				}
				input = append(input, item) // what came goes back, thinking too
				if o.Type == "reasoning" && o.EncryptedContent == "" {
					t.Errorf("no encrypted_content in %s", o.RawJSON())
				}
				if o.Type != "function_call" {
					continue
				}
				called = true
				var arguments struct{ City *string }
				if err := json.Unmarshal([]byte(o.Arguments.OfString), &arguments); err != nil || o.Name != "get_weather" || arguments.City == nil {
					t.Errorf("call %s does not fit the tool (%v)", o.RawJSON(), err)
				}
				result := responses.ResponseInputItemParamOfFunctionCallOutput("18 degrees, sunny")
				result.OfFunctionCallOutput.CallID = openai.String(o.CallID)
				input = append(input, result)
			}
			if !called {
				if turn == 0 || !strings.Contains(r.OutputText(), "18 degrees") {
					t.Errorf("turn %d ended with %s", turn, r.RawJSON())
				}
				return
			}
		}
		t.Error("the model calls the tool for ever")
	})

	t.Run("structured output", func(t *testing.T) {
		p := asking(instruct, "Where is the Eiffel Tower?")
		p.Text = responses.ResponseTextConfigParam{Format: responses.ResponseFormatTextConfigUnionParam{OfJSONSchema: &responses.ResponseFormatTextJSONSchemaConfigParam{
			Name:   "place",
			Schema: map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"}, "additionalProperties": false},
			Strict: openai.Bool(true),
		}}}
		var place struct{ City *string }
		if r := create(t, p); json.Unmarshal([]byte(r.OutputText()), &place) != nil || place.City == nil {
			t.Errorf("got %q", r.OutputText())
		}
	})

	t.Run("cut by its limit", func(t *testing.T) {
		p := asking(instruct, "Say hello.")
		p.MaxOutputTokens = openai.Int(1)
		if r := create(t, p); r.Status != "incomplete" || r.IncompleteDetails.Reason != "max_output_tokens" {
			t.Errorf("got %s", r.RawJSON())
		}
	})

	t.Run("errors", func(t *testing.T) {
		_, err := client.Responses.New(t.Context(), asking("nobody", "Say hello."))
		var refused *openai.Error
		if !errors.As(err, &refused) || refused.StatusCode != 404 || refused.Code != "model_not_found" || !strings.Contains(refused.Message, thinking) {
			t.Errorf("an unknown model: %v", err)
		}
		p := asking(instruct, "Say hello.")
		p.PreviousResponseID = openai.String("resp_unknown")
		if _, err := client.Responses.New(t.Context(), p); !errors.As(err, &refused) || refused.StatusCode != 400 || refused.Code != "previous_response_not_found" {
			t.Errorf("an unknown previous response: %v", err)
		}
	})

	t.Run("input tokens", func(t *testing.T) {
		r := create(t, asking(instruct, "Say hello."))
		n, err := client.Responses.InputTokens.Count(t.Context(), responses.InputTokenCountParams{
			Model: openai.String(instruct), Input: responses.InputTokenCountParamsInputUnion{OfString: openai.String("Say hello.")}})
		if err != nil || n.InputTokens != r.Usage.InputTokens {
			t.Errorf("counted %v (%v), the response took %d", n, err, r.Usage.InputTokens)
		}
	})

	t.Run("compaction", func(t *testing.T) {
		c, err := client.Responses.Compact(t.Context(), responses.ResponseCompactParams{Model: instruct,
			Input: responses.ResponseCompactParamsInputUnion{OfString: openai.String("Say hello.")}})
		if err != nil {
			t.Fatal(err)
		}
		p := asking(instruct, "")
		var input responses.ResponseInputParam
		for _, o := range c.Output {
			var item responses.ResponseInputItemUnionParam
			if err := json.Unmarshal([]byte(o.RawJSON()), &item); err != nil {
				t.Fatal(err)
			}
			input = append(input, item)
		}
		input = append(input, responses.ResponseInputItemParamOfMessage("Go on.", responses.EasyInputMessageRoleUser))
		p.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: input}
		if r := create(t, p); r.Status != "completed" || c.Usage.TotalTokens == 0 {
			t.Errorf("got %s after %s", r.RawJSON(), c.RawJSON())
		}
	})
}

// streamed reads a stream, checks that its pieces add up, and returns its last object.
func streamed(t *testing.T, client *openai.Client, p responses.ResponseNewParams, thinks bool) *responses.Response {
	t.Helper()
	stream := client.Responses.NewStreaming(t.Context(), p)
	defer stream.Close()
	var final *responses.Response
	var text, reasoning strings.Builder
	for stream.Next() {
		switch e := stream.Current(); e.Type {
		case "response.output_text.delta":
			text.WriteString(e.Delta)
		case "response.reasoning_text.delta":
			reasoning.WriteString(e.Delta)
		case "response.completed", "response.incomplete", "response.failed":
			final = &e.Response
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if final == nil || final.Status != "completed" {
		t.Fatalf("the stream ended with %+v", final)
	}
	if final.OutputText() != text.String() {
		t.Errorf("pieces %q, whole %q", text.String(), final.OutputText())
	}
	if (reasoning.Len() > 0) != thinks {
		t.Errorf("reasoning %q", reasoning.String())
	}
	if final.Usage.TotalTokens == 0 {
		t.Errorf("no usage in %s", final.RawJSON())
	}
	return final
}

// StoredResponses runs it on what needs state, which the binary has.
func StoredResponses(t *testing.T, url string) {
	client := responsesClient(url)

	t.Run("a chain", func(t *testing.T) {
		p := asking(instruct, "My name is Ada.")
		p.Store = param.Opt[bool]{}
		first, err := client.Responses.New(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		q := asking(instruct, "What is my name?")
		q.Store, q.PreviousResponseID = openai.Bool(true), openai.String(first.ID)
		second, err := client.Responses.New(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if second.PreviousResponseID != first.ID || second.Usage.InputTokens <= first.Usage.InputTokens {
			t.Errorf("got %s after %s", second.RawJSON(), first.RawJSON())
		}
		got, err := client.Responses.Get(t.Context(), second.ID, responses.ResponseGetParams{})
		if err != nil || got.OutputText() != second.OutputText() || got.ID != second.ID {
			t.Errorf("fetched %v (%v), want %s", got, err, second.RawJSON())
		}
		var texts []string
		items := client.Responses.InputItems.ListAutoPaging(t.Context(), second.ID, responses.InputItemListParams{Order: "asc", Limit: openai.Int(2)})
		for items.Next() {
			if c := items.Current(); c.Type == "message" {
				texts = append(texts, string(c.Role))
			}
		}
		if err := items.Err(); err != nil || strings.Join(texts, " ") != "user assistant user" {
			t.Errorf("input items %v (%v)", texts, err)
		}
		if err := client.Responses.Delete(t.Context(), first.ID); err != nil {
			t.Error(err)
		}
		var refused *openai.Error
		if _, err := client.Responses.Get(t.Context(), first.ID, responses.ResponseGetParams{}); !errors.As(err, &refused) || refused.StatusCode != 404 {
			t.Errorf("after deletion: %v", err)
		}
		other := openai.NewClient(option.WithBaseURL(url+"/v1/"), option.WithAPIKey("sk-other"), option.WithMaxRetries(0))
		if _, err := other.Responses.Get(t.Context(), second.ID, responses.ResponseGetParams{}); !errors.As(err, &refused) || refused.StatusCode != 404 {
			t.Errorf("another key gets %v", err)
		}
	})

	t.Run("WebSocket", func(t *testing.T) {
		conn, err := client.Responses.Connect(t.Context(), responses.ResponseConnectionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		previous := ""
		for _, text := range []string{"My name is Ada.", "What is my name?"} {
			create := map[string]any{"type": string(constant.ValueOf[constant.ResponseCreate]()), "model": thinking, "store": false, "input": text}
			if previous != "" {
				create["previous_response_id"] = previous
			}
			raw, err := json.Marshal(create)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SendRaw(t.Context(), raw); err != nil {
				t.Fatal(err)
			}
			for done := false; !done; {
				frame, err := conn.RecvRaw(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var e responses.ResponseStreamEventUnion
				if err := json.Unmarshal(frame, &e); err != nil {
					t.Fatal(err)
				}
				switch e.Type {
				case "response.completed":
					if e.Response.PreviousResponseID != previous || e.Response.OutputText() == "" {
						t.Errorf("got %s", e.RawJSON())
					}
					previous, done = e.Response.ID, true
				case "response.failed", "response.incomplete", "error":
					t.Fatalf("got %s", e.RawJSON())
				}
			}
		}
	})
}
