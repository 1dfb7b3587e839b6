package clients

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

var weatherTool = anthropic.ToolUnionParam{OfTool: &anthropic.ToolParam{
	Name:        "get_weather",
	Description: anthropic.String("The weather in a city."),
	InputSchema: anthropic.ToolInputSchemaParam{Properties: map[string]any{"city": map[string]any{"type": "string"}}, Required: []string{"city"}},
}}

// Anthropic runs Anthropic's client for Go on the Messages API.
func Anthropic(t *testing.T, url string) {
	client := anthropic.NewClient(option.WithBaseURL(url), option.WithAPIKey("sk-test"), option.WithMaxRetries(0))
	ask := func(model, text string) anthropic.MessageNewParams {
		return anthropic.MessageNewParams{Model: anthropic.Model(model), MaxTokens: 1024, Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))}}
	}
	text := func(m *anthropic.Message) (text, thought string) {
		for _, b := range m.Content {
			text += b.Text
			thought += b.Thinking
		}
		return text, thought
	}
	create := func(t *testing.T, p anthropic.MessageNewParams) *anthropic.Message {
		t.Helper()
		m, err := client.Messages.New(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	gather := func(t *testing.T, p anthropic.MessageNewParams) *anthropic.Message {
		t.Helper()
		stream := client.Messages.NewStreaming(t.Context(), p)
		defer stream.Close()
		var m anthropic.Message
		last := ""
		for stream.Next() {
			e := stream.Current()
			if err := m.Accumulate(e); err != nil {
				t.Fatalf("the accumulator refuses %s: %v", e.RawJSON(), err)
			}
			last = e.Type
		}
		if err := stream.Err(); err != nil || last != "message_stop" {
			t.Fatalf("the stream ended with %q (%v)", last, err)
		}
		return &m
	}

	for _, way := range []struct {
		name string
		send func(*testing.T, anthropic.MessageNewParams) *anthropic.Message
	}{{"a message", create}, {"a stream", gather}} {
		for _, tt := range []struct {
			model string
			asked bool
		}{{instruct, true}, {thinking, true}, {thinking, false}, {"claude-sonnet-4-5", false}} {
			model := tt.model
			t.Run(fmt.Sprintf("%s of %s, thinking asked for: %t", way.name, model, tt.asked), func(t *testing.T) {
				p := ask(model, "Say hello.")
				if tt.asked {
					p.Thinking = anthropic.ThinkingConfigParamUnion{OfAdaptive: &anthropic.ThinkingConfigAdaptiveParam{}}
				}
				p.System = []anthropic.TextBlockParam{{Text: "Be brief."}, {Text: "Be kind."}}
				m := way.send(t, p)
				got, thought := text(m)
				if string(m.Model) != model || got == "" || m.StopReason != "end_turn" || m.Usage.InputTokens == 0 || m.Usage.OutputTokens == 0 || !strings.HasPrefix(m.ID, "msg_") {
					t.Errorf("got %s", m.RawJSON())
				}
				if (thought != "") != (model == thinking && tt.asked) {
					t.Errorf("thought %q", thought)
				}
				if !tt.asked && m.Content[0].Text != got { // as the SDKs' first example reads it
					t.Errorf("content[0].text is %q of %q", m.Content[0].Text, got)
				}
			})
		}
		t.Run(way.name+" with a tool", func(t *testing.T) {
			p := ask(thinking, "What is the weather in Paris?")
			p.Tools = []anthropic.ToolUnionParam{weatherTool}
			for turn := range 3 {
				m := way.send(t, p)
				p.Messages = append(p.Messages, m.ToParam())
				var results []anthropic.ContentBlockParamUnion
				for _, b := range m.Content {
					if b.Type != "tool_use" {
						continue
					}
					var input struct{ City *string }
					if err := json.Unmarshal(b.Input, &input); err != nil || b.Name != "get_weather" || input.City == nil {
						t.Errorf("call %s does not fit the tool (%v)", b.RawJSON(), err)
					}
					results = append(results, anthropic.NewToolResultBlock(b.ID, "18 degrees, sunny", false))
				}
				if len(results) == 0 {
					if got, _ := text(m); turn == 0 || !strings.Contains(got, "18 degrees") || m.StopReason != "end_turn" {
						t.Errorf("turn %d ended with %s", turn, m.RawJSON())
					}
					return
				}
				if m.StopReason != "tool_use" {
					t.Errorf("stop_reason %s with calls", m.StopReason)
				}
				p.Messages = append(p.Messages, anthropic.NewUserMessage(results...))
			}
			t.Error("the model calls the tool for ever")
		})
	}

	t.Run("cut by its limit", func(t *testing.T) {
		p := ask(instruct, "Say hello.")
		p.MaxTokens = 1
		if m := gather(t, p); m.StopReason != "max_tokens" {
			t.Errorf("got %s", m.RawJSON())
		}
	})

	t.Run("count_tokens", func(t *testing.T) {
		m := create(t, ask(instruct, "Say hello."))
		n, err := client.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{Model: instruct, Messages: ask(instruct, "Say hello.").Messages})
		if err != nil || n.InputTokens != m.Usage.InputTokens+m.Usage.CacheReadInputTokens+m.Usage.CacheCreationInputTokens {
			t.Errorf("counted %v (%v), the message took %s", n, err, m.Usage.RawJSON())
		}
	})

	t.Run("models", func(t *testing.T) {
		page, err := client.Models.List(t.Context(), anthropic.ModelListParams{})
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, m := range page.Data {
			found = found || m.ID == thinking && m.Type == "model" && m.DisplayName != "" && !m.CreatedAt.IsZero()
		}
		if !found {
			t.Errorf("%s is not in %s", thinking, page.RawJSON())
		}
		if m, err := client.Models.Get(t.Context(), thinking, anthropic.ModelGetParams{}); err != nil || m.ID != thinking {
			t.Errorf("got %v (%v)", m, err)
		}
	})

	t.Run("an error", func(t *testing.T) {
		_, err := client.Messages.New(t.Context(), ask("nobody", "Say hello."))
		var refused *anthropic.Error
		if !errors.As(err, &refused) || refused.StatusCode != 404 || !strings.Contains(err.Error(), thinking) || !strings.Contains(err.Error(), "not_found_error") || refused.RequestID == "" {
			t.Errorf("got %v", err)
		}
	})
}
