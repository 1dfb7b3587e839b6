package responses

import "testing"

func TestTheLastOfEqualMembersCounts(t *testing.T) {
	var r messageReader
	f, _, err := r.read(nil, []byte(`{"type":"a","type":"response.create","background":true,"background":null,"previous_response_id":"a","previous_response_id":"b\u0063","stream_id":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := (facts{kind: "response.create", previous: "bc"}); f != want {
		t.Errorf("%+v", f)
	}
	f, out, err := r.read(nil, []byte(` {"type":"response.create", "stream":false,"model":"qwen3.5-instruct-general","stream_options":{},"stream":true} `))
	if err != nil || string(out) != ` {"stream":true,"model":"qwen3.5-instruct-general"} ` || f.kind != "response.create" {
		t.Errorf("%s %v %+v", out, err, f)
	}
	if _, out, err := r.read(nil, []byte(`{}`)); err != nil || string(out) != `{"stream":true}` {
		t.Errorf("%s %v", out, err)
	}
	for bad, want := range map[string]string{
		``: "the text ends too early: an object was expected at byte 0", `[]`: "an object was expected at byte 0", `"x"`: "an object was expected at byte 0",
		`{`: "the text ends too early: a closing bracket is missing at byte 1", `{} x`: "nothing more was expected at byte 3",
	} {
		if _, _, err := r.read(nil, []byte(bad)); err == nil || err.Error() != want {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
