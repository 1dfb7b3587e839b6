package edge

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// proxy is a Host that treats an exchange as Envoy's filter chain does, in plain Go. What
// an exchange may not do to any proxy is an error of the test. Bytes that are lent for one
// callback are overwritten after it.
type proxy struct {
	t        testing.TB
	exchange Exchange

	// What this proxy can't do.
	holdsNoHeads, replacesNoRequest, replacesNoReply, appendsNothing bool
	// hidesAnswers: replies of our own don't come by in the reply's callbacks.
	hidesAnswers bool
	// hides: a body that is there is not shown while its head waits; resumed are the sides that
	// were let go on.
	hides   bool
	resumed []Side
	// panicsIn names the method that panics the next time that it is called.
	panicsIn string

	request, reply message
	details        string
	pending        *answer
	answers, heads int
	counts         [len(CounterNames)]int
	longest        int // of what was handed over at once, in bytes
	lines          []string

	inCallback bool
	lent       [][]byte
	buffer     []byte
	done       bool
}

// message is one side of the exchange, and what of it went on.
type message struct {
	side Side
	head Fields
	// began: its head came by; sent: the head went on; ended: the end did.
	began, sent, ended, reset bool
	// stopped: nothing of it is shown any more.
	stopped bool
	// gathering: the last body callback paused.
	gathering bool
	held      []byte // what waits in the proxy, or the piece at hand
	hasBody   bool   // a callback in which Body and ReplaceBody have a meaning runs
	body      []byte // what went on
}

type answer struct {
	status int
	header Fields
	body   []byte
}

var errCant = errors.New("this proxy can't")

func newProxy(t testing.TB, p *Plugin) *proxy {
	x := &proxy{t: t, holdsNoHeads: !p.HoldHeads}
	x.request.side, x.reply.side = Request, Reply
	x.exchange = NewExchange(p, x)
	return x
}

func (p *proxy) message(s Side) *message {
	if s == Reply {
		return &p.reply
	}
	return &p.request
}

func (p *proxy) called(method string) {
	if !p.inCallback {
		p.t.Errorf("%s is called outside of a callback", method)
	}
	if p.panicsIn == method {
		p.panicsIn = ""
		panic(errors.New("a host's fault, with the client's text"))
	}
}

// lend copies b into memory that lives until the callback returns.
func (p *proxy) lend(b []byte) []byte {
	b = bytes.Clone(b)
	p.lent = append(p.lent, b)
	return b
}

func (p *proxy) Head(s Side) (Fields, bool) {
	p.called("Head")
	m := p.message(s)
	return slices.Clone(m.head), m.began
}

func (p *proxy) editable(s Side, name string) *message {
	m := p.message(s)
	if m.sent || !m.began {
		p.t.Errorf("%s of the %s is edited when its head isn't there", name, s)
	}
	return m
}

func (p *proxy) SetField(s Side, name, value string) {
	p.called("SetField")
	m := p.editable(s, name)
	if i := slices.IndexFunc(m.head, func(f [2]string) bool { return f[0] == name }); i >= 0 {
		m.head[i][1] = value
		return
	}
	m.head = append(m.head, [2]string{name, value})
}

func (p *proxy) RemoveField(s Side, name string) {
	p.called("RemoveField")
	m := p.editable(s, name)
	m.head = slices.DeleteFunc(m.head, func(f [2]string) bool { return f[0] == name })
}

func (p *proxy) HoldsHead(Side) bool { return !p.holdsNoHeads }

func (p *proxy) Hides(s Side) bool {
	p.called("Hides")
	return p.hides
}

func (p *proxy) Resume(s Side) {
	p.called("Resume")
	p.resumed = append(p.resumed, s)
}

func (p *proxy) Body(s Side) []byte {
	p.called("Body")
	m := p.message(s)
	if !m.hasBody {
		return nil
	}
	return p.lend(m.held)
}

func (p *proxy) ReplaceBody(s Side, b []byte) error {
	p.called("ReplaceBody")
	m := p.message(s)
	if !m.hasBody || p.replacesNoRequest && s == Request || p.replacesNoReply && s == Reply {
		return errCant
	}
	m.held = bytes.Clone(b)
	p.longest = max(p.longest, len(b))
	return nil
}

func (p *proxy) AppendReply(b []byte) bool {
	p.called("AppendReply")
	if !p.reply.hasBody && (p.appendsNothing || !p.reply.gathering) {
		return false
	}
	p.longest = max(p.longest, len(b))
	p.reply.held = append(p.reply.held, b...)
	return true
}

func (p *proxy) Answer(status int, header Fields, body []byte) error {
	p.called("Answer")
	if p.pending != nil {
		p.t.Error("a second answer in one callback")
	}
	p.pending = &answer{status, slices.Clone(header), bytes.Clone(body)}
	p.answers++
	return nil
}

func (p *proxy) CodeDetails() string { return p.details }

func (p *proxy) Buffer() []byte {
	p.called("Buffer")
	return p.buffer[:0]
}

func (p *proxy) Keep(b []byte) { p.buffer = b }

func (p *proxy) Log(level Level, line string) { p.lines = append(p.lines, line) }

func (p *proxy) Count(c Counter, n int) { p.counts[c] += n }

// callback runs one of the exchange's, then spoils what was lent for it.
func (p *proxy) callback(run func() Action) Action {
	p.inCallback = true
	action := run()
	p.inCallback = false
	for _, b := range append(p.lent, p.buffer[:cap(p.buffer)]) {
		for i := range b {
			b[i] = '!'
		}
	}
	p.lent = p.lent[:0]
	return action
}

