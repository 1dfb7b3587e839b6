package jsonedit

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestScannerAcceptsWhatJSONAllows(t *testing.T) {
	tests := []struct {
		name, text string
		ok         bool
	}{
		{"object", `{"a":1,"b":[true,false,null,{"c":"d"}]}`, true},
		{"white space everywhere", " {\n\t\"a\" : [ 1 , 2 ] \r\n} ", true},
		{"empty containers", `{"a":{},"b":[],"c":[{}],"d":{"e":[]}}`, true},
		{"numbers", `[0,-0,1.5,-1.5e10,1E-5,12345678901234567890]`, true},
		{"escapes", `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, true},
		{"long string across words", `"` + strings.Repeat("x", 37) + `\n` + strings.Repeat("é", 9) + `"`, true},
		{"leading zero", `01`, false},
		{"bare minus", `-`, false},
		{"point without digit", `1.`, false},
		{"exponent without digit", `1e`, false},
		{"plus sign", `+1`, false},
		{"NaN", `NaN`, false},
		{"trailing comma in array", `[1,]`, false},
		{"trailing comma in object", `{"a":1,}`, false},
		{"missing colon", `{"a" 1}`, false},
		{"missing comma", `[1 2]`, false},
		{"single quotes", `{'a':1}`, false},
		{"control character", "\"a\nb\"", false},
		{"unknown escape", `"\x"`, false},
		{"short unicode escape", `"\u12"`, false},
		{"unclosed string", `"abc`, false},
		{"unclosed object", `{"a":1`, false},
		{"unclosed array", `[1`, false},
		{"mismatched brackets", `[1}`, false},
		{"text after the end", `{} x`, false},
		{"empty", ``, false},
		{"key is a number", `{1:2}`, false},
		{"cut literal", `tru`, false},
		{"as deep as allowed", strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth), true},
		{"too deep", strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if len(tt.text) < 2*MaxDepth && json.Valid([]byte(tt.text)) != tt.ok {
				t.Fatalf("the test itself is wrong about %q", tt.text)
			}
			if err := valueOnly(tt.text); (err == nil) != tt.ok {
				t.Errorf("Value(%q): %v", tt.text, err)
			}
			if err := walk(tt.text); (err == nil) != tt.ok {
				t.Errorf("walking %q: %v", tt.text, err)
			}
		})
	}
}

func TestHalvesOfSurrogatePairsAreMendedWhereAsked(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"alone", `"\ud800"`, `"\ufffd"`},
		{"a low one", `"\uDFFF"`, `"\ufffd"`},
		{"in a text", `{"a":["x\uD83Dy\n"]}`, `{"a":["x\ufffdy\n"]}`},
		{"in a key", `{"\ud83d":1}`, `{"\ufffd":1}`},
		{"the wrong way round", `"\ude00\ud83d"`, `"\ufffd\ufffd"`},
		{"before a pair", `"\ud83d\ud83d\ude00"`, `"\ufffd\ud83d\ude00"`},
		{"before another escape", `"\ud83d\u0041\ud83d\\ude00"`, `"\ufffd\u0041\ufffd\\ude00"`},
		{"pairs", `"\ud83d\ude00\uD83D\uDE00"`, `"\ud83d\ude00\uD83D\uDE00"`},
		{"others", `"\u00e9\ud7ff\ue000\ufffd"`, `"\u00e9\ud7ff\ue000\ufffd"`},
		{"what is none", `"\\ud800"`, `"\\ud800"`},
	}
	for _, tt := range tests {
		for _, mend := range []bool{false, true} {
			want := tt.text
			src := []byte(tt.text)
			var s Scanner
			s.Reset(src)
			if mend {
				want = tt.want
				s.MendSurrogates()
			}
			s.Value()
			if err := s.Finish(); err != nil || string(src) != want {
				t.Errorf("%s: %v, %s became %s, want %s", tt.name, err, tt.text, src, want)
			}
		}
	}
	for _, bad := range []string{`"\ud800\u"`, `"\ud83d\ude0"`, `"\ud8`, `"\ud83d\`} {
		var s Scanner
		s.Reset([]byte(bad))
		s.MendSurrogates()
		if s.Value(); s.Err() == nil {
			t.Errorf("%s passed", bad)
		}
	}
}

func TestTextThatIsNotUTF8IsAFaultWhereAsked(t *testing.T) {
	long := strings.Repeat("plain text ", 9)
	tests := []struct {
		text string
		at   int // of the fault; -1: there is none
	}{
		{"\"Gr\xfc\xdfe\"", 3},
		{"{\"\xff\":1}", 2},
		{"{\"a\":{\"\xff\":1}}", 7},
		{"{\"a\":[1,[\"\xc3\"]]}", 10},               // a character that is cut by the quote
		{"\"\xc3\\u00bc\"", 1},                       // or by an escape
		{"\"\xed\xa0\xbd\xed\xb8\x80\"", 1},          // surrogates
		{"\"\xc0\xaf\"", 1},                          // two bytes for one
		{"\"\xf4\x90\x80\x80\"", 1},                  // beyond the last character
		{"\"a\x80\"", 2},                             // the middle of none
		{"\"" + long + "\xff\"", 1 + len(long)},      // in the words that are read at once
		{"\"" + long + "\n\xff" + long + "\"", -1},   // a control character comes first
		{"\"" + long + "\\n\xff" + long + "\"", 102}, // behind an escape
		{"\"Gr\u00fc\xc3\x9fe \xe4\xbd\xa0\xe5\xa5\xbd \xf0\x9f\x98\x80 \xef\xbf\xbd\"", -1},
		{"{\"k\":\"" + long + "\",\"\xe4\xbd\xa0\":\"" + long + "\xc3\xbc\"}", -1},
		{"\"\\ud83d\"", -1},
	}
	for _, tt := range tests {
		for name, read := range map[string]func(*Scanner){"Value": func(s *Scanner) { s.Value() }, "walk": walkValue} {
			var s Scanner
			s.Reset([]byte(tt.text))
			s.FromClient()
			read(&s)
			want := "the text is not UTF-8 at byte " + strconv.Itoa(tt.at)
			err := s.Finish()
			if isFault := err != nil && strings.Contains(err.Error(), "UTF-8"); isFault != (tt.at >= 0) || isFault && err.Error() != want {
				t.Errorf("%s of %q: %v, want %s", name, tt.text, err, want)
			}
			s.Reset([]byte(tt.text))
			if read(&s); s.Err() != nil && strings.Contains(s.Err().Error(), "UTF-8") {
				t.Errorf("%s of %q, unasked: %v", name, tt.text, s.Err())
			}
		}
	}
}

func TestScannerSaysWhereAndWhat(t *testing.T) {
	tests := []struct {
		text, want string
	}{
		{`{"a":1,}`, "a key in double quotes was expected at byte 7"},
		{`{"a":tru}`, "a value was expected at byte 5"},
		{`{"a":"b`, "the text ends too early: a closing quote is missing at byte 7"},
		{`{} {}`, "nothing more was expected at byte 3"},
		{"{\"a\":\"b\nc\"}", "a control character must be escaped in a string at byte 7"},
	}
	for _, tt := range tests {
		if err := walk(tt.text); err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %v, want %s", tt.text, err, tt.want)
		}
	}
}

