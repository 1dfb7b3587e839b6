package responses

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/parts"
)

// Reply implements hub.Dialect.
func (d Dialect) Reply(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	if d.kind == inputTokens {
		return appendInputTokens(dst, body)
	}
	// An upstream that answers a request for a stream with a whole reply still gives the
	// client its stream.
	w := newWriter(d.kind, t, t.Request.Streamed)
	out, p := parts.Whole(dst, body, t, w, options)
	if p == nil {
		p = w.problem
	}
	switch {
	case p != nil:
		return dst, p
	case t.Need() != nil:
		return t.After(out, func(dst []byte) ([]byte, *hub.Problem) { return dst, w.problem })
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
	var s jsonedit.Scanner
	s.Reset(body)
	for s.BeginObject(); s.NextMember(); {
		if string(s.Key()) != "count" {
			s.Value()
			continue
		}
		if count := s.Value().Of(body); len(count) > 0 && isCount(count) {
			dst = jsonedit.PutBytes(jsonedit.Put(dst, `{"object":"response.input_tokens","input_tokens":`), count)
			return append(dst, '}'), nil
		}
	}
	return dst, hub.BadUpstream("The model server's answer to /tokenize holds no count.")
}
