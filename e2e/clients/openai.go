package clients

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// Models that are built in: one that thinks and one that doesn't.
const (
	thinking = "qwen3.5-thinking-general"
	instruct = "qwen3.5-instruct-general"
)

var weather = openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
	Name:        "get_weather",
	Description: openai.String("The weather in a city."),
	Parameters: openai.FunctionParameters{
		"type":       "object",
		"properties": map[string]any{"city": map[string]any{"type": "string"}},
		"required":   []string{"city"},
	},
})

// OpenAI runs OpenAI's client for Go against the gateway at url, whose configuration
// must have the built-in models and aliases.
func OpenAI(t *testing.T, url string) {
	client := openai.NewClient(option.WithBaseURL(url+"/v1/"), option.WithAPIKey("sk-test"), option.WithMaxRetries(0))
	ask := func(model, text string) openai.ChatCompletionNewParams {
		return openai.ChatCompletionNewParams{Model: model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(text)}}
	}

	t.Run("models", func(t *testing.T) {
		page, err := client.Models.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, m := range page.Data {
			ids = append(ids, m.ID)
		}
		for _, want := range []string{thinking, instruct} {
			if !slices.Contains(ids, want) {
				t.Errorf("%s is not among %v", want, ids)
			}
		}
		one, err := client.Models.Get(t.Context(), thinking)
		if err != nil || one.ID != thinking {
			t.Errorf("got %v (%v)", one, err)
		}
		var refused *openai.Error
		if _, err := client.Models.Get(t.Context(), "nobody"); !errors.As(err, &refused) || refused.StatusCode != 404 || !strings.Contains(refused.Message, thinking) {
			t.Errorf("an unknown model: %v", err)
		}
	})

	t.Run("chat", func(t *testing.T) {
		p := ask(instruct, "Say hello.")
		// Two system messages, one of them late, as agents send them.
		p.Messages = append([]openai.ChatCompletionMessageParamUnion{openai.SystemMessage("Be brief.")}, append(p.Messages, openai.SystemMessage("Be kind."))...)
		r, err := client.Chat.Completions.New(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		if r.Model != instruct || len(r.Choices) != 1 || r.Choices[0].Message.Content == "" || r.Choices[0].FinishReason != "stop" || r.Usage.TotalTokens == 0 {
			t.Errorf("got %s", r.RawJSON())
		}
	})

	t.Run("an alias", func(t *testing.T) {
		r, err := client.Chat.Completions.New(t.Context(), ask("gpt-4o", "Say hello."))
		if err != nil {
			t.Fatal(err)
		}
		if r.Model != "gpt-4o" {
			t.Errorf("model %q", r.Model)
		}
	})

	t.Run("an error", func(t *testing.T) {
		_, err := client.Chat.Completions.New(t.Context(), ask("nobody", "Say hello."))
		var refused *openai.Error
		if !errors.As(err, &refused) || refused.StatusCode != 404 || !strings.Contains(refused.Message, thinking) {
			t.Errorf("got %v", err)
		}
	})

	for name, model := range map[string]string{"a stream": instruct, "a stream with reasoning": thinking} {
		t.Run(name, func(t *testing.T) {
			p := ask(model, "Say hello.")
			p.StreamOptions.IncludeUsage = openai.Bool(true)
			r, reasoning := accumulate(t, &client, p)
			if r.Model != model || len(r.Choices) != 1 || r.Choices[0].Message.Content == "" || r.Choices[0].FinishReason != "stop" || r.Usage.TotalTokens == 0 {
				t.Errorf("gathered %+v", r)
			}
			if (reasoning != "") != (model == thinking) {
				t.Errorf("reasoning %q", reasoning)
			}
		})
	}

	t.Run("a tool", func(t *testing.T) {
		p := ask(thinking, "What is the weather in Paris?")
		p.Tools = []openai.ChatCompletionToolUnionParam{weather}
		loop(t, p, func(p openai.ChatCompletionNewParams) *openai.ChatCompletion {
			r, err := client.Chat.Completions.New(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}
			return r
		})
	})

	t.Run("a tool in streams", func(t *testing.T) {
		p := ask(instruct, "What is the weather in Paris?")
		p.Tools = []openai.ChatCompletionToolUnionParam{weather}
		loop(t, p, func(p openai.ChatCompletionNewParams) *openai.ChatCompletion {
			r, _ := accumulate(t, &client, p)
			return r
		})
	})
}

// accumulate reads a stream with the library's own accumulator. Reasoning is a field
// that the library does not know.
func accumulate(t *testing.T, client *openai.Client, p openai.ChatCompletionNewParams) (r *openai.ChatCompletion, reasoning string) {
	t.Helper()
	stream := client.Chat.Completions.NewStreaming(t.Context(), p)
	defer stream.Close()
	var acc openai.ChatCompletionAccumulator
	for stream.Next() {
		chunk := stream.Current()
		if !acc.AddChunk(chunk) {
			t.Fatalf("the accumulator refuses %s", chunk.RawJSON())
		}
		for _, c := range chunk.Choices {
			var text string
			if raw := c.Delta.JSON.ExtraFields["reasoning_content"].Raw(); raw != "" {
				if err := json.Unmarshal([]byte(raw), &text); err != nil {
					t.Fatal(err)
				}
			}
			reasoning += text
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	return &acc.ChatCompletion, reasoning
}

// loop does what an agent does: calls the tool that the model asks for and shows it the result.
func loop(t *testing.T, p openai.ChatCompletionNewParams, ask func(openai.ChatCompletionNewParams) *openai.ChatCompletion) {
	t.Helper()
	for range 3 {
		r := ask(p)
		m := r.Choices[0].Message
		if len(m.ToolCalls) == 0 {
			if m.Content == "" || r.Choices[0].FinishReason != "stop" || len(p.Messages) == 1 {
				t.Errorf("ended after %d messages with %q, finish %s", len(p.Messages), m.Content, r.Choices[0].FinishReason)
			}
			return
		}
		if r.Choices[0].FinishReason != "tool_calls" {
			t.Errorf("finish %s with calls", r.Choices[0].FinishReason)
		}
		p.Messages = append(p.Messages, m.ToParam())
		for _, c := range m.ToolCalls {
			var arguments struct{ City *string }
			if err := json.Unmarshal([]byte(c.Function.Arguments), &arguments); err != nil || c.Function.Name != "get_weather" || arguments.City == nil {
				t.Errorf("call %+v does not fit the tool (%v)", c, err)
			}
			p.Messages = append(p.Messages, openai.ToolMessage("18 degrees, sunny", c.ID))
		}
	}
	t.Error("the model calls the tool for ever")
}
