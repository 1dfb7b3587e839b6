package fold

import (
	"strings"
	"testing"
)

func TestALineThatBeginsWithABlankOrAClosingBracketGoesOn(t *testing.T) {
	for _, tt := range []struct{ folded, want string }{
		{"", ""},
		{"{}", "{}"},
		{"{\n  \"a\": 1,\n  \"b\":[\n    \"x  y\"\n  ]\n}\n", `{"a": 1,"b":["x  y"]}` + "\n"},
		{"event: x\ndata: {\n  \"a\":1\n}\n\n: comment\n\n", "event: x\ndata: {\"a\":1}\n\n: comment\n\n"},
		{"a\n\nb", "a\n\nb"},
		{"\n\n", "\n\n"},
	} {
		if got := Out(tt.folded); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.folded, got, tt.want)
		}
	}
}

func TestLongLinesAreFoldedBetweenMembers(t *testing.T) {
	words := strings.Repeat("word ", 10)
	text := "event: e\ndata: " + `{"type":"e","n":1,"list":[{"text":"` + words + `"},{"text":"` + words + `"},{"text":"` + words + `"}],"nothing":null,"string":"` +
		words + words + words + `","empty":{},"last": "\"}, {\\"}` + "\n\n"
	want := `event: e
data: {
  "type":"e","n":1,
  "list":[
    {"text":"` + words + `"},
    {"text":"` + words + `"},
    {"text":"` + words + `"}
  ],
  "nothing":null,
  "string":"` + words + words + words + `",
  "empty":{},"last": "\"}, {\\"
}

`
	got := In(text)
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if Out(got) != text {
		t.Errorf("unfolded it is\n%s", Out(got))
	}
}

func TestWhatWouldNotComeBackTheSameStays(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 200) + `","b":"` + strings.Repeat("x", 200) + `"}`
	for _, text := range []string{" " + long, "{\n  \"a\":1}\n" + long, "short", `{"a":1}`, strings.Repeat("x", 500), "data: " + strings.Repeat("[", 300),
		"{\"a\": 1, " + long[1:] + "\n"} {
		if got := In(text); got != text {
			t.Errorf("%q", got)
		}
	}
}

func FuzzAFoldedTextComesBackTheSame(f *testing.F) {
	f.Add(`{"a":[1,2,{"b":"`+strings.Repeat("x", 200)+`"}],"c":{"d":null}}`+"\n", 100)
	f.Add("data: {\"a\" : [ 1 , \"\\\"\" ] }\n\n", 300)
	f.Fuzz(func(t *testing.T, text string, pad int) {
		if pad > 0 && pad < 1000 {
			text = strings.Replace(text, ",", `,"pad":"`+strings.Repeat("x", pad)+`",`, 1)
		}
		if folded := In(text); folded != text && Out(folded) != text {
			t.Errorf("%q is folded to %q and comes back as %q", text, folded, Out(folded))
		}
	})
}