func TestScannerStepsThroughSoManyAndSkipsAny(t *testing.T) {
	text := "[" + strings.Repeat("1,", MaxSteps) + "1]"
	if err := walk(text); err == nil || !strings.HasPrefix(err.Error(), "too many members and elements") {
		t.Errorf("walked: %v", err)
	}
	if err := valueOnly(text); err != nil {
		t.Errorf("skipped: %v", err)
	}
}

func TestScannerUnescapesKeys(t *testing.T) {
	var s Scanner
	s.Reset([]byte(`{"mod\u0065l":1,"\"":2}`))
	var keys []string
	for s.BeginObject(); s.NextMember(); s.Value() {
		keys = append(keys, string(s.Key()))
	}
	if err := s.Finish(); err != nil || strings.Join(keys, "|") != `model|"` {
		t.Errorf("keys %q, error %v", keys, err)
	}
}

func TestScannerSkipsByteOrderMark(t *testing.T) {
	if err := valueOnly("\xEF\xBB\xBF{}"); err != nil {
		t.Error(err)
	}
}

func valueOnly(text string) error {
	var s Scanner
	s.Reset([]byte(text))
	s.Value()
	return s.Finish()
}

// walk steps into everything, where Value skips.
func walk(text string) error {
	var s Scanner
	s.Reset([]byte(text))
	walkValue(&s)
	return s.Finish()
}

func walkValue(s *Scanner) {
	switch s.Kind() {
	case Object:
		for s.BeginObject(); s.NextMember(); {
			walkValue(s)
		}
	case Array:
		for s.BeginArray(); s.NextElement(); {
			walkValue(s)
		}
	default:
		s.Value()
	}
}

func FuzzScannerAgreesWithEncodingJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":null}],"c":"\u00e9\n"}`, `[1e5,-0.1,true]`, `{"a":1,}`, "\"\x7f\xff\"", `"\ud83d"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := json.Valid([]byte(text)) || json.Valid([]byte(strings.TrimPrefix(text, "\xEF\xBB\xBF")))
		if strings.Count(text, "[")+strings.Count(text, "{") > MaxDepth {
			t.Skip("deeper than MaxDepth is refused on purpose")
		}
		if err := valueOnly(text); (err == nil) != want {
			t.Errorf("Value(%q): %v, encoding/json: %v", text, err, want)
		}
		if err := walk(text); (err == nil) != want {
			t.Errorf("walk(%q): %v, encoding/json: %v", text, err, want)
		}
		var s Scanner
		s.Reset([]byte(text))
		s.FromClient()
		walkValue(&s)
		if err := s.Finish(); (err == nil) != (want && utf8.ValidString(text)) {
			t.Errorf("FromClient of %q: %v", text, err)
		}
	})
}

func BenchmarkScannerValue(b *testing.B) {
	text := []byte(`{"messages":[` + strings.Repeat(`{"role":"user","content":"The build reads every file under the source folder, keeps what changed, and writes a \"report\" with line numbers.\n\tSee docs/guide.md for the rules."},`, 400) + `null]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var s Scanner
	for b.Loop() {
		s.Reset(text)
		s.Value()
		if s.Finish() != nil {
			b.Fatal(s.Err())
		}
	}
}
