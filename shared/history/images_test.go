package history

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestImagesInATextAreImages(t *testing.T) {
	const png = "data:image/png;base64,iVBORw0KGgo="
	part := `{"type":"image_url","image_url":{"url":"` + png + `"}}`
	tests := []struct{ name, text, want, images string }{
		{"Responses", `[{"type":"input_text","text":"a\n"},{"type":"input_image","image_url":"` + png + `"},{"type":"input_text","text":"b"}]`, "a\nb", part},
		{"Responses, detail", `[{"type":"input_image","image_url":"` + png + `","detail":"high"}]`, "", strings.Replace(part, `"}}`, `","detail":"high"}}`, 1)},
		{"Chat Completions", ` [ {"type":"image_url","image_url":{"url":"` + png + `"}} , {"type":"image_url","image_url":{"url":"` + png + `"}} ] `, "", part + "," + part},
		{"Messages", `[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}},{"type":"text","text":"x"}]`, "x", part},
		{"Messages, an address", `[{"type":"image","source":{"type":"url","url":"https://a/b.png"}}]`, "", strings.Replace(part, png, "https://a/b.png", 1)},
		{"MCP", `{"content":[{"type":"text","text":"half \ud83d"},{"type":"image","data":"iVBORw0KGgo=","mimeType":"image/png"}],"isError":false}`, "half \uFFFD", part},
		{"the AI SDK", `[{"type":"text","text":"x"},{"type":"media","data":"iVBORw0KGgo=","mediaType":"image/png"}]`, "x", part},
		{"the AI SDK, newer", `[{"type":"image-data","data":"iVBORw0KGgo=","mediaType":"image/png"},{"type":"image-url","url":"` + png + `"}]`, "", part + "," + part},
		{"the AI SDK, a sound", `[{"type":"media","data":"AA","mediaType":"audio/wav"}]`, "", "no"},
		{"one alone", `{"type":"input_image","image_url":"` + png + `"}`, "", part},
		{"an address", "\n" + png + "\n", "", part},
		{"words before it", `See [{"type":"input_image","image_url":"` + png + `"}]`, "", "no"},
		{"no images", `[{"type":"input_text","text":"an image"}]`, "", "no"},
		{"something else among them", `[{"type":"input_image","image_url":"` + png + `"},{"type":"input_file","file_data":"x"}]`, "", "no"},
		{"no parts", `{"image":1,"list":[1]}`, "", "no"},
		{"a name", `[{"type":"input_image","image_url":"cat.png"}]`, "", "no"},
		{"a sound", `[{"type":"image","data":"AA","mimeType":"audio/wav"}]`, "", "no"},
		{"broken", `[{"type":"input_image","image_url":"` + png + `"}`, "", "no"},
		{"an address in a sentence", png + " is it", "", "no"},
		{"nothing", ``, "", "no"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			literal, _ := json.Marshal(test.text)
			inside := string(literal[1 : len(literal)-1])
			text, images := Unpack([]byte(inside), []byte(`{}`))
			if test.images == "no" {
				if string(text) != inside || string(images) != `{}` {
					t.Errorf("%s %s", text, images)
				}
				return
			}
			var plain string
			if err := json.Unmarshal([]byte(`"`+string(text)+`"`), &plain); err != nil || plain != test.want || string(images) != `{},`+test.images {
				t.Errorf("%q %s", plain, images)
			}
		})
	}
}
