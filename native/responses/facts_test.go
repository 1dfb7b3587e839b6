package responses

import "testing"

func TestTheLastOfEqualMembersCounts(t *testing.T) {
	var f facts
	if _, err := f.asTurn(nil, []byte(`{"store":true,"store":false,"background":true,"background":null,"stream":true,"previous_response_id":"a","previous_response_id":"b\u0063","stream_id":null}`)); err != nil {
		t.Fatal(err)
	}
	if want := (facts{unstored: true, streamed: true, previous: "bc"}); f != want {
		t.Errorf("%+v", f)
	}
	out, err := f.asTurn(nil, []byte(` {"type":"response.create", "stream":false,"model":"m","stream_options":{},"stream":true} `))
	if err != nil || string(out) != ` {"stream":true,"model":"m"} ` || f.kind != "response.create" {
		t.Errorf("%s %v %+v", out, err, f)
	}
	if out, err := f.asTurn(nil, []byte(`{}`)); err != nil || string(out) != `{"stream":true}` {
		t.Errorf("%s %v", out, err)
	}
	for bad, want := range map[string]string{
		``: "the text ends too early: an object was expected at byte 0", `[]`: "an object was expected at byte 0", `"x"`: "an object was expected at byte 0",
		`{`: "the text ends too early: a closing bracket is missing at byte 1", `{} x`: "nothing more was expected at byte 3",
	} {
		if _, err := f.asTurn(nil, []byte(bad)); err == nil || err.Error() != want {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestMembersAreChanged(t *testing.T) {
	for _, tt := range [][2]string{
		{`{"a":1,"status":"x","b":{"status":2}}`, `{"error":null,"a":1,"status":"y","b":{"status":2}}`},
		{`{}`, `{"status":"y","error":null}`},
		{`{"error":{"a":[1]},"status":1}`, `{"error":null,"status":"y"}`},
	} {
		if got := string(changed(nil, []byte(tt[0]), change{"status", `"y"`}, change{"error", "null"})); got != tt[1] {
			t.Errorf("%s: %s, want %s", tt[0], got, tt[1])
		}
	}
}
