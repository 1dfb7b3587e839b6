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
	}
	return -1
}

// part is where a content part and its members stand.
type part struct {
	at     jsonedit.CompactSpan
	fields [partKeys]jsonedit.CompactSpan
}

//go:noinline
func (p *part) raw(key int, src []byte) []byte {
	if v := p.fields[key]; !v.Absent() {
		return v.Of(src)
	}
	return nil
}

// partOf is part n of one of an item's lists.
//
//go:noinline
func (r *translation) partOf(it *item, list, n int) *part {
	return &r.parts[int(it.lists[list-itemContent].Start)+n]
}

// scanParts notes the parts of a list that is the Scanner's next value.
func (r *translation) scanParts(s *jsonedit.Scanner, src []byte) {
	for s.BeginArray(); s.NextElement(); {
		r.parts = append(r.parts, part{})
		p := &r.parts[len(r.parts)-1]
		if s.Kind() != jsonedit.Object {
			p.at = s.Value().Compact()
			continue
		}
		p.at.Start = int32(s.Start())
		for s.BeginObject(); s.NextMember(); {
			if n := partKey(s.Key()); n >= 0 {
				p.fields[n] = s.NotNull().Compact()
			} else {
				s.Value()
			}
		}
		p.at.End = int32(s.Pos())
	}
}

// partPath names a member of a part in messages; key is "" for the part itself.
//
//go:noinline
func partPath(it *item, list, n int, key string) string {
	if key != "" {
		key = "." + key
	}
	return it.path("." + itemNames[list] + "[" + strconv.Itoa(n) + "]" + key)
}

// partKind is a kind of content part.
type partKind uint8

const (
	textPart partKind = iota
	imagePart
	filePart
	videoPart
	audioPart
)

// kindOfPart tells a part's kind, and where its text stands if it is one.
func (r *translation) kindOfPart(it *item, list, n int) (kind partKind, text []byte, _ *hub.Problem) {
	p := r.partOf(it, list, n)
	if it.src[p.at.Start] != '{' {
		return 0, nil, hub.WrongType(partPath(it, list, n, ""), "an object")
	}
	literal := p.raw(partType, it.src)
	if literal == nil {
		return 0, nil, hub.Missing(partPath(it, list, n, "type"))
	}
	if literal[0] != '"' {
		return 0, nil, hub.WrongType(partPath(it, list, n, "type"), "a string")
	}
	key, name := partText, "text"
	switch word := jsonedit.Text(literal); string(word) {
	case "input_text", "output_text", "text":
	case "refusal":
		key, name = partRefusal, "refusal"
	case "input_image":
		return imagePart, nil, nil
	case "input_file":
		return filePart, nil, nil
	case "input_video":
		return videoPart, nil, nil
	case "input_audio":
		return audioPart, nil, nil
	default:
		return 0, nil, hub.WrongValue(partPath(it, list, n, "type"), "the part type "+hub.Quoted(word)+" is not known.")
	}
	switch text = p.raw(key, it.src); {
	case text == nil:
		return 0, nil, hub.Missing(partPath(it, list, n, name))
	case text[0] != '"':
		return 0, nil, hub.WrongType(partPath(it, list, n, name), "a string")
	}
	return textPart, jsonedit.Inside(text), nil
}

// appendTexts appends the text of a content as inside a string literal: a string's own,
// or the texts of its parts with nothing between them. Other parts go to media, with
// commas between; where that is nil there must be none.
func (r *translation) appendTexts(dst []byte, it *item, list int, media *[]byte) ([]byte, *hub.Problem) {
	raw := it.raw(list)
	if raw == nil {
		return dst, nil
	}
	switch raw[0] {
	case '"':
		return jsonedit.PutBytes(dst, jsonedit.Inside(raw)), nil
	case '[':
	default:
		return dst, hub.WrongType(it.member(list), "a string or a list of parts")
	}
	l := it.lists[list-itemContent]
	for n := range int(l.End - l.Start) {
		kind, text, p := r.kindOfPart(it, list, n)
		switch {
		case p != nil:
			return dst, p
		case kind == textPart:
			dst = jsonedit.PutBytes(dst, text)
		case kind == filePart:
			if dst, p = r.appendFile(dst, it, list, n); p != nil {
				return dst, p
			}
		case media == nil:
			return dst, hub.WrongValue(partPath(it, list, n, "type"), "only text is allowed here.")
		default:
			if len(*media) > 0 {
				*media = append(*media, ',')
			}
			if *media, p = r.appendMedia(*media, it, list, n, kind); p != nil {
				return dst, p
			}
		}
	}
	return dst, nil
}

