package responses

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// An opener opens what is sealed in a request, within what all of it may hold.
type opener struct {
	turn *hub.Turn
	// opened counts the bytes of text that came out of blobs.
	opened int
}

// open reads an encrypted_content of ours.
func (o *opener) open(blob []byte) ([]byte, blobKind, bool) {
	text, kind, ok := openBlob(nil, blob, maxOpenedText-o.opened, o.turn)
	o.opened += len(text)
	return text, kind, ok
}

// notReadable stands for a part of a message that somebody else has sealed, as inside a literal.
const notReadable = `(This part of the message is encrypted and can't be read here.)`

// unsealed is what a part says that its client calls encrypted, given as a literal. Codex seals
// nothing itself: it trusts that arguments of calls come sealed from the server, and hands what
// our model wrote on to another agent under that name. So most of it is plain text.
func (o *opener) unsealed(literal []byte) []byte {
	sealed := jsonedit.Text(literal)
	if bytes.HasPrefix(sealed, []byte(plainTag)) || bytes.HasPrefix(sealed, []byte(sealedTag)) {
		if text, _, ok := o.open(sealed); ok {
			return jsonedit.AppendEscaped(nil, text)
		}
		return []byte(notReadable)
	}
	if isCipher(sealed) {
		return []byte(notReadable)
	}
	return jsonedit.Inside(literal)
}

// isCipher tells whether a text looks like a seal of others: a token of Fernet, as OpenAI has
// them, an encrypted JWT, or very long base64, none of which holds white space.
func isCipher(text []byte) bool {
	for _, c := range text {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || bytes.IndexByte([]byte("+/-_=."), c) >= 0) {
			return false
		}
	}
	const short, long = 48, 256
	marked := bytes.HasPrefix(text, []byte("gAAAA")) || bytes.HasPrefix(text, []byte("eyJ"))
	return len(text) >= long || marked && len(text) >= short
}
