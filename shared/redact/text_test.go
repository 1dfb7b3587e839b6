package redact

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"nothing to hide", "nothing to hide"},
		{`{"max_tokens":5,"api_key":"canary","a":1}`, `{"max_tokens":5,"api_key":"[redacted]","a":1}`},
		{`{"api_key" : "can\"ary","a":"b"}`, `{"api_key" : "[redacted]","a":"b"}`},
		{`{"api_key":"can\\","a":"b"}`, `{"api_key":"[redacted]","a":"b"}`},
		{`{"api\u005fk\u0065y":"canary"}`, `{"api\u005fk\u0065y":"[redacted]"}`},
		{`{"password":12345678,"pin":1234,"auth":true,"key":null}`, `{"password":"[redacted]","pin":"[redacted]","auth":true,"key":null}`},
		{`{"auth":{"type":"x","value":["canary",{"a":12}]},"b":"c"}`, `{"auth":{"type":"[redacted]","value":["[redacted]",{"a":"[redacted]"}]},"b":"c"}`},
		{`{"input_tokens_details":{"cached_tokens":0},"stop_token_ids":[1,2]}`, `{"input_tokens_details":{"cached_tokens":0},"stop_token_ids":[1,2]}`},
		{`{"arguments":"{\"api_key\":\"canary\",\"a\":{\"b\":1}}","c":"d"}`, `{"arguments":"{\"api_key\":\"[redacted]\",\"a\":{\"b\":1}}","c":"d"}`},
		{`{"arguments":"{\"pin\":77,\n\"auth\":{\"a\":\n7,\"b\":\"canary\"}}","c":"d"}`, `{"arguments":"{\"pin\":\"[redacted]\",\n\"auth\":{\"a\":\n\"[redacted]\",\"b\":\"[redacted]\"}}","c":"d"}`},
		{`{"a":"{\"b\":\"{\\\"token\\\":\\\"canary\\\"}\"}","c":"d"}`, `{"a":"{\"b\":\"{\\\"token\\\":\\\"[redacted]\\\"}\"}","c":"d"}`},
		{`{"content":"the password:","role":"user"}`, `{"content":"the password:","role":"user"}`},
		{`{"content":"the password: canary\nand more","role":"user"}`, `{"content":"the password: [redacted]\nand more","role":"user"}`},
		{`{"content":"password: \"canary\", more","role":"user"}`, `{"content":"password: \"[redacted]\", more","role":"user"}`},
		{"api_key: canary\nb: c", "api_key: [redacted]\nb: c"},
		{"api_key:\n  canary\nb: c", "api_key:\n  [redacted]\nb: c"},
		{"a=1&api_key=canary&b=2", "a=1&api_key=[redacted]&b=2"},
		{"a=1&api%5Fk%65y=canary&b=2", "a=1&api%5Fk%65y=[redacted]&b=2"},
		{"next=x%3Ftoken%3Dcanary%26b", "next=x%3Ftoken%3D[redacted]"},
		{"user[password]=canary&x=1", "user[password]=[redacted]&x=1"},
		{"Authorization: Bearer canary x\r\nAccept: */*", "Authorization: [redacted]\r\nAccept: */*"},
		{"curl -H 'Authorization: Basic canary' --api-key canary -x", "curl -H 'Authorization: [redacted]"},
		{"run --api-key canary -x", "run --api-key [redacted] -x"},
		{"export API_KEY=canary; run", "export API_KEY=[redacted]; run"},
		{"authorization=Bearer canary x", "authorization=[redacted] x"},
		{"said Bearer canary-1 x", "said Bearer [redacted] x"},
		{"use Bearer authentication or basic understanding", "use Bearer authentication or basic understanding"},
		{"Incorrect API key provided: canary. See x", "Incorrect API key provided: [redacted] See x"},
		{"tokens used: 55, left: 4", "tokens used: 55, left: 4"},
		{"{'api_key': 'canary', 'max_tokens': 5}", "{'api_key': '[redacted]', 'max_tokens': 5}"},
		{"'api_key' => 'canary'", "'api_key' => '[redacted]'"},
		{"<api_key>canary</api_key><b>c</b>", "<api_key>[redacted]</api_key><b>c</b>"},
		{"<parameter=api_key>\ncanary\n</parameter>", "<parameter=api_key>\n[redacted]</parameter>"},
		{`<input name="a" password="canary">`, `<input name="a" password="[redacted]">`},
		{"see http://u:canary@h:80/a/b?x=canary&limit=5#canary", "see http://[redacted]@h:80/a/b?x=[6]&limit=5#[6]"},
		{"redis://:can/ary@h:1/0 down", "redis://:[redacted]/[7]/0 down"},
		{`Post "http://u:canary@h/v1/x?sig=canary": EOF`, `Post "http://[redacted]@h/v1/x?sig=[redacted]": EOF`},
		{`{"u":"http:\/\/u:canary@h\/a?token=canary","b":1}`, `{"u":"http://[redacted]@h/a?token=[redacted]","b":1}`},
		{`{"u":"http://h/a?token=canary\u0026b=c","b":1}`, `{"u":"http://h/a?token=[redacted]&b=[1]","b":1}`},
		{`{"t":"see http://h/a\nnext"}`, `{"t":"see http://h/a\nnext"}`},
		{"key sk-abcdef0123456789 and eyJhbGciOiJIUzI1NiJ9.e30.abc", "key [redacted] and [redacted]"},
		{"-----BEGIN RSA PRIVATE KEY-----\nMIIcanary\n-----END RSA PRIVATE KEY-----", "[redacted]-----END RSA PRIVATE KEY-----"},
		{"--b\r\nContent-Disposition: form-data; name=\"api_key\"\r\nX: y\r\n\r\ncanary\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--b--",
			"--b\r\nContent-Disposition: form-data; name=\"api_key\"\r\nX: y\r\n\r\n[redacted]\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--b--"},
		{"Cookie: a=canary; b=canary", "Cookie: [redacted]"},
		{`{"api_key":"cut off`, `{"api_key":"[redacted]`},
		{`{"api_key:x":"canary"}`, `{"api_key:[redacted]":"[redacted]"}`},
		{"known-secret here", "[redacted] here"},
		{"\x1b[31mred\u2028\u202e\x00\xff", "\ufffd[31mred\ufffd\ufffd\ufffd\ufffd"},
		{`{"user_id":null,"required":["user_id"],"text":"say \"user_id\": \"x\""}`, `{"user_id":null,"required":["user_id"],"text":"say \"user_id\": \"[redacted]\""}`},
		{"data: {\"max_tokens\":5,\"token\":\"Hi\"}\n\n", "data: {\"max_tokens\":5,\"token\":\"[redacted]\"}\n\n"},
		{"the author: Jane, keyboard: de, 12:30", "the author: Jane, keyboard: de, 12:30"},
	} {
		got := Text(tt.in, 1000, "known-secret", "short", "")
		if got != tt.want {
			t.Errorf("%s\ngives %s\nwant  %s", tt.in, got, tt.want)
		}
		if again := Text(got, 1000); again != got {
			t.Errorf("%s\nbecomes %s", got, again)
		}
		if json.Valid([]byte(tt.in)) && !json.Valid([]byte(got)) {
			t.Errorf("%s: no JSON any more: %s", tt.in, got)
		}
	}
}

