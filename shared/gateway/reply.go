package gateway

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
	"github.com/qwenvoy/qwenvoy/shared/refusal"
)

// ReplyHead decides from the reply's status and header what becomes of its body.
// header returns a field's value, its name given in lower case.
func (x *Exchange) ReplyHead(status int, header func(name string) string) ReplyPlan {
	x.turn.EndRecord()
	switch {
	case status < 100 || status > 599: // no client can be told of it, and net/http panics of some
		return x.badReply("The model server answered with the status %d, which HTTP does not have.", status)
	case x.plan.Action != Transform:
		return ReplyPlan{Edit: hub.HeaderEdit{Drop: access.ServerFields, DropPrefixes: access.ServerPrefixes}}
	}
	p := x.replyHead(status, header)
	if p.Mode == ReplyLocal {
		return p
	}
	p.Edit.DropPrefixes = access.ServerPrefixes
	if p.Edit.Drop == nil {
		p.Edit.Drop = access.ServerFields
	}
	if retry := x.route.retryFields(status, false, x.env.Now, header); retry != nil {
		p.Edit = p.Edit.With(retry...)
		p.Edit.Drop = append(p.Edit.Drop[:len(p.Edit.Drop):len(p.Edit.Drop)], "retry-after-ms") // it would go before ours
	}
	if x.plan.NoBody { // they tell of a body that the client does not get
		p.Edit.Drop = append(p.Edit.Drop[:len(p.Edit.Drop):len(p.Edit.Drop)], "etag", "last-modified")
	}
	if x.route == codexModels && status == 200 {
		p.Edit = p.Edit.With(x.gateway.tag.etag[:]...)
	}
	if x.page.origin != "" {
		p.Edit = p.Edit.With(x.page.fields(header("vary"))...)
		p.Edit.DropPrefixes = pagePrefixes
	}
	return p
}

// replyHead is ReplyHead without the fields that all replies have.
func (x *Exchange) replyHead(status int, header func(name string) string) ReplyPlan {
	encoding := strings.TrimSpace(strings.ToLower(header("content-encoding")))
	x.gzipped = encoding == "gzip" || encoding == "x-gzip"
	plain := encoding == "" || encoding == "identity"
	kind, _, _ := strings.Cut(header("content-type"), ";")
	kind, _, _ = strings.Cut(kind, ",") // sent twice
	kind = strings.TrimSpace(strings.ToLower(kind))
	if t := x.route.translator; t != nil {
		return x.translatedHead(t, status, kind, plain || x.gzipped)
	}
	edit := hub.HeaderEdit{Drop: dropped(x.gzipped), Set: x.turn.Request.ReplyHeader}
	readable, asIs := plain || x.gzipped, status < 200 || status > 299 || x.route.replyAsIs
	streamer, streams := x.route.dialect.(hub.Streamer)
	switch {
	case status == 101:
		return x.badReply("The model server switched to another protocol, which was not asked for.")
	case status == 204 || status == 205 || status == 304: // no body, whatever the header says
		return ReplyPlan{}
	case status >= 400:
		// Whole, although it isn't ours: half an error would be none to the client.
		p := ReplyPlan{Mode: ReplyWhole, Edit: edit, MaxBody: x.gateway.maxBody}
		x.form, x.refusal = decoded, status
		if status == 429 {
			x.form = limited
		}
		if !readable {
			x.unreadable = true
			x.Broken(&p)
		}
		return p
	case status < 300 && !readable:
		return x.badReply("The model server's answer is compressed with %q, which was not asked for and is not supported.", encoding)
	case asIs && !x.gzipped:
		return ReplyPlan{Edit: hub.HeaderEdit{Set: x.turn.Request.ReplyHeader}} // not ours, whatever it is
	case asIs:
		x.form = decoded
	case kind == "text/event-stream" && streams:
		x.stream.open(streamer.Stream(&x.turn), x.gateway.maxEvent, x.gzipped)
		return ReplyPlan{Mode: ReplyStream, Edit: edit}
	case kind != "application/json":
		return ReplyPlan{}
	}
	return ReplyPlan{Mode: ReplyWhole, Edit: edit, MaxBody: x.gateway.maxBody}
}

// dropped are the fields that a reply's new body makes untrue.
func dropped(gzipped bool) []string {
	if gzipped {
		return dropEncodedLength
	}
	return dropLength
}

// badReply puts a 502 in the reply's place.
func (x *Exchange) badReply(format string, args ...any) ReplyPlan {
	return ReplyPlan{Mode: ReplyLocal, Answer: x.answer(hub.BadUpstream(format, args...))}
}

