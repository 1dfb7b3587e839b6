package history

import (
	"bytes"

	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// Unpack finds the images in a result that is the JSON of a list of parts, written as a text:
// some agents and tools hand it on so. To the model it would be a million letters. images is
// appended to, with commas between; text, an inside, is what the list says beside them. A text
// without images, or with anything that is not known in it, stays as it is.
func Unpack(text, images []byte) ([]byte, []byte) {
	first := bytes.TrimLeft(text[:min(len(text), 16)], " \\nrt")
	switch {
	case bytes.HasPrefix(first, []byte("data:")):
		if url := jsonedit.AppendUnescaped(nil, text); isImage(url) && bytes.IndexByte(bytes.TrimSpace(url), ' ') < 0 {
			return nil, appendImage(images, string(bytes.TrimSpace(url)), "")
		}
		return text, images
	case len(first) == 0 || first[0] != '[' && first[0] != '{' || !bytes.Contains(text, []byte("image")):
		return text, images
	}
	v, err := jsonedit.Parse(jsonedit.AppendUnescaped(nil, text))
	if err != nil {
		return text, images
	}
	if v.Kind() == jsonedit.Object {
		if content := v.Get("content"); content.Kind() == jsonedit.Array {
			v = content // a result of an MCP server
		}
	}
	p := parts{images: images}
	if v.Kind() == jsonedit.Object {
		p.add(v)
	} else {
		v.Each(func(_ []byte, e jsonedit.Value) bool { return p.add(e) })
	}
	if p.strange || len(p.images) == len(images) {
		return text, images
	}
	return p.text, p.images
}

// parts are what a list of them says: its text, an inside, and its images as chat parts.
type parts struct {
	text, images []byte
	strange      bool // something else is among them
}

func (p *parts) add(e jsonedit.Value) bool {
	kind := e.Get("type").Text()
	switch kind {
	case "text", "input_text", "output_text":
		text := e.Get("text")
		p.strange = text.Kind() != jsonedit.String
		p.text = jsonedit.AppendEscaped(p.text, []byte(text.Text()))
		return !p.strange
	}
	url := imageURL(kind, e)
	if p.strange = !isImage([]byte(url)); p.strange {
		return false
	}
	p.images = appendImage(p.images, url, e.Get("detail").Text())
	return true
}

// imageURL is the address of an image in the words of Responses, Chat Completions, Messages,
// MCP or the AI SDK, "" for none.
func imageURL(kind string, e jsonedit.Value) string {
	switch kind {
	case "input_image", "image_url":
		url := e.Get("image_url")
		if url.Kind() == jsonedit.Object {
			url = url.Get("url")
		}
		return url.Text()
	case "image-url": // this and the next ones are the AI SDK's
		return e.Get("url").Text()
	case "media", "image-data":
		return "data:" + e.Get("mediaType").Text() + ";base64," + e.Get("data").Text()
	case "image":
		source, mediaType := e, "mimeType"
		if s := e.Get("source"); s.Kind() == jsonedit.Object {
			if url := s.Get("url").Text(); url != "" {
				return url
			}
			source, mediaType = s, "media_type"
		}
		return "data:" + source.Get(mediaType).Text() + ";base64," + source.Get("data").Text()
	}
	return ""
}

// isImage tells whether an address can be an image's.
func isImage(url []byte) bool {
	url = bytes.TrimSpace(url)
	if bytes.HasPrefix(url, []byte("data:image/")) {
		return bytes.Contains(url[:min(len(url), 100)], []byte(";base64,"))
	}
	return bytes.HasPrefix(url, []byte("https://")) || bytes.HasPrefix(url, []byte("http://"))
}

// appendImage appends an image as a chat part, with a comma before it where it is not the first.
func appendImage(dst []byte, url, detail string) []byte {
	if len(dst) > 0 {
		dst = append(dst, ',')
	}
	dst = jsonedit.Put(dst, `{"type":"image_url","image_url":{"url":`)
	dst = jsonedit.AppendQuoted(dst, url)
	if detail == "low" || detail == "high" {
		dst = jsonedit.Put(jsonedit.Put(dst, `,"detail":"`), detail+`"`)
	}
	return jsonedit.Put(dst, "}}")
}
