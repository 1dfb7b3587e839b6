package server

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

const canary = "cAnArY-7f3a9c"

// A carried is a request that carries the canary to a place where it may be read.
type carried struct {
	name, path, body string
	header           []string
}

func carriers() []carried {
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	chat := func(member string) string {
		return `{"model":"` + virtual + `","messages":[{"role":"user","content":"hello"}],` + member + `}`
	}
	content := func(s string) string {
		return `{"model":"` + virtual + `","messages":[{"role":"user","content":` + quoted(s) + `}]}`
	}
	const path = "/v1/chat/completions"
	all := []carried{
		{"path", "/v1/" + canary + "/chat", "", nil},
		{"query value", path + "?anything=" + canary + "&api_key=" + canary, content("x"), nil},
		{"query name", path + "?" + canary + "&" + canary + "=1", content("x"), nil},
		{"header name", path, content("x"), []string{"X-" + canary, "1"}},
		{"header with a URL", path, content("x"), []string{"Referer", "http://u:" + canary + "@h/" + canary + "?a=" + canary, "X-Callback", "http://h/?token=" + canary, "Link", "<http://h/" + canary + ">"}},
		{"headers", path, content("x"), []string{"Authorization", "Bearer " + canary, "X-Api-Key", canary, "X-Amz-Signature", canary, "Grpc-Metadata", canary, "X-Jwt", canary}},
		{"cookies", path, content("x"), []string{"Cookie", "a=" + canary + "; session=" + canary}},
		{"Basic", path, content("the password is " + canary), []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+canary))}},
		{"subprotocol", "/v1/responses", "", []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-Websocket-Version", "13", "Sec-Websocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-Websocket-Protocol", "openai-insecure-api-key." + canary}},
		{"member", path, chat(`"metadata":{"api_key":` + quoted(canary) + `}`), nil},
		{"number", path, chat(`"auth":[1,{"a":"` + canary + `"}]`), nil},
		{"text", path, content("my key: " + canary), nil},
		{"head in a text", path, content("curl -H 'Authorization: Bearer " + canary + "'\nX-Api-Key: " + canary), nil},
		{"URL in a text", path, content("see http://u:" + canary + "@h/?x=" + canary), nil},
		{"JSON in a string", path, content(`{"a":{"client_secret":"` + canary + `"}}`), nil},
		{"JSON in a string in a string", path, content(`{"arguments":` + quoted(`{"token":"`+canary+`"}`) + `}`), nil},
		{"form", "/elsewhere", url.Values{"api_key": {canary}, "x": {"y"}}.Encode(), []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"form on our route", path, url.Values{"api_key": {canary}, "x": {canary}}.Encode(), []string{"Content-Type", "application/x-www-form-urlencoded"}},
		{"multipart", path, "--b\r\nContent-Disposition: form-data; name=\"api_key\"\r\n\r\n" + canary + "\r\n--b--", []string{"Content-Type", "multipart/form-data; boundary=b"}},
	}
	return all
}

// Whatever carries a secret, whatever it is answered, and at whichever level: the log doesn't show it.
func TestNoLevelShowsASecret(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"echo": func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Location", "/x?"+canary)
			w.Header().Set("X-"+canary, canary)
			w.Header().Set("Set-Cookie", "a="+canary)
			said, _ := json.Marshal("you said " + string(b))
			_, _ = io.WriteString(w, strings.Replace(chatReply, `"hi"`, string(said), 1))
		},
		"error": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(401)
			_, _ = io.WriteString(w, `{"error":{"message":"Incorrect API key provided: `+canary+`. See http://h/?x=`+canary+`","type":"invalid_request_error","param":null,"code":401}}`)
		},
		"broken head": func(w http.ResponseWriter, r *http.Request) { raw(w, "HTTP/1.1 200 OK\r\nX "+canary+"\r\n\r\n") },
		"no HTTP":     func(w http.ResponseWriter, r *http.Request) { raw(w, canary+" is no HTTP\r\n\r\n") },
		"odd finish": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, strings.Replace(chatReply, `"stop"`, `"`+canary+`"`, 1))
		},
		"pieces": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			for _, piece := range []string{`data: {"x":1,"api_`, `key":"cAnArY`, "-7f3a9c\"}\n", "\ndata: {\"api_key\":\"", canary + "\"}\n\n"} {
				_, _ = io.WriteString(w, piece)
				w.(http.Flusher).Flush()
			}
		},
	}
	for _, level := range config.LogLevels {
		for what, answer := range answers {
			if what == "odd finish" && level == "COMPLETE" {
				continue // there a body shows what has no secret's name
			}
			t.Run(level+"/"+what, func(t *testing.T) {
				e := start(t, upstreamOf(t, answer), func(c *config.Config) { c.Log.Level = level })
				for _, c := range carriers() {
					shows(t, e, &c)
				}
			})
		}
	}
}

func raw(w http.ResponseWriter, s string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_, _ = io.WriteString(conn, s)
		_ = conn.Close()
	}
}

func shows(t *testing.T, e *edge, c *carried) {
	t.Helper()
	method := "POST"
	if c.body == "" {
		method = "GET"
	}
	r := httptest.NewRequestWithContext(t.Context(), method, c.path, strings.NewReader(c.body))
	r.RemoteAddr = net.JoinHostPort("192.0.2.1", "1234")
	for i := 0; i+1 < len(c.header); i += 2 {
		r.Header.Set(c.header[i], c.header[i+1])
	}
	before := len(e.log.String())
	e.handler.ServeHTTP(httptest.NewRecorder(), r)
	log := e.log.String()[before:]
	for _, secret := range []string{canary, strings.ToLower(canary), "cAnArY", base64.StdEncoding.EncodeToString([]byte("me:" + canary))} {
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("%s is in the log: …%s…", c.name, log[max(0, i-200):min(len(log), i+200)])
			return
		}
	}
}

// A panic's text may hold what a client sent.
func TestAPanicIsLoggedWithoutItsText(t *testing.T) {
	e := start(t, "http://127.0.0.1:1")
	h := guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("said " + canary) }), slog.New(e.handler.log.Handler()))
	func() {
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("panics with %v", p)
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	}()
	if log := e.log.String(); !strings.Contains(log, `"panic":"string"`) || strings.Contains(log, canary) {
		t.Errorf("log: %s", log)
	}
}
