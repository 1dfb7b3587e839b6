package parts

import (
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/repair"
)

// blank is white space that may begin a text. It is held back, since a text of nothing
// else makes no part: vLLM leaves line feeds between thinking and a call.
type blank struct{ text, logprobs []byte }

func (b *blank) hold(text, logprobs []byte) {
	b.text = jsonedit.PutBytes(b.text, text)
	b.logprobs = repair.JoinLogprobs(b.logprobs, logprobs)
}

// release puts what was held before a text that begins with n bytes of white space.
// Behind thinking, the line feeds at its front go, and the tokens that say nothing else.
func (b *blank) release(text, logprobs []byte, n int, behindThinking bool) ([]byte, []byte) {
	trimmed := 0
	if behindThinking {
		held := jsonedit.PutBytes(b.text, text[:n])
		text = text[n:]
		trimmed = jsonedit.LineFeeds(held)
		held = held[trimmed:]
		if len(held) > 0 {
			text = jsonedit.PutBytes(held, text)
		}
	} else if len(b.text) > 0 {
		text = jsonedit.PutBytes(b.text, text)
	}
	if len(b.logprobs) > 0 {
		logprobs = repair.JoinLogprobs(b.logprobs, logprobs)
	}
	logprobs = repair.TrimTokens(logprobs, trimmed/len(`\n`))
	*b = blank{}
	return text, logprobs
}