// translatedHead is ReplyHead for a dialect whose clients can't read the upstream's
// replies; readable: the gateway undoes the reply's compression.
func (x *Exchange) translatedHead(t hub.Translator, status int, kind string, readable bool) ReplyPlan {
	edit := hub.HeaderEdit{Drop: dropped(x.gzipped), Set: x.turn.Request.ReplyHeader}
	p := ReplyPlan{Mode: ReplyWhole, Edit: edit, MaxBody: x.gateway.maxBody}
	if e, ok := t.(hub.Estimator); ok && (status == 404 || status == 405 || status == 501) {
		if a := e.Estimate(&x.turn); a != nil {
			a.Header = append(a.Header, x.turn.Request.ReplyHeader...)
			return ReplyPlan{Mode: ReplyLocal, Answer: x.page.sign(a)}
		}
	}
	streamed := x.turn.Request.Streamed && status == 200
	switch {
	case status < 200, status > 299 && status < 400, status == 204, status == 205:
		return x.badReply("The model server answered with status %d, which means nothing here.", status)
	case status < 300 && x.phase == requesting:
		return x.badReply("The model server answered before it had read the request.")
	case status >= 400:
		x.form, x.refusal, x.unreadable = refused, status, !readable
		if p.Status = t.Status(status); p.Status == status {
			p.Status = 0
		}
		if !readable {
			x.Broken(&p)
		}
	case !readable:
		return x.badReply("The model server's answer is compressed in a way that was not asked for and is not supported.")
	case streamed && kind == "text/event-stream":
		x.stream.open(t.(hub.Streamer).Stream(&x.turn), x.gateway.maxEvent, x.gzipped)
		p.Mode, p.Beats, p.Edit = ReplyStream, true, p.Edit.With(streamFields...)
		return p
	case streamed && kind == "application/json":
		x.form, p.Edit = onePiece, p.Edit.With(streamFields...)
		return p
	case kind != "application/json":
		expected := "application/json"
		if streamed {
			expected = "text/event-stream"
		}
		return x.badReply("The model server's answer has the content-type %q where %s was expected.", kind, expected)
	}
	p.Edit = p.Edit.With([2]string{"content-type", "application/json"})
	return p
}

// streamFields: a proxy on the way that gathers or compresses events would hold them back.
var streamFields = [][2]string{
	{"content-type", "text/event-stream; charset=utf-8"},
	{"cache-control", "no-cache"},
	{"x-accel-buffering", "no"},
}

var (
	dropLength        = append([]string{"content-length"}, access.ServerFields...)
	dropEncodedLength = append([]string{"content-encoding"}, dropLength...)
)

// Broken is told that a reply's body, of which nothing has gone out, can't be had whole. True: it
// is an error's, whose status and header say enough: ReplyWhole gets what came, and gives it in
// the client's dialect, for which p is changed. False: a Fault is the answer.
func (x *Exchange) Broken(p *ReplyPlan) bool {
	if x.refusal == 0 {
		return false
	}
	x.form = refused
	p.Edit = p.Edit.With([2]string{"content-type", "application/json"})
	p.Edit.Drop = append(p.Edit.Drop[:len(p.Edit.Drop):len(p.Edit.Drop)], "content-encoding")
	return true
}

// ReplyWhole turns a whole reply body and appends what the client gets to dst. An
// Answer replaces the whole reply; an edge that has sent the head already sends its
// Events, or its body where it has none.
func (x *Exchange) ReplyWhole(dst, body []byte) ([]byte, *hub.Answer) {
	x.phase = replying
	if x.unreadable {
		body = nil
	}
	if x.gzipped && !((x.form == decoded || x.form == limited || x.form == refused) && len(body) == 0) {
		plain, f := x.decode(body, "gzip")
		switch {
		case f != hub.NoFault && x.form == refused:
			plain = nil
		case f == hub.BodyTooLarge, f == hub.Inflated:
			return dst, x.Fault(hub.ReplyTooLarge)
		case f == hub.BadEncoding, f == hub.Undecodable:
			return dst, x.Fault(hub.BadReply)
		case f != hub.NoFault:
			return dst, x.Fault(f)
		}
		body = plain
	}
	switch x.form {
	case decoded:
		return jsonedit.PutBytes(dst, body), nil
	case limited:
		if p := hub.UpstreamProblem(429, body); refusal.Of(p).Class == refusal.Ended {
			x.problem = p
			return dst, x.page.sign(&hub.Answer{Status: 429, Body: body, Header: [][2]string{noRetry}, Reason: p.Reason})
		}
		return jsonedit.PutBytes(dst, body), nil
	case refused:
		// The head is the upstream's, but for its status and type: Retry-After stays.
		p := hub.UpstreamProblem(x.refusal, body)
		if c, ok := x.route.dialect.(hub.Counter); ok && x.turn.Edge.Counts && c.WantsCount(p) {
			x.turn.Ask(hub.Need{Kind: hub.NeedCount}, func(dst []byte, g hub.Given) ([]byte, *hub.Problem) {
				if p.PromptTokens, p.Window = g.Count, g.Window; p.Window == 0 {
					p.Window, _ = x.turn.Window()
				}
				return dst, p
			})
			return dst, nil
		}
		// Where its sentence means another status than it came with, or that a 429 will not
		// pass, the reply is ours.
		a := x.answer(p)
		if t := x.route.translator; t != nil && a.Status != t.Status(x.refusal) || x.refusal == 429 && refusal.Of(p).Class == refusal.Ended {
			return dst, a
		}
		return jsonedit.PutBytes(dst, a.Body), nil
	}
	return x.replied(x.route.dialect.Reply(dst, body, &x.turn))
}

// replied is what ReplyWhole returns.
func (x *Exchange) replied(out []byte, p *hub.Problem) ([]byte, *hub.Answer) {
	if p != nil {
		return out, x.answer(p)
	}
	return out, nil
}
