package jsonedit

import (
	"math"
	"testing"
)

func TestNullIsNoValue(t *testing.T) {
	var s Scanner
	src := []byte(`[ null, "n", 1 ]`)
	s.Reset(src)
	var spans []Span
	for s.BeginArray(); s.NextElement(); {
		spans = append(spans, s.NotNull())
	}
	if s.Finish() != nil || !spans[0].Absent() || string(spans[1].Of(src)) != `"n"` || string(spans[2].Of(src)) != "1" {
		t.Error(spans)
	}
	s.Reset(src)
	var texts [][]byte
	for s.BeginArray(); s.NextElement(); {
		texts = append(texts, s.Literal())
	}
	if texts[0] != nil || string(texts[1]) != `"n"` || string(texts[2]) != "1" {
		t.Errorf("%q", texts)
	}
}

func TestPickTakesTheLastOfAName(t *testing.T) {
	var s Scanner
	var v [3][]byte
	s.Pick([]byte(`{"a":1,"x":[{"b":0}],"b":2,"a":{"a":3},"b":null}`), []string{"a", "b", "c"}, v[:])
	if string(v[0]) != `{"a":3}` || v[1] != nil || v[2] != nil {
		t.Errorf("%q", v)
	}
}

func TestTextAndInside(t *testing.T) {
	for _, test := range []struct{ value, text, inside string }{
		{`"a"`, "a", "a"}, {`""`, "", ""}, {`"\u0061\n"`, "a\n", `\u0061\n`}, {`"\""`, `"`, `\"`},
	} {
		if text := Text([]byte(test.value)); text == nil || string(text) != test.text {
			t.Errorf("the text of %s is %q", test.value, text)
		}
		if inside := Inside([]byte(test.value)); inside == nil || string(inside) != test.inside {
			t.Errorf("inside %s is %q", test.value, inside)
		}
	}
	for _, value := range []string{"", "1", "null", "true", "{}", "[]"} {
		if v := []byte(value); Text(v) != nil || Inside(v) != nil || IsString(v) {
			t.Errorf("%s is a string", value)
		}
	}
	plain := []byte(`"plain"`)
	if n := testing.AllocsPerRun(10, func() { Text(plain) }); n > 0 {
		t.Errorf("%v allocations for a string without escapes", n)
	}
}

func TestIsTellsTheKind(t *testing.T) {
	for value, kind := range map[string]Kind{"": Invalid, "null": Null, "true": True, "false": False, "-1": Number, `""`: String, "[]": Array, "{}": Object} {
		for k := Null; k <= Object; k++ {
			if Is([]byte(value), k) != (k == kind) {
				t.Errorf("%q is of kind %d: %v", value, k, k != kind)
			}
		}
		if IsBool([]byte(value)) != (kind == True || kind == False) {
			t.Errorf("%q: IsBool", value)
		}
	}
	if Is(nil, Invalid) {
		t.Error("nil is of no kind")
	}
}

func TestPut(t *testing.T) {
	got := PutBetween(nil, `{"a":`, []byte("1"), "")
	got = PutMember(got, "b", []byte("[\n1,\r\n2]"))
	got = PutMember(got, "c", nil)
	got = append(got, '}')
	if string(got) != "{\"a\":1,\"b\":[\n1,\r\n2]}" {
		t.Errorf("%q", got)
	}
	if either := PutOr(PutOr(nil, []byte("1"), "2"), nil, "3"); string(either) != "13" {
		t.Errorf("%q", either)
	}
	if line := PutLine([]byte(">"), got); string(line) != `>{"a":1,"b":[1,2]}` {
		t.Errorf("%q", line)
	}
	if line := PutLine(nil, []byte(`{"a": 1}`)); string(line) != `{"a": 1}` {
		t.Errorf("%q", line)
	}
}

func TestCompactSpans(t *testing.T) {
	var none CompactSpan
	if !none.Absent() || none.Literal([]byte("x")) != nil || none.Len() != 0 {
		t.Error("the zero span is there")
	}
	v := Span{2, 5}.Compact()
	if src := []byte("01234567"); v.Absent() || string(v.Of(src)) != "234" || string(v.Literal(src)) != "234" || v.Len() != 3 {
		t.Error(v)
	}
	if end := (Span{0, math.MaxInt32}).Compact(); end.Len() != math.MaxInt32 {
		t.Error(end)
	}
}
