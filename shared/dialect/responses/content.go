package responses

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"unicode/utf8"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// The members of a content part that are read; those of a shell's output are among them.
const (
	partType = iota
	partText
	partRefusal
	partImageURL
	partDetail
	partFileID
	partFileData
	partFileURL
	partFilename
	partVideoURL
	partAudio
	partStdout
	partStderr
	partOutcome
	partEncrypted
	partKeys
)

func partKey(key []byte) int {
	switch string(key) {
	case "type":
		return partType
	case "text":
		return partText
	case "refusal":
		return partRefusal
	case "image_url":
		return partImageURL
	case "detail":
		return partDetail
	case "file_id":
		return partFileID
	case "file_data":
		return partFileData
	case "file_url":
		return partFileURL
	case "filename":
		return partFilename
	case "video_url":
		return partVideoURL
	case "input_audio":
		return partAudio
	case "stdout":
		return partStdout
	case "stderr":
		return partStderr
	case "outcome":
		return partOutcome
	case "encrypted_content":
		return partEncrypted
	}
	return -1
}

// part is where a content part and its members stand.
type part struct {
	at     jsonedit.CompactSpan
	fields [partKeys]jsonedit.CompactSpan
}

//go:noinline
func (p *part) raw(key int, src []byte) []byte { return p.fields[key].Literal(src) }

// content is what stands in one of an item's members: a text, or a list of parts.
type content struct {
	opener *opener
	it     *item
	list   int // the member
	parts  []part
}

// raw is a member of part n.
//
//go:noinline
func (c *content) raw(n, key int) []byte { return c.parts[n].raw(key, c.it.src) }

// path names a member of part n in messages; key is "" for the part itself.
//
//go:noinline
func (c *content) path(n int, key string) string {
	if key != "" {
		key = "." + key
	}
	return c.it.path("." + itemNames[c.list] + "[" + strconv.Itoa(n) + "]" + key)
}

// partKind is a kind of content part.
type partKind uint8

const (
	textPart partKind = iota
	imagePart
	filePart
	videoPart
	audioPart
	droppedPart // nobody knows it, and there is nothing in it to read
)

// kind tells the kind of part n, and its text if it is one.
func (c *content) kind(n int) (kind partKind, text []byte, _ *hub.Problem) {
	if c.it.src[c.parts[n].at.Start] != '{' {
		return 0, nil, hub.WrongType(c.path(n, ""), "an object")
	}
	literal := c.raw(n, partType)
	if literal == nil {
		return 0, nil, hub.Missing(c.path(n, "type"))
	}
	if literal[0] != '"' {
		return 0, nil, hub.WrongType(c.path(n, "type"), "a string")
	}
	key, name := partText, "text"
	switch word := jsonedit.Text(literal); string(word) {
	case "input_text", "output_text", "text":
	case "refusal":
		key, name = partRefusal, "refusal"
	case "encrypted_content":
		literal := c.raw(n, partEncrypted)
		switch {
		case literal == nil:
			return 0, nil, hub.Missing(c.path(n, "encrypted_content"))
		case literal[0] != '"':
			return 0, nil, hub.WrongType(c.path(n, "encrypted_content"), "a string")
		}
		return textPart, c.opener.unsealed(literal), nil
	case "input_image":
		return imagePart, nil, nil
	case "input_file":
		return filePart, nil, nil
	case "input_video":
		return videoPart, nil, nil
	case "input_audio":
		return audioPart, nil, nil
	default:
		if text = c.readable(n); len(text) == 0 || isForeign(word) {
			c.opener.turn.Request.DropItem(word)
			return droppedPart, nil, nil
		}
		return textPart, text, nil
	}
	switch text = c.raw(n, key); {
	case text == nil:
		return 0, nil, hub.Missing(c.path(n, name))
	case text[0] != '"':
		return 0, nil, hub.WrongType(c.path(n, name), "a string")
	}
	return textPart, jsonedit.Inside(text), nil
}

