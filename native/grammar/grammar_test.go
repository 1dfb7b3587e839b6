package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestEvents(t *testing.T) {
	events, faults := Events([]byte(": begin\n\nevent: a\ndata: {\"x\":1}\n\n: between\nevent: b\ndata: two words: and a colon\n\ndata: [DONE]\n\n"))
	want := []Event{
		{Number: 0, Name: "a", Data: []byte(`{"x":1}`)},
		{Number: 1, Name: "b", Data: []byte("two words: and a colon")},
		{Number: 2, Data: []byte(Done)},
	}
	if len(faults) > 0 || !reflect.DeepEqual(events, want) {
		t.Errorf("%v %s", faults, told(events))
	}
}

func told(events []Event) (s string) {
	for _, e := range events {
		s += fmt.Sprintf("%d %q %q; ", e.Number, e.Name, e.Data)
	}
	return s
}

// A reader that stopped at the first fault would hide the others.
func TestAFaultyStreamIsReadToItsEnd(t *testing.T) {
	events, faults := Events([]byte("event:a\r\ndata: 1\ndata: 2\nid: 7\n\n\ndata: 3\nevent: c\ndata: 4\n"))
	if got, want := told(events), `0 "a" "1\n2"; 1 "" "3"; 2 "c" "4"; `; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var lines []string
	for _, f := range faults {
		lines = append(lines, f.Error())
	}
	want := []string{
		`event 0: carriage return in the line "event:a\r"; lines end with a line feed alone`,
		`event 0: the line "event:a"; it must be event, a colon, one space, and a value`,
		`event 0 (a): two data: lines in one event; its JSON stands on one line`,
		`event 0 (a): the line "id: 7"; an event has an event: line and a data: line, and no others`,
		`event 1: a blank line too many; one follows each event`,
		`event 1: no blank line after it; each event ends with one`,
		`event 1: has no event: line; clients drop an event without one`,
		`event 2 (c): the stream ends without a blank line after it; clients lose such an event`,
	}
	if !reflect.DeepEqual(lines, want) {
		t.Error(strings.Join(lines, "\n"))
	}
}

func TestEventsDoNotShareTheirLines(t *testing.T) {
	stream := []byte("event: a\ndata: 1\ndata: 2\n\n")
	before := bytes.Clone(stream)
	if Events(stream); !bytes.Equal(stream, before) {
		t.Errorf("%q", stream)
	}
}

func TestParse(t *testing.T) {
	tests := []struct{ json, fault string }{
		{`{"a":[{"b":1},{"b":2}]}`, ""},
		{`{"a":{"b":1,"c":2,"b":3}}`, "a.b stands twice in one object"},
		{`{"a":[{},{"b":1,"b":1}]}`, "a[1].b stands twice in one object"},
		{`{"a":"\ud83d\ude00"}`, ""},
		{`{"a":"\\ud83d"}`, ""},
		{`{"a":"\ud83d"}`, `\ud83d is half of a surrogate pair`},
		{`{"a":"\ude00\ud83d"}`, `\ude00 is half of a surrogate pair`},
		{`{"a":"\ud83d\n"}`, `\ud83d is half of a surrogate pair`},
		{"{\"a\":\"\xff\"}", "the JSON is not UTF-8"},
		{`{"a":1}{}`, "is not JSON"},
		{`null`, "the JSON is null; must be an object"},
		{``, `"" is not JSON`},
	}
	for _, tt := range tests {
		_, faults := Parse([]byte(tt.json))
		if got := strings.Join(faults, "; "); (got == "") != (tt.fault == "") || !strings.Contains(got, tt.fault) {
			t.Errorf("%s: %q", tt.json, got)
		}
	}
}

func TestRules(t *testing.T) {
	shape := Object(
		Required("word", Word),
		Optional("count", Nullable(Count)),
		Optional("list", Array(OneOf("a", "b"))),
		Optional("kind", ByType(map[string]Rule{"x": Object(Required("n", Number)), "y": Object()})),
		Optional("map", Map(Bool)),
	)
	tests := []struct{ json, fault string }{
		{`{"word":"w","count":1,"list":["a"],"kind":{"type":"x","n":1.5},"map":{"k":true},"other":null}`, ""},
		{`{"word":"w","count":null}`, ""},
		{`{}`, "word is missing"},
		{`{"word":""}`, `word is ""; must be a string that isn't empty`},
		{`{"word":"w","count":1.0}`, "count is 1.0; must be an integer of 0 or more, or null"},
		{`{"word":"w","count":-1}`, "count is -1; must be"},
		{`{"word":"w","count":1e2}`, "count is 1e2; must be"},
		{`{"word":"w","list":["a","c"]}`, `list[1] is "c"; must be "a" or "b"`},
		{`{"word":"w","list":null}`, "list is null; must be an array"},
		{`{"word":"w","kind":{"type":"z"}}`, `kind.type is "z"; must be "x" or "y"`},
		{`{"word":"w","kind":{}}`, `kind.type is missing; must be "x" or "y"`},
		{`{"word":"w","kind":{"type":"x"}}`, "kind.n is missing"},
		{`{"word":"w","map":{"k":1}}`, "map.k is 1; must be true or false"},
	}
	for _, tt := range tests {
		object, _ := Parse([]byte(tt.json))
		var faults []string
		shape("", object, func(_ bool, what string) { faults = append(faults, what) })
		if got := strings.Join(faults, "; "); (got == "") != (tt.fault == "") || !strings.Contains(got, tt.fault) {
			t.Errorf("%s: %q", tt.json, got)
		}
	}
}

func TestDifference(t *testing.T) {
	tests := []struct{ got, want, fault string }{
		{`{"a":[1,{"b":2}]}`, `{"a":[1,{"b":3}]}`, "x.a[1].b is 2, was 3"},
		{`{"a":1}`, `{"a":1,"b":2}`, "x.b is missing"},
		{`{"a":1,"b":2}`, `{"a":1}`, "x.b was not there"},
		{`{"a":[1]}`, `{"a":[1,2]}`, "x.a is an array of 1, was an array of 2"},
		{`{"a":[1]}`, `{"a":[1]}`, ""},
	}
	for _, tt := range tests {
		got, _ := Parse([]byte(tt.got))
		want, _ := Parse([]byte(tt.want))
		if d := Difference("x", got, want); d != tt.fault {
			t.Errorf("%s: %q", tt.got, d)
		}
	}
}

// The reader of JSON reads what encoding/json reads.
func FuzzParse(f *testing.F) {
	f.Add([]byte(` { "a" : [ 1 , -2.5e3 , true , null , "\"\\\u00e9" , { } , [ ] ] , "b" : { "c" : "" } } `))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, faults := Parse(data)
		if len(faults) > 0 {
			return
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var want map[string]any
		if err := d.Decode(&want); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v (%v)", data, got, want, err)
		}
	})
}