func (p *proxy) sendHead(m *message, end bool) {
	m.sent = true
	if m.side == Reply {
		p.heads++
	}
	if end {
		p.end(m)
	}
}

func (p *proxy) end(m *message) {
	m.ended = true
	if length := m.head.Get("content-length"); length != "" && length != strconv.Itoa(len(m.body)) {
		p.t.Errorf("content-length of the %s is %s, its body has %d bytes", m.side, length, len(m.body))
	}
}

// takeHead shows a head to the exchange.
func (p *proxy) takeHead(m *message, head Fields, end bool) {
	if m.stopped || m.ended {
		return
	}
	m.began, m.head = true, slices.Clone(head)
	action := p.callback(func() Action {
		if m.side == Reply {
			return p.exchange.ReplyHead(end)
		}
		return p.exchange.RequestHead(end)
	})
	if p.flush() {
		return
	}
	if action == Continue {
		p.sendHead(m, end)
		return
	}
	if p.holdsNoHeads || end {
		p.t.Errorf("the %s's head waits for ever", m.side)
	}
}

// takeBody shows a piece of a body, with all that waits.
func (p *proxy) takeBody(m *message, piece []byte, end bool) {
	if m.stopped || m.ended {
		return
	}
	m.held = append(m.held, piece...)
	m.hasBody = true
	size := len(m.held)
	action := p.callback(func() Action {
		if m.side == Reply {
			return p.exchange.ReplyBody(size, end)
		}
		return p.exchange.RequestBody(size, end)
	})
	m.hasBody, m.gathering = false, action == Pause
	if p.flush() {
		return
	}
	if action == Continue {
		p.release(m, end)
	} else if end && p.answers == 0 {
		p.t.Errorf("the %s's end waits for ever", m.side)
	}
}

// takeTrailers ends a body without an end mark.
func (p *proxy) takeTrailers(m *message) {
	if m.stopped || m.ended {
		return
	}
	m.hasBody = m.gathering
	action := p.callback(func() Action {
		if m.side == Reply {
			return p.exchange.ReplyTrailers()
		}
		return p.exchange.RequestTrailers()
	})
	m.hasBody = false
	if p.flush() {
		return
	}
	if action == Continue {
		p.release(m, true)
	} else if p.answers == 0 {
		p.t.Errorf("the %s's trailers wait for ever", m.side)
	}
}

func (p *proxy) release(m *message, end bool) {
	if !m.sent {
		p.sendHead(m, false)
	}
	m.body = append(m.body, m.held...)
	m.held, m.gathering = nil, false
	if end {
		p.end(m)
	}
}

// flush makes the reply that a callback asked for.
func (p *proxy) flush() bool {
	a := p.pending
	if a == nil {
		return false
	}
	p.pending = nil
	p.ownReply(a, !p.hidesAnswers)
	return true
}

// ownReply answers the client without the upstream. After the reply's head that is a cut.
func (p *proxy) ownReply(a *answer, comesBy bool) {
	if p.reply.sent {
		p.reply.reset, p.reply.stopped, p.request.stopped = true, true, true
		return
	}
	head := append(Fields{{":status", strconv.Itoa(a.status)}, {"content-length", strconv.Itoa(len(a.body))}}, a.header...)
	p.request.stopped = true
	if comesBy && !p.reply.began {
		p.takeHead(&p.reply, head, len(a.body) == 0)
		if len(a.body) > 0 {
			p.takeBody(&p.reply, a.body, true)
		}
		return
	}
	p.reply.head, p.reply.body, p.reply.stopped = head, a.body, true
	p.sendHead(&p.reply, true)
}

// fails is an error reply of the proxy's own.
func (p *proxy) fails(status int, details string) {
	p.details = details
	p.ownReply(&answer{status, Fields{{"content-type", "text/plain"}}, []byte("upstream connect error")}, true)
}

func (p *proxy) finish() {
	if p.done {
		return
	}
	p.done = true
	p.callback(func() Action { p.exchange.Done(); return Continue })
}

// send sends a whole request.
func (p *proxy) send(head Fields, body ...string) *proxy {
	p.takeHead(&p.request, head, len(body) == 0)
	for i, piece := range body {
		p.takeBody(&p.request, []byte(piece), i == len(body)-1)
	}
	return p
}

// receive sends the upstream's whole reply.
func (p *proxy) receive(head Fields, body ...string) *proxy {
	p.details = "via_upstream"
	p.takeHead(&p.reply, head, len(body) == 0)
	for i, piece := range body {
		p.takeBody(&p.reply, []byte(piece), i == len(body)-1)
	}
	p.finish()
	return p
}

// wantReply checks that the client got one whole reply.
func (p *proxy) wantReply(status int) string {
	p.t.Helper()
	if got := p.reply.head.Get(":status"); got != strconv.Itoa(status) || p.heads != 1 || !p.reply.ended || p.reply.reset {
		p.t.Errorf("client got %d heads, %v %s (ended %t, reset %t), want one whole reply with status %d",
			p.heads, p.reply.head, p.reply.body, p.reply.ended, p.reply.reset, status)
	}
	return string(p.reply.body)
}

func (p *proxy) logged(text string) bool {
	return slices.ContainsFunc(p.lines, func(l string) bool { return strings.Contains(l, text) })
}
