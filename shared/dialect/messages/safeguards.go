package messages

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// safeguardResults is what a reply says of the safeguard that was asked for: nobody here
// judges calls. Clients want exactly one entry.
const safeguardResults = `"safeguard_results":[{"type":"dangerous_tool_use","status":{"type":"unsupported"}}],`

// readSafeguards notes that the client asks for its calls to be judged, which is what
// Claude Code's auto mode does.
func (f *fields) readSafeguards(in *input, req *request, t *hub.Turn) {
	if !jsonedit.Is(f.safeguards, jsonedit.Array) || jsonedit.IsEmpty(f.safeguards) {
		return
	}
	if t.Messages.RefuseSafeguards {
		in.reject("safeguards", "is not supported: nobody here judges calls.")
		return
	}
	s := in.enter(f.safeguards)
	defer in.leave(s)
	for s.BeginArray(); s.NextElement(); {
		if string(in.typeOf(s.Value().Of(f.safeguards))) == "dangerous_tool_use" {
			req.judged = true
			t.Request.Changes |= hub.SafeguardsUnsupported
		}
	}
}
