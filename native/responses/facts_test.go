package responses

import "testing"

func TestBodiesThatNeedALook(t *testing.T) {
	for body, want := range map[string]bool{
		`{"input":"x"}`:                     false,
		`{"input":"x","store":false}`:       false,
		`{"input":"x","store" : false}`:     false,
		`{"input":"x","store":true}`:        true,
		`{"input":"x","store":null}`:        true,
		`{"input":"x","background":false}`:  true,
		`{"input":"x","b\u0061ckground":1}`: true,
		`{"input":"\"store\":true"}`:        false,
		`{"input":"\"background\":true"}`:   false,
		`{"input":"store","x":"store"}`:     false,
		`{"store":false,"store":true}`:      true,
		`{"tools":["store"],"store":false}`: false,
		`{"metadata":{"store":"yes"}}`:      true,
		`"store"`:                           false,
		`{"store":`:                         true,
		``:                                  false,
	} {
		if got := needsState([]byte(body)); got != want {
			t.Errorf("%s: %v", body, got)
		}
	}
}

func TestTheLastOfEqualMembersCounts(t *testing.T) {
	var f facts
	if err := f.read([]byte(`{"store":true,"store":false,"background":true,"background":null,"stream":true,"previous_response_id":"a","previous_response_id":"b\u0063","conversation":{"id":"c"},"stream_id":null}`)); err != nil {
		t.Fatal(err)
	}
	if want := (facts{store: no, streamed: true, previous: "bc", conversation: "c"}); f != want {
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
		if err := f.read([]byte(bad)); err == nil || err.Error() != want {
			t.Errorf("%q: %v", bad, err)
		}
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
