package responses

import (
	"bytes"
	"encoding/base64"

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
	if isForeignSeal(sealed) {
		return []byte(notReadable)
	}
	return jsonedit.Inside(literal)
}

// isForeignSeal tells whether a text is a cipher of others by what their formats have in front:
// a token of Fernet, as OpenAI has them, or an encrypted JWT. Nothing else counts, however
// little it looks like a text: base64, digits in hex and signed tokens are what a model may hand
// on, and a text that is taken for a cipher is lost.
func isForeignSeal(text []byte) bool { return isFernet(text) || isEncryptedJWT(text) }

// isFernet tells a token of Fernet: the version 0x80, the seconds since 1970 in eight bytes, of
// which the first four are zero until 2106, a vector, at least a block and a signature, as base64.
func isFernet(text []byte) bool {
	const least = 1 + 8 + 16 + 16 + 32 // bytes
	text = bytes.TrimRight(text, "=")
	return bytes.HasPrefix(text, []byte("gAAAAA")) && len(text) >= least*4/3+1 && text[6] >= 'A' && text[6] <= 'D' && isBase64(text)
}

// isEncryptedJWT tells a JWE in its compact form: five parts, of which the first is a JSON object
// that names the encryption. A signed token has three, and can be read.
func isEncryptedJWT(text []byte) bool {
	parts := bytes.Split(text, []byte{'.'})
	if len(parts) != 5 {
		return false
	}
	for _, p := range parts {
		if !isBase64(p) {
			return false
		}
	}
	head, err := base64.RawURLEncoding.AppendDecode(nil, parts[0])
	return err == nil && bytes.HasPrefix(head, []byte("{")) && bytes.Contains(head, []byte(`"enc"`))
}

// isBase64 tells whether a text is of either alphabet, without padding.
func isBase64(text []byte) bool {
	for _, c := range text {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || bytes.IndexByte([]byte("+/-_"), c) >= 0) {
			return false
		}
	}
	return true
}
