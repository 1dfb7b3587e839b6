package edge

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// A panic anywhere is answered with what can still be said to the client.
func TestPanicIsAnsweredByWhatCanStillBeSaid(t *testing.T) {
	bothKinds(t, "", func(t *testing.T, fresh func() *proxy) {
		check := func(name string, p *proxy) {
			t.Helper()
			if p.counts[PanicCount] != 1 || !p.logged("panic: *errors.errorString | ") || !p.logged("edge.(*Exchange)") {
				t.Errorf("%s: %d panics counted, the log says %q", name, p.counts[PanicCount], p.lines)
			}
			if p.logged("the client's text") {
				t.Errorf("%s: the panic's own text is in the log", name)
			}
		}
		for _, method := range []string{"Head", "RemoveField", "Body", "Buffer", "ReplaceBody"} {
			p := fresh()
			p.panicsIn = method
			p.send(post(chat, question), question).finish()
			p.wantReply(500)
			check("request, "+method, p)
		}
		for _, method := range []string{"Head", "Body", "Buffer", "ReplaceBody"} {
			p := fresh()
			p.send(post(chat, question), question)
			p.panicsIn = method
			p.receive(whole200, answered)
			status := 500
			if p.holdsNoHeads && method != "Head" {
				status = 200 // the head is out
			}
			if code := gjson.Get(p.wantReply(status), "error.code").Int(); code != 500 {
				t.Errorf("%s: client got %s", method, p.reply.body)
			}
			check("reply, "+method, p)
		}
		for _, method := range []string{"Body", "Buffer", "ReplaceBody"} {
			p := fresh()
			p.send(post(chat, streamed), streamed)
			p.panicsIn = method
			got := p.receive(stream200, events, "").wantReply(200)
			if method != "ReplaceBody" && (!strings.HasSuffix(got, "data: [DONE]\n\n") || !strings.Contains(got, `"error"`)) {
				t.Errorf("%s: client got\n%s", method, got)
			}
			check("stream, "+method, p)
		}
	})
}

// Before the core knows of an exchange, the answer says to a page's browser what all do.
func TestAPanicBeforeAnExchangeIsForPagesToo(t *testing.T) {
	bothKinds(t, `,"cors":{"origins":["https://app.example.com"]}`, func(t *testing.T, fresh func() *proxy) {
		for origin, allowed := range map[string]string{"": "", "https://app.example.com": "https://app.example.com", "https://evil.test": ""} {
			p := fresh()
			p.panicsIn = "Head"
			p.send(append(post(chat, question), [2]string{"origin", origin}), question).finish()
			p.wantReply(500)
			if got := p.reply.head.Get("access-control-allow-origin"); got != allowed {
				t.Errorf("%q: %q", origin, p.reply.head)
			}
		}
	})
}
