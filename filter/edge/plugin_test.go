package edge

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/config"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

func TestBadConfigurationIsRefusedByItsKey(t *testing.T) {
	for configuration, key := range map[string]string{
		`{"upstreams":[{"model":"m"}],"enforce_samplings":true}`: "enforce_samplings",
		`{"upstreams":[{"model":"m","kind":"sglang-ish"}]}`:      "upstreams[0].kind",
		`{"upstreams":`:           "JSON",
		``:                        "upstreams",
		"\n\x0d\n\x03log\x12\x06": "StringValue",
		`{"upstreams":[{"model":"m","api_key":"${KEY}"}]}`:                                   "upstreams[0].api_key: ${KEY}",
		`{"upstreams":[{"modle":"m"}],"models":[{"name":"a","profile":"p"}]}`:                "modle: unknown key, did you mean model?\nupstreams[0].model: the served model's name is required here: the binary can ask the server for it, the filter can't\nmodels[0].profile",
		`{"upstreams":[{"model":"m"}],"cors":` + strings.Repeat("[", 1000):                   "JSON",
		`{"upstreams":[{"model":"m"}],"cors":` + strings.Repeat(" ", config.MaxText) + "{}}": "at most 131072",
	} {
		if _, err := NewPlugin([]byte(configuration)); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v, want %s in the error", configuration, err, key)
		}
	}
}

func TestKeysOfTheBinaryAreNamed(t *testing.T) {
	p := newPlugin(t, `,"listen":"0.0.0.0","port":1234,"timeouts":{"idle":"1m"},"log":{"format":"json"},"store":{"folder":"/var/lib/qwenvoy"},"limits":{"memory":"1GiB"},"otlp_forward":"http://h:1"`)
	if got := strings.Join(p.Unused, " "); got != "listen port timeouts limits.memory store otlp_forward log.format" {
		t.Errorf("unused here: %s", got)
	}
	if p := newPlugin(t, ""); len(p.Unused) != 0 {
		t.Errorf("unused here: %s", p.Unused)
	}
}

func TestAServedNameWithoutAGenerationIsNoted(t *testing.T) {
	for name, want := range map[string]int{"Qwen/Qwen3.5-27B": 0, "prod": 1} {
		p, err := NewPlugin([]byte(`{"upstreams":[{"model":"` + name + `"}]}`))
		if err != nil || len(p.Notes) != want || want > 0 && !strings.Contains(p.Notes[0], `"prod" tells no generation of Qwen`) {
			t.Errorf("%s: %q, error %v", name, p.Notes, err)
		}
	}
}

// Threads of a native host share a plugin; the race detector looks on.
func TestExchangesOfManyThreadsShareAPlugin(t *testing.T) {
	plugin, err := NewPlugin(configuration(`,"log":{"level":"DEBUG"}`))
	if err != nil {
		t.Fatal(err)
	}
	var threads sync.WaitGroup
	for thread := range 4 {
		threads.Go(func() {
			for i := range 20 {
				name := fmt.Sprintf("thread %d, request %d", thread, i)
				request := strings.Replace(question, "Grüße", name, 1)
				p := newProxy(t, plugin).send(post(chat, request), request[:20], request[20:]).receive(whole200, answered)
				if gjson.GetBytes(p.request.body, "messages.0.content").String() != name || gjson.Get(p.wantReply(200), "model").String() != virtual {
					t.Errorf("%s: upstream got %s, client %s", name, p.request.body, p.reply.body)
				}
				p = newProxy(t, plugin).send(post(chat, streamed), streamed).receive(stream200, events[:50], events[50:])
				if got := p.wantReply(200); strings.Contains(got, served) {
					t.Errorf("%s: client got %s", name, got)
				}
				p = newProxy(t, plugin)
				p.takeHead(&p.request, post(chat, question), false)
				p.fails(413, "request_payload_too_large")
				p.finish()
			}
		})
	}
	threads.Wait()
}

// No line shows what a client or an upstream carries, nor is it more than a line.
func TestNoLineShowsASecret(t *testing.T) {
	const canary = "cAnArY-7f3a9c"
	bothKinds(t, `,"log":{"level":"DEBUG"}`, func(t *testing.T, fresh func() *proxy) {
		for _, path := range []string{chat, "/v1/responses", "/v1/messages", "/v1/" + canary} {
			for what, c := range map[string]struct {
				head   Fields
				body   string
				reply  Fields
				answer string
			}{
				"head":  {Fields{{"x-" + canary, canary}, {"authorization", "Bearer " + canary}, {"cookie", canary}, {"referer", "http://u:" + canary + "@h/?a=" + canary}}, question, whole200, answered},
				"body":  {nil, strings.Replace(question, "Grüße", `{\"api_key\":\"`+canary+`\"}`, 1), whole200, answered},
				"type":  {nil, `{"model":"` + virtual + `","input":[{"type":"` + canary + `"},{"type":"message","role":"user","content":"a"}]}`, whole200, answered},
				"model": {nil, `{"model":"` + canary + `\n","messages":[]}`, whole200, answered},
				"finish": {nil, question, Fields{{":status", "200"}, {"content-type", "application/json"}},
					strings.Replace(answered, `"stop"`, `"`+canary+strings.Repeat(`\n`, 5000)+`"`, 1)},
				"error": {nil, question, Fields{{":status", "401"}, {"content-type", "application/json"}, {"www-authenticate", canary}},
					`{"error":{"message":"Incorrect API key provided: ` + canary + `","code":401}}`},
				"no JSON": {nil, canary, Fields{{":status", "500"}}, canary},
			} {
				for _, panics := range []string{"", "Body"} {
					p := fresh()
					p.panicsIn = panics
					p.send(append(post(path+"?api_key="+canary+"&x="+canary, c.body), c.head...), c.body)
					if p.answers == 0 {
						p.receive(c.reply, c.answer)
					} else {
						p.finish()
					}
					for _, line := range p.lines {
						if strings.Contains(strings.ToLower(line), strings.ToLower(canary)) || strings.ContainsAny(line, "\n\r\x1b") || len(line) > redact.MaxValue {
							t.Errorf("%s, %s: %d bytes: %.300s", path, what, len(line), line)
						}
					}
				}
			}
		}
	})
}