func TestTarget(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"/v1/models", "/v1/models"},
		{"/v1/chat/completions", "/v1/chat/completions"},
		{"/v1/messages/count_tokens?beta=true", "/v1/messages/count_tokens?beta=true"},
		{"/v1/responses/resp_0123456789abcdef0123456789/input_items?limit=20&after=msg_0123456789abcdefABCD0123&order=asc&include[]=x.y",
			"/v1/responses/resp_0123456789abcdef0123456789/input_items?limit=20&after=msg_0123456789abcdefABCD0123&order=asc&include[]=x.y"},
		{"/v1/sk-canary-1/x", "/v1/[11]/x"},
		{"/auth/token/canary/x", "/auth/[redacted]/[redacted]/x"},
		{"/x?a=1&b", "/x?a=[1]&b"},
		{"/x?api_key=s&a=1", "/x?api_key=[redacted]&a=[1]"},
		{"/x?KEY=s&token=s&access_token=s", "/x?KEY=[redacted]&token=[redacted]&access_token=[redacted]"},
		{"/x?%6bey=s&%256bey=s", "/x?key=[redacted]&key=[redacted]"},
		{"/x?ke%zz=s&CANARY&sk-canary-canary=1", "/x?[5]=[1]&[6]&[16]=[1]"},
		{"/x?max_tokens=5&max_tokens=canary", "/x?max_tokens=5&max_tokens=[redacted]"},
		{"/x?a=1;api_key=s;b=2&c", "/x?a=[1];api_key=[redacted];b=[1]&c"},
		{"http://user:s@host/x?limit=1", "http://[redacted]@host/x?limit=1"},
		{"http://s@host", "http://[redacted]@host"},
		{"http://host/x@y?a=@#b", "http://host/[3]?a=[1]#[1]"},
		{"//s@host/x", "//[redacted]@host/x"}, {"//cAn-7f3a9c/0", "//[10]/0"},
		{"http://[::1]:8000/v1", "http://[::1]:8000/v1"},
		{"http://host:8000", "http://host:8000"},
		{"", ""}, {"*", "[1]"}, {"host:443", "[8]"},
	} {
		got := Target(tt.in)
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
		if again := Target(got); again != got {
			t.Errorf("%s becomes %s", got, again)
		}
	}
}

