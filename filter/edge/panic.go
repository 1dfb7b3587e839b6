package edge

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// guard is deferred by every callback. A panic that left the module would kill the VM:
// the worker answers 503 for a second or two, or for ever, by the failure policy.
func (e *Exchange) guard(at phase, action *Action) {
	r := recover()
	if r == nil {
		return
	}
	logLine(e.host, LevelError, "panic: "+Describe(r))
	e.host.Count(PanicCount, 1)
	switch {
	case at == inRequest, at == inReplyHead, at == inReplyBody && e.held:
		*action = e.send(e.panicAnswer())
	case at == inReplyBody:
		out := e.abort()
		if e.reply == whole {
			out = e.panicAnswer().Body
		}
		e.reply = discard
		_ = e.host.ReplaceBody(Reply, out)
		*action = Continue
	default:
		*action = Continue
	}
}

// panicAnswer is the error reply; the exchange may be in any state, so it may panic again.
func (e *Exchange) panicAnswer() (a *hub.Answer) {
	defer func() {
		if recover() != nil || a == nil {
			a = &hub.Answer{Status: 500, Reason: "panic", Header: e.pageFields(),
				Body: []byte(`{"error":{"message":"internal error","type":"server_error","param":null,"code":500}}`)}
		}
	}()
	return e.core.Fault(hub.Panic)
}

// pageFields are what an answer that the core has not made says to a web page's browser; none
// when the request's head can't be read any more.
func (e *Exchange) pageFields() (fields [][2]string) {
	defer func() {
		if recover() != nil {
			fields = nil
		}
	}()
	head, _ := e.host.Head(Request)
	return e.plugin.gateway.PageFields(head.Get)
}

// abort ends a stream; nothing when even that fails: the client then sees a stream without its end.
func (e *Exchange) abort() (out []byte) {
	defer func() {
		if recover() != nil {
			out = nil
		}
	}()
	return e.core.Abort(nil, hub.Panic)
}

// Describe names a panic and the first frames of its stack.
func Describe(r any) string {
	var b strings.Builder
	b.WriteString(redact.Panic(r))
	var pcs [24]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for shown := 0; shown < 8; {
		f, more := frames.Next()
		if f.Function != "" && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasSuffix(f.Function, ".guard") {
			fmt.Fprintf(&b, " | %s:%d", f.Function, f.Line)
			shown++
		}
		if !more {
			break
		}
	}
	return b.String()
}