// appendContent appends a user's content as a chat message has it: a string, or parts.
func (r *translation) appendContent(dst []byte, it *item) ([]byte, *hub.Problem) {
	raw := it.raw(itemContent)
	switch raw[0] {
	case '"':
		return jsonedit.PutBytes(dst, raw), nil
	case '[':
	default:
		return dst, hub.WrongType(it.member(itemContent), "a string or a list of parts")
	}
	l := it.lists[0]
	if l.Start == l.End {
		return jsonedit.Put(dst, `""`), nil
	}
	dst = append(dst, '[')
	for n := range int(l.End - l.Start) {
		kind, text, p := r.kindOfPart(it, itemContent, n)
		if p != nil {
			return dst, p
		}
		if kind == textPart && l.End-l.Start == 1 {
			return jsonedit.PutBetween(dst[:len(dst)-1], `"`, text, `"`), nil
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		switch kind {
		case textPart:
			dst = jsonedit.PutBetween(dst, `{"type":"text","text":"`, text, `"}`)
		case filePart:
			dst = jsonedit.Put(dst, `{"type":"text","text":"`)
			if dst, p = r.appendFile(dst, it, itemContent, n); p != nil {
				return dst, p
			}
			dst = jsonedit.Put(dst, `"}`)
		default:
			if dst, p = r.appendMedia(dst, it, itemContent, n, kind); p != nil {
				return dst, p
			}
		}
	}
	return append(dst, ']'), nil
}

// appendThoughts appends the texts of a reasoning item's content or summary, joined by
// a line feed. What is no text is passed over: thinking is never worth an error.
func (r *translation) appendThoughts(dst []byte, it *item, list int) []byte {
	raw := it.raw(list)
	if raw == nil || raw[0] != '[' {
		return dst
	}
	start := len(dst)
	l := it.lists[list-itemContent]
	for i := l.Start; i < l.End; i++ {
		text := r.parts[i].raw(partText, it.src)
		if len(text) <= len(`""`) || text[0] != '"' {
			continue
		}
		if len(dst) > start {
			dst = jsonedit.Put(dst, `\n`)
		}
		dst = jsonedit.PutBytes(dst, jsonedit.Inside(text))
	}
	return dst
}

// appendMedia appends an image, a video or a sound as a chat content part.
func (r *translation) appendMedia(dst []byte, it *item, list, n int, kind partKind) ([]byte, *hub.Problem) {
	p := r.partOf(it, list, n)
	key, name, begin := partImageURL, "image_url", `{"type":"image_url","image_url":{"url":`
	switch kind {
	case videoPart:
		key, name, begin = partVideoURL, "video_url", `{"type":"video_url","video_url":{"url":`
	case audioPart:
		v := p.raw(partAudio, it.src)
		switch {
		case v == nil:
			return dst, hub.Missing(partPath(it, list, n, "input_audio"))
		case v[0] != '{':
			return dst, hub.WrongType(partPath(it, list, n, "input_audio"), "an object")
		}
		return jsonedit.PutBetween(dst, `{"type":"input_audio","input_audio":`, v, "}"), nil
	}
	v := p.raw(key, it.src)
	switch {
	case v == nil && p.raw(partFileID, it.src) != nil:
		return dst, noFiles(partPath(it, list, n, "file_id"))
	case v == nil:
		return dst, hub.Missing(partPath(it, list, n, name))
	case v[0] != '"':
		return dst, hub.WrongType(partPath(it, list, n, name), "a string")
	}
	dst = jsonedit.PutBetween(dst, begin, v, "")
	if kind == imagePart {
		switch detail := p.raw(partDetail, it.src); string(detail) {
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
func (r *translation) appendFile(dst []byte, it *item, list, n int) ([]byte, *hub.Problem) {
	p := r.partOf(it, list, n)
	data := p.raw(partFileData, it.src)
	switch {
	case data == nil && p.raw(partFileURL, it.src) != nil:
		param := partPath(it, list, n, "file_url")
		return dst, hub.UnsupportedValue(param, "files are not fetched from here. Send the text as file_data.")
	case data == nil && p.raw(partFileID, it.src) != nil:
		return dst, noFiles(partPath(it, list, n, "file_id"))
	case data == nil:
		return dst, hub.Missing(partPath(it, list, n, "file_data"))
	case data[0] != '"':
		return dst, hub.WrongType(partPath(it, list, n, "file_data"), "a string")
	}
	text, ok := fileText(jsonedit.Text(data))
	if !ok {
		param := partPath(it, list, n, "file_data")
		return dst, hub.UnsupportedValue(param, "only text files are read (text/*, JSON, XML, CSV). Send the text of other documents, or their pages as images.")
	}
	if name := p.raw(partFilename, it.src); len(name) > len(`""`) && name[0] == '"' {
		dst = jsonedit.PutBetween(dst, "File ", jsonedit.Inside(name), `:\n\n`)
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

var textTypes = []string{"json", "xml", "csv", "yaml", "x-yaml", "toml", "javascript", "x-javascript", "typescript", "x-sh", "sql", "x-ndjson", "jsonl", "markdown"}

func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }
