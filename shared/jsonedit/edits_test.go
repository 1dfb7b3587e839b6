package jsonedit

import (
	"encoding/json"
	"testing"
)

func TestMembersKeepCommasRight(t *testing.T) {
	tests := []struct {
		name, text, drop, insert, want string
	}{
		{"nothing", `{"a":1, "b":2}`, "", "", `{"a":1, "b":2}`},
		{"first", `{"a":1, "b":2}`, "a", "", `{"b":2}`},
		{"last", `{"a":1, "b":2 }`, "b", "", `{"a":1 }`},
		{"middle", `{"a":1,"b":2,"c":3}`, "b", "", `{"a":1,"c":3}`},
		{"two at the end", `{"a":1,"b":2,"c":3}`, "bc", "", `{"a":1}`},
		{"ends", `{"a":1,"b":2,"c":3}`, "ac", "", `{"b":2}`},
		{"all", `{"a":1,"b":2}`, "ab", "", `{}`},
		{"all, and one in", `{ "a":1,"b":2}`, "ab", `"x":0,`, `{"x":0}`},
		{"first out, one in", `{"a":1,"b":2}`, "a", `"x":0,`, `{"x":0,"b":2}`},
		{"into an empty object", `{}`, "", `"x":0,"y":1,`, `{"x":0,"y":1}`},
		{"in front", `{"a":1}`, "", `"x":0,`, `{"x":0,"a":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var s Scanner
			var m Members
			var e Edits
			s.Reset([]byte(tt.text))
			for m.Begin(s.BeginObject()); s.NextMember(); {
				key, name := s.KeySpan(), string(s.Key())
				i := m.Add(key, s.Value())
				for _, d := range tt.drop {
					if name == string(d) {
						m.Drop(i)
					}
				}
			}
			m.Commit(&e, []byte(tt.insert))
			got := string(e.Apply(nil, []byte(tt.text)))
			if got != tt.want || !json.Valid([]byte(got)) {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestEditsInsideADeletionGoWithIt(t *testing.T) {
	var e Edits
	src := []byte("0123456789")
	e.ReplaceString(3, 4, "x")
	e.Delete(2, 6)
	e.ReplaceString(8, 8, "y")
	if got := string(e.Apply(nil, src)); got != "0167y89" {
		t.Error(got)
	}
}

func TestEditsApplyInAnyOrder(t *testing.T) {
	var e Edits
	e.ReplaceString(5, 6, "B")
	e.ReplaceString(0, 0, "A")
	e.ReplaceString(0, 0, "a")
	if got := string(e.Apply([]byte(">"), []byte("0123456789"))); got != ">Aa01234B6789" {
		t.Error(got)
	}
}

func TestQuotingRoundTrip(t *testing.T) {
	for _, text := range []string{"", "plain", "\"\\/\b\f\n\r\t\x00\x1f", "é😀<>&", "\u2028"} {
		quoted := AppendQuoted(nil, text)
		var back string
		if err := json.Unmarshal(quoted, &back); err != nil || back != text {
			t.Errorf("%q became %s: %v", text, quoted, err)
		}
		if got := string(AppendUnquoted(nil, quoted)); got != text {
			t.Errorf("AppendUnquoted(%s) = %q", quoted, got)
		}
	}
	for _, literal := range []string{`"\ud83d\ude00"`, `"\u00e9\/"`, `"\ud83d"`, `"\ud83dx"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`} {
		var want string
		if err := json.Unmarshal([]byte(literal), &want); err != nil {
			t.Fatal(err)
		}
		if got := string(AppendUnquoted(nil, []byte(literal))); got != want {
			t.Errorf("AppendUnquoted(%s) = %q, want %q", literal, got, want)
		}
	}
}