// appendText appends the text as inside a string literal: a string's own, or the texts of the
// parts with nothing between them. Other parts go to media, with commas between; where that is
// nil there must be none.
func (c *content) appendText(dst []byte, media *[]byte) ([]byte, *hub.Problem) {
	raw := c.it.raw(c.list)
	if raw == nil {
		return dst, nil
	}
	switch raw[0] {
	case '"':
		return jsonedit.PutBytes(dst, jsonedit.Inside(raw)), nil
	case '[':
	default:
		return dst, hub.WrongType(c.it.member(c.list), "a string or a list of parts")
	}
	dst = jsonedit.Expect(dst, len(raw))
	for n := range c.parts {
		kind, text, p := c.kind(n)
		switch {
		case p != nil:
			return dst, p
		case kind == textPart:
			dst = jsonedit.PutBytes(dst, text)
		case kind == droppedPart:
		case kind == filePart:
			if dst, p = c.appendFile(dst, n); p != nil {
				return dst, p
			}
		case media == nil:
			return dst, hub.WrongValue(c.path(n, "type"), "only text is allowed here.")
		default:
			if len(*media) > 0 {
				*media = append(*media, ',')
			}
			if *media, p = c.appendMedia(*media, n, kind); p != nil {
				return dst, p
			}
		}
	}
	return dst, nil
}

