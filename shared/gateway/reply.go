package gateway

import (
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/gunzip"
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// ReplyHead decides from the reply's status and header what becomes of its body.
// header returns a field's value, its name given in lower case.
func (x *Exchange) ReplyHead(status int, header func(name string) string) ReplyPlan {
	if x.plan.Action != Transform {
		return ReplyPlan{}
	}
	encoding := strings.TrimSpace(strings.ToLower(header("content-encoding")))
	x.gzipped = encoding == "gzip" || encoding == "x-gzip"
	plain := encoding == "" || encoding == "identity"
	kind, _, _ := strings.Cut(header("content-type"), ";")
	kind, _, _ = strings.Cut(kind, ",") // sent twice
	kind = strings.TrimSpace(strings.ToLower(kind))
	asIs := status < 200 || status > 299 || x.route.replyAsIs
	if t := x.route.translator; t != nil {
		return x.translatedHead(t, status, kind, plain)
	}
	streamer, streams := x.route.dialect.(hub.Streamer)
	switch {
	case status == 101:
		return ReplyPlan{Mode: ReplyLocal, Answer: x.answer(hub.BadUpstream("The model server switched to another protocol, which was not asked for."))}
	case status == 204 || status == 205 || status == 304: // no body, whatever the header says
		return ReplyPlan{}
	case asIs && !x.gzipped:
		return ReplyPlan{} // not ours, whatever it is
	case !plain && !x.gzipped:
		return ReplyPlan{Mode: ReplyLocal, Answer: x.answer(hub.BadUpstream("The model server's answer is compressed with %q, which was not asked for and is not supported.", encoding))}
	case kind == "text/event-stream" && !asIs && streams:
		x.phase = streaming
		x.stream = streamer.Stream(&x.turn)
		x.framer.Limit = x.gateway.maxEvent
		if x.gzipped {
			x.gunzip = gunzip.New()
			return ReplyPlan{Mode: ReplyStream, Edit: hub.HeaderEdit{Drop: dropEncodedLength}}
		}
		return ReplyPlan{Mode: ReplyStream, Edit: hub.HeaderEdit{Drop: dropLength}}
	case kind == "application/json" || asIs:
		if asIs {
			x.form = decoded
		}
		p := ReplyPlan{Mode: ReplyWhole, Edit: hub.HeaderEdit{Drop: dropLength}, MaxBody: x.gateway.maxBody}
		if x.gzipped {
			p.Edit.Drop = dropEncodedLength
		}
		return p
	}
	return ReplyPlan{}
}

// translatedHead is ReplyHead for a dialect whose clients can't read the upstream's replies.
func (x *Exchange) translatedHead(t hub.Translator, status int, kind string, plain bool) ReplyPlan {
	p := ReplyPlan{Mode: ReplyWhole, Edit: hub.HeaderEdit{Drop: dropLength, Set: x.turn.Request.ReplyHeader}, MaxBody: x.gateway.maxBody}
	if x.gzipped {
		p.Edit.Drop = dropEncodedLength
	}
	if e, ok := t.(hub.Estimator); ok && (status == 404 || status == 405 || status == 501) {
		if a := e.Estimate(&x.turn); a != nil {
			a.Header = append(a.Header, x.turn.Request.ReplyHeader...)
			p.Mode, p.Answer = ReplyLocal, a
			return p
		}
	}
	stream := x.turn.Request.Streamed && status == 200
	switch {
	case status < 200, status > 299 && status < 400, status == 204, status == 205:
		p.Answer = x.answer(hub.BadUpstream("The model server answered with status %d, which means nothing here.", status))
	case status < 300 && x.phase == requesting:
		p.Answer = x.answer(hub.BadUpstream("The model server answered before it had read the request."))
	case !plain && !x.gzipped:
		p.Answer = x.answer(hub.BadUpstream("The model server's answer is compressed in a way that was not asked for and is not supported."))
	case status >= 400:
		x.form, x.refusal = refused, status
		if p.Status = t.Status(status); p.Status == status {
			p.Status = 0
		}
		p.Edit = p.Edit.With([2]string{"content-type", "application/json"})
		return p
	case stream && (kind == "text/event-stream" || kind == "application/json"):
		p.Edit = p.Edit.With(streamFields...)
		if kind == "application/json" {
			x.form = onePiece
			return p // an answer in one piece; Reply makes the stream of it
		}
		x.phase = streaming
		x.stream = t.(hub.Streamer).Stream(&x.turn)
		x.framer.Limit = x.gateway.maxEvent
		if x.gzipped {
			x.gunzip = gunzip.New()
		}
		p.Mode, p.Beats = ReplyStream, true
		return p
	case kind == "application/json":
		p.Edit = p.Edit.With([2]string{"content-type", "application/json"})
		return p
	default:
		p.Answer = x.answer(hub.BadUpstream("The model server's answer has the content-type %q where %s was expected.", kind, map[bool]string{true: "text/event-stream", false: "application/json"}[stream]))
	}
	p.Mode = ReplyLocal
	return p
}

// streamFields: a proxy on the way that gathers or compresses events would hold them back.
var streamFields = [][2]string{{"content-type", "text/event-stream; charset=utf-8"}, {"cache-control", "no-cache"}, {"x-accel-buffering", "no"}}

var (
	dropLength        = []string{"content-length"}
	dropEncodedLength = []string{"content-length", "content-encoding"}
)

// Refused tells whether the upstream's reply is an error that the client gets in its own
// dialect. Its status and header say enough: where its body can't be had, an edge gives
// ReplyWhole none.
func (x *Exchange) Refused() bool { return x.form == refused }

// ReplyWhole turns a whole reply body and appends what the client gets to dst. An
// Answer replaces the whole reply; an edge that has sent the head already sends its
// Events, or its body where it has none.
func (x *Exchange) ReplyWhole(dst, body []byte) ([]byte, *hub.Answer) {
	x.phase = replying
	if x.gzipped && !((x.form == decoded || x.form == refused) && len(body) == 0) {
		plain, err := gunzip.Append(nil, body, x.gateway.maxBody)
		switch {
		case err != nil && x.form == refused:
			plain = nil
		case err == gunzip.ErrTooLarge:
			return dst, x.Fault(hub.ReplyTooLarge)
		case err != nil:
			return dst, x.Fault(hub.BadReply)
		}
		body = plain
	}
	switch x.form {
	case decoded:
		return jsonedit.PutBytes(dst, body), nil
	case refused:
		// The head is the upstream's, but for its status and type: Retry-After stays.
		return jsonedit.PutBytes(dst, x.answer(hub.UpstreamProblem(x.refusal, body)).Body), nil
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