func TestField(t *testing.T) {
	for _, tt := range [][4]string{
		{"Accept", "a/b", "Accept", "a/b"},
		{"Authorization", "Bearer canary", "Authorization", Hidden},
		{"X-Unknown", "canary", "X-Unknown", "[6]"},
		{"X-sk-Canary-0123456", "1", "[19]", "[1]"},
		{"Sec-Websocket-Protocol", "openai-insecure-api-key.canary", "Sec-Websocket-Protocol", "[30]"},
		{"Referer", "http://h/?api_key=canary", "Referer", "http://h/?api_key=[redacted]"},
		{"Link", "<http://h/?api_key=canary>", "Link", "[26]"},
		{"User-Agent", "x/1 (http://u:canary@h/?a=canary)", "User-Agent", "x/1 (http://[redacted]@h/?a=[6])"},
		{"X-Ratelimit-Remaining-Tokens", "100", "X-Ratelimit-Remaining-Tokens", "100"},
		{"Access-Control-Allow-Credentials", "true", "Access-Control-Allow-Credentials", "true"},
	} {
		if name, value := Field(tt[0], tt[1]); name != tt[2] || value != tt[3] {
			t.Errorf("%s: %s shows as %s: %s", tt[0], tt[1], name, value)
		}
	}
}

func TestBounds(t *testing.T) {
	for _, tt := range []struct {
		in    string
		known string
	}{
		{strings.Repeat("word ", 10000), ""}, {strings.Repeat("w", 50000), ""}, {strings.Repeat("世", 3000), ""}, {strings.Repeat("\"", 50000), ""},
		{strings.Repeat("\x01", 3000), ""},
		{strings.Repeat("a ", 4*MaxValue/2-4) + "canary-secret", "canary-secret"},
		{strings.Repeat("a ", 4*MaxValue/2-8) + "http://user:canary-secret@host", ""},
	} {
		got := Text(tt.in, MaxValue, tt.known)
		if len(got) > MaxValue || strings.Contains(got, "canary") || !strings.Contains(got, "[cut]") {
			t.Errorf("%d bytes: %.40s…%s", len(got), got, got[len(got)-20:])
		}
	}
	if got := Line("a\nb\r\tc\x1b\u2028"); got != "a?b??c????" {
		t.Errorf("%q", got)
	}
}

// What most lines hold costs nothing.
func TestHarmlessValuesAreNotCopied(t *testing.T) {
	for _, s := range []string{"/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/messages/count_tokens", "/v1/completions", "/v1/models"} {
		if n := testing.AllocsPerRun(10, func() { Target(s); Text(s, MaxValue) }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}
