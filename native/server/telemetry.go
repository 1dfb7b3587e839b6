package server

import (
	"net/http"

	"github.com/qwenvoy/qwenvoy/native/upstream"
	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/gateway"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// telemetryRoute is the route of what agents say of themselves by OTLP.
const telemetryRoute = "telemetry"

// passTelemetry passes what an agent says of itself on to the collector, and its answer back.
// Of the head only what the body needs goes along: the client's key is for the model server.
func passTelemetry(c *call) {
	plan := c.x.Plan()
	in, f := c.client.body(int64(plan.MaxBody), &c.holding.share)
	switch {
	case in != nil:
	case f == hub.NoFault:
		c.lost()
		return
	default:
		c.answer(c.x.Fault(f))
		return
	}
	header := http.Header{}
	for _, name := range [...]string{"Content-Type", "Content-Encoding", "User-Agent"} {
		if v := c.client.fields().Values(name); len(v) > 0 {
			header[name] = v[:1]
		}
	}
	c.leg.body, c.leg.request = in, upstream.Request{Method: http.MethodPost, Target: plan.Path, Header: header, Body: in.b}
	if err := c.leg.send(c.st.collector, c.ctx); err != nil {
		f, failure := c.leg.unreachable(err)
		c.failed(failure)
		if f == hub.NoFault {
			c.lost()
			return
		}
		c.h.log.Warn("no reply from the collector", "request_id", c.id, "error", err)
		c.answer(c.signed(&hub.Answer{Status: http.StatusBadGateway,
			Body: []byte(`{"error":{"message":"The collector of telemetry (otlp_forward) does not answer.",` +
				`"type":"server_error","param":null,"code":502}}`)}))
		return
	}
	c.replyPass(&gateway.ReplyPlan{Edit: hub.HeaderEdit{Drop: access.ServerFields, DropPrefixes: access.ServerPrefixes}})
}