// appendChat appends a user's content as a chat message has it: a string, or parts.
func (c *content) appendChat(dst []byte) ([]byte, *hub.Problem) {
	raw := c.it.raw(c.list)
	switch raw[0] {
	case '"':
		return jsonedit.PutBytes(dst, raw), nil
	case '[':
	default:
		return dst, hub.WrongType(c.it.member(c.list), "a string or a list of parts")
	}
	dst = append(jsonedit.Expect(dst, len(raw)), '[')
	start := len(dst)
	for n := range c.parts {
		kind, text, p := c.kind(n)
		if p != nil {
			return dst, p
		}
		if kind == droppedPart {
			continue
		}
		if kind == textPart && len(c.parts) == 1 {
			return jsonedit.PutBetween(dst[:len(dst)-1], `"`, text, `"`), nil
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		switch kind {
		case textPart:
			dst = jsonedit.PutBetween(dst, `{"type":"text","text":"`, text, `"}`)
		case filePart:
			dst = jsonedit.Put(dst, `{"type":"text","text":"`)
			if dst, p = c.appendFile(dst, n); p != nil {
				return dst, p
			}
			dst = jsonedit.Put(dst, `"}`)
		default:
			if dst, p = c.appendMedia(dst, n, kind); p != nil {
				return dst, p
			}
		}
	}
	if len(dst) == start {
		return jsonedit.Put(dst[:start-1], `""`), nil
	}
	return append(dst, ']'), nil
}

// appendThoughts appends the texts of a reasoning item's content or summary, joined by
// a line feed. What is no text is passed over: thinking is never worth an error.
func (c *content) appendThoughts(dst []byte) []byte {
	if !jsonedit.Is(c.it.raw(c.list), jsonedit.Array) {
		return dst
	}
	start := len(dst)
	for n := range c.parts {
		text := jsonedit.Inside(c.raw(n, partText))
		if len(text) == 0 {
			continue
		}
		if len(dst) > start {
			dst = jsonedit.Put(dst, `\n`)
		}
		dst = jsonedit.PutBytes(dst, text)
	}
	return dst
}

// appendMedia appends an image, a video or a sound as a chat content part.
func (c *content) appendMedia(dst []byte, n int, kind partKind) ([]byte, *hub.Problem) {
	key, name, begin := partImageURL, "image_url", `{"type":"image_url","image_url":{"url":`
	switch kind {
	case videoPart:
		key, name, begin = partVideoURL, "video_url", `{"type":"video_url","video_url":{"url":`
	case audioPart:
		v := c.raw(n, partAudio)
		switch {
		case v == nil:
			return dst, hub.Missing(c.path(n, "input_audio"))
		case v[0] != '{':
			return dst, hub.WrongType(c.path(n, "input_audio"), "an object")
		}
		return jsonedit.PutBetween(dst, `{"type":"input_audio","input_audio":`, v, "}"), nil
	}
	v := c.raw(n, key)
	switch {
	case v == nil && c.raw(n, partFileID) != nil:
		return dst, noFiles(c.path(n, "file_id"))
	case v == nil:
		return dst, hub.Missing(c.path(n, name))
	case v[0] != '"':
		return dst, hub.WrongType(c.path(n, name), "a string")
	}
	dst = jsonedit.PutBetween(dst, begin, v, "")
	if kind == imagePart {
		switch detail := c.raw(n, partDetail); string(detail) {
		case `"low"`, `"high"`:
			dst = jsonedit.PutBetween(dst, `,"detail":`, detail, "")
		}
	}
	return jsonedit.Put(dst, `}}`), nil
}

func noFiles(param string) *hub.Problem {
	return hub.UnsupportedValue(param, "no files are stored here. Send the content itself, as a data URL.")
}

// appendFile appends a file's text under its name, as inside a string literal.
func (c *content) appendFile(dst []byte, n int) ([]byte, *hub.Problem) {
	data := c.raw(n, partFileData)
	switch {
	case data == nil && c.raw(n, partFileURL) != nil:
		return dst, hub.UnsupportedValue(c.path(n, "file_url"), "files are not fetched from here. Send the text as file_data.")
	case data == nil && c.raw(n, partFileID) != nil:
		return dst, noFiles(c.path(n, "file_id"))
	case data == nil:
		return dst, hub.Missing(c.path(n, "file_data"))
	case data[0] != '"':
		return dst, hub.WrongType(c.path(n, "file_data"), "a string")
	}
	text, ok := fileText(jsonedit.Text(data))
	if !ok {
		return dst, hub.UnsupportedValue(c.path(n, "file_data"), "only text files are read (text/*, JSON, XML, CSV). "+
			"Send the text of other documents, or their pages as images.")
	}
	if name := jsonedit.Inside(c.raw(n, partFilename)); len(name) > 0 {
		dst = jsonedit.PutBetween(dst, "File ", name, `:\n\n`)
	}
	return jsonedit.AppendEscaped(dst, text), nil
}

// fileText is the text of file_data: a data URL of a kind that is text, or plain text.
func fileText(data []byte) (text []byte, ok bool) {
	rest, isURL := bytes.CutPrefix(data, []byte("data:"))
	if !isURL {
		// A PDF without its data URL, plain or as base64, is still none.
		if bytes.HasPrefix(data, []byte("%PDF")) || bytes.HasPrefix(data, []byte("JVBERi")) {
			return nil, false
		}
		return data, isText(data)
	}
	head, body, found := bytes.Cut(rest, []byte{','})
	if !found {
		return nil, false
	}
	kind, parameters, _ := bytes.Cut(head, []byte{';'})
	if !isTextType(bytes.ToLower(bytes.TrimSpace(kind))) {
		return nil, false
	}
	if bytes.HasSuffix(jsonedit.PutBytes([]byte{';'}, parameters), []byte(";base64")) {
		body = bytes.TrimRight(body, "=")
		text, err := base64.RawStdEncoding.AppendDecode(nil, body)
		return text, err == nil && isText(text)
	}
	plain, ok := jsonedit.AppendPercentDecoded(nil, body)
	return plain, ok && isText(plain)
}

// isTextType tells whether a media type, in lower case, is text. None is text/plain (RFC 2397).
func isTextType(kind []byte) bool {
	if len(kind) == 0 || bytes.HasPrefix(kind, []byte("text/")) {
		return true
	}
	sub, ok := bytes.CutPrefix(kind, []byte("application/"))
	if !ok {
		return bytes.HasSuffix(kind, []byte("+xml")) || bytes.HasSuffix(kind, []byte("+json"))
	}
	for _, t := range textTypes {
		if t == string(sub) {
			return true
		}
	}
	return bytes.HasSuffix(sub, []byte("+xml")) || bytes.HasSuffix(sub, []byte("+json"))
}

var textTypes = []string{"json", "xml", "csv", "yaml", "x-yaml", "toml", "javascript", "x-javascript", "typescript", "x-sh", "sql",
	"x-ndjson", "jsonl", "markdown"}

func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }
