package messages

import (
	"strconv"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// appendCount appends the answer to count_tokens. Of the upstream's reply only count is
// read: it comes first, and behind it stand all tokens, megabytes for a long prompt.
func appendCount(dst, body []byte) ([]byte, *hub.Problem) {
	var s jsonedit.Scanner
	s.Reset(body)
	for s.BeginObject(); s.NextMember(); {
		key, at := string(s.Key()), s.Value()
		if key != "count" {
			continue
		}
		if n, err := strconv.Atoi(string(at.Of(body))); err == nil && n >= 0 {
			return appendInputTokens(dst, n), nil
		}
		break
	}
	return dst, hub.BadUpstream("The model server's answer to /tokenize has no count.")
}

func appendInputTokens(dst []byte, n int) []byte {
	return append(strconv.AppendInt(jsonedit.Put(dst, `{"input_tokens":`), int64(n), 10), '}')
}

// imageSize is what an image counts in an estimate, in bytes of text: a Qwen model sees one
// of 1000 by 1000 pixels as about 1000 tokens, however many bytes it has.
const imageSize = 3500

// Estimate implements hub.Estimator: 3.5 bytes of a request are about a token.
func (d Dialect) Estimate(t *hub.Turn) *hub.Answer {
	r, _ := t.Request.State.(*request)
	if d.kind != countTokens || r == nil || r.size == 0 {
		return nil
	}
	return &hub.Answer{
		Status: 200,
		Body:   appendInputTokens(nil, max(r.size*2/7, 1)),
		Header: [][2]string{{hub.EstimateHeader, "input_tokens"}},
		Reason: "estimated",
	}
}
