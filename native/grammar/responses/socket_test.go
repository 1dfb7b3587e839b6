package responses_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/grammar/example"
	"github.com/qwenvoy/qwenvoy/native/grammar/responses"
)

// frames are the events of a golden stream, under a response id of their own.
func frames(g example.Stream, id string) (frames [][]byte) {
	for _, e := range g.Events() {
		frames = append(frames, []byte(strings.ReplaceAll(example.JSON(e.Data), "resp_0123456789abcdef01234567", id)))
	}
	return frames
}

const errorFrame = `{"type":"error","status":400,"error":{"type":"invalid_request_error","code":"previous_response_not_found","message":"m","param":"previous_response_id"}}`

func TestFramesOfOneSocket(t *testing.T) {
	first := frames(named("text"), "resp_aaaaaaaaaaaaaaaaaaaaaaaa")
	second := frames(named("a cut call"), "resp_bbbbbbbbbbbbbbbbbbbbbbbb")
	id := `"id":"resp_cccccccccccccccccccccccc"`
	zeros := `"usage":{"input_tokens":0,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":0,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":0}`
	warmUp := frames(example.Stream{Lines: `{"type":"response.created","response":` + example.Response(id) + `}` + example.End("completed", id, zeros)}, "")
	all := slices.Concat(warmUp, first, [][]byte{[]byte(errorFrame)}, second)
	mustPass(t, responses.Frames(all, responses.Options{}))
	mustPass(t, responses.Frames(nil, responses.Options{}))
	mustPass(t, responses.Frames(slices.Insert(slices.Clone(all), 5, []byte(errorFrame)), responses.Options{}))

	tests := []struct {
		name, fault string
		frames      [][]byte
	}{
		{"interleaved", "sequence_number is 0; must be 1", slices.Concat(first[:1], second, first[1:])},
		{"the same id again", "was another response's", slices.Concat(first, first)},
		{"ends in the midst", "without a terminal event", first[:4]},
		{"[DONE]", "[DONE]; a stream of this API", slices.Concat(first, [][]byte{[]byte("[DONE]")})},
		{"not JSON", "is not JSON", [][]byte{[]byte("event: x")}},
		{"numbers go on", "sequence_number is 0; must be 1", slices.Concat(first[:1], first)},
		{"error without status", "status is missing", [][]byte{[]byte(strings.Replace(errorFrame, `"status":400,`, "", 1))}},
		{"error without code", "error.code is null", [][]byte{[]byte(strings.Replace(errorFrame, `"previous_response_not_found"`, "null", 1))}},
		{"flat error", "error is missing", [][]byte{[]byte(`{"type":"error","status":400,"code":"c","message":"m","param":null}`)}},
		{"no in_progress", "only a warm-up", slices.Concat(first[:1], first[len(first)-1:])},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { mustFail(t, responses.Frames(tt.frames, responses.Options{}), tt.fault) })
	}
}
