package simulator

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const square = `{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}`

func about(parts string) string {
	return `{"messages":[{"role":"user","content":[` + parts + `{"type":"text","text":"Count to 5"}]}]}`
}

func TestImagesCountAndTheTextIsAnswered(t *testing.T) {
	url := start(t, Options{Images: true})
	plain := chat(t, url, about(""))
	for parts, images := range map[string]int{
		square + ",": 1,
		square + `,{"type":"image_url","image_url":{"url":"https://example.com/a.jpg"}},`: 2,
		`{"type":"image_url","image_url":"http://example.com/a.jpg"},`:                    1,
	} {
		got := chat(t, url, about(parts))
		if *got.Choices[0].Message.Content != *plain.Choices[0].Message.Content {
			t.Errorf("%s: %q, not %q", parts, *got.Choices[0].Message.Content, *plain.Choices[0].Message.Content)
		}
		// Two tokens more mark where an image begins and ends.
		if n := got.Usage.PromptTokens - plain.Usage.PromptTokens; n != images*(imageTokens+2) {
			t.Errorf("%s: %d tokens more", parts, n)
		}
	}
	// An image among a tool's results, and in /tokenize.
	got := chat(t, url, `{"messages":[{"role":"user","content":"Look at it."},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"a","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":[`+square+`,{"type":"text","text":"here"}]}]}`)
	if text := strings.TrimSpace(*got.Choices[0].Message.Content); text != "The tool says: here" || got.Usage.PromptTokens < imageTokens {
		t.Errorf("%q for %d tokens", text, got.Usage.PromptTokens)
	}
	_, text, _ := post(t, url+"/tokenize", about(square+","))
	if want := fmt.Sprintf(`"count":%d,`, plain.Usage.PromptTokens+imageTokens+2); !strings.Contains(text, want) {
		t.Errorf("tokenize says %s, want %s", text, want)
	}
}

func TestWhatIsNoImageIsRefused(t *testing.T) {
	for parts, want := range map[string]string{
		`{"type":"image_url","image_url":{"url":"file-123"}},`:                          "The URL must be either a HTTP, data or file URL.",
		`{"type":"image_url"},`:                                                         "The URL must be either a HTTP, data or file URL.",
		`{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},`:          "is not a multimodal model",
		`{"type":"video_url","video_url":{"url":"https://example.com/a.mp4"}},`:         "is not a multimodal model",
		`{"type":"hologram","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}},`: "Unknown part type: hologram",
	} {
		resp, text, _ := post(t, start(t, Options{Images: true})+"/v1/chat/completions", about(parts))
		if resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", parts, resp.StatusCode, text)
		}
	}
	resp, text, _ := post(t, start(t, Options{})+"/v1/chat/completions", about(square+","))
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, DefaultModel+" is not a multimodal model") {
		t.Errorf("text only: %d %s", resp.StatusCode, text)
	}
}
