package edge

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

func TestBadConfigurationIsRefusedByItsKey(t *testing.T) {
	for configuration, key := range map[string]string{
		`{"upstreams":[{"model":"m"}],"enforce_samplings":true}`: "enforce_samplings",
		`{"upstreams":[{"model":"m","kind":"sglang-ish"}]}`:      "upstreams[0].kind",
		`{"upstreams":`:           "JSON",
		``:                        "upstreams",
		"\n\x0d\n\x03log\x12\x06": "StringValue",
		`{"upstreams":[{"model":"m","api_key":"${KEY}"}]}`:                                   "upstreams[0].api_key: ${KEY}",
		`{"upstreams":[{"modle":"m"}],"models":[{"name":"a","profile":"p"}]}`:                "modle: unknown key, did you mean model?\nupstreams[0].model: the served model's name is required\nmodels[0].profile",
		`{"upstreams":[{"model":"m"}],"cors":` + strings.Repeat("[", 1000):                   "JSON",
		`{"upstreams":[{"model":"m"}],"cors":` + strings.Repeat(" ", config.MaxText) + "{}}": "at most 131072",
	} {
		if _, err := NewPlugin([]byte(configuration)); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%q: %v, want %s in the error", configuration, err, key)
		}
	}
}

func TestKeysOfTheBinaryAreNamed(t *testing.T) {
	p := newPlugin(t, `,"listen":"0.0.0.0","port":1234,"timeouts":{"idle":"1m"},"log":{"format":"json"},"store":{"folder":"/var/lib/qwenvoy"},"limits":{"memory":"1GiB"}`)
	if got := strings.Join(p.Unused, " "); got != "listen port timeouts limits.memory store log.format" {
		t.Errorf("unused here: %s", got)
	}
	if p := newPlugin(t, ""); len(p.Unused) != 0 {
		t.Errorf("unused here: %s", p.Unused)
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
