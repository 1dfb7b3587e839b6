package responses

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// Reply implements hub.Dialect.
func (d Dialect) Reply(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	if d.kind == inputTokens {
		return appendInputTokens(dst, body)
	}
	// An upstream that answers a request for a stream with a whole reply still gives the
	// client its stream.
	w := newWriter(d.kind, t, t.Streamed)
	out, p := parts.Whole(dst, body, t, w, options)
	if p == nil {
		p = w.problem
	}
	if p != nil {
		return dst, p
	}
	return out, nil
}

// Stream implements hub.Dialect.
func (d Dialect) Stream(t *hub.Turn) hub.Stream {
	return parts.NewStream(t, newWriter(d.kind, t, true), options)
}

// appendInputTokens turns the answer of the upstream's /tokenize. Its count stands in
// front of a list of all tokens.
func appendInputTokens(dst, body []byte) ([]byte, *hub.Problem) {
	count := gjson.GetBytes(body, "count")
	if count.Type != gjson.Number {
		return dst, hub.BadUpstream("The model server's answer to /tokenize holds no count.")
	}
	dst = append(dst, `{"object":"response.input_tokens","input_tokens":`...)
	dst = strconv.AppendInt(dst, count.Int(), 10)
	return append(dst, '}'), nil
}
