package editor

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// streamOptions reads stream_options, and asks for a stream's usage where the client did not.
type streamOptions struct {
	members      jsonedit.Members
	includeUsage field
	continuous   bool // continuous_usage_stats is true
}

// reset forgets the request before.
func (o *streamOptions) reset() { o.includeUsage, o.continuous = field{}, false }

// scan walks stream_options.
func (o *streamOptions) scan(d *document) jsonedit.Span {
	s := &d.scanner
	o.reset()
	if s.Kind() != jsonedit.Object {
		return s.Value()
	}
	start := s.Start()
	o.members.Begin(s.BeginObject())
	for s.NextMember() {
		key := s.KeySpan()
		switch string(s.Key()) {
		case "include_usage":
			v := s.Value()
			i := o.members.Add(key, v)
			if !o.includeUsage.value.Absent() {
				o.members.Drop(o.includeUsage.member)
			}
			o.includeUsage = field{i, v}
		case "continuous_usage_stats":
			v := s.Value()
			o.members.Add(key, v)
			o.continuous = string(v.Of(d.src)) == "true"
		default:
			o.members.Add(key, s.Value())
		}
	}
	return jsonedit.Span{Start: start, End: s.Pos()}
}

// askUsage asks for a stream's usage on the gateway's account.
func (o *streamOptions) askUsage(r *request) {
	if r.kind(keyStream) != jsonedit.True {
		return
	}
	options := r.fields[keyStreamOptions].value
	switch r.kind(keyStreamOptions) {
	case jsonedit.Null:
		if options.Absent() {
			r.add(`"stream_options":{"include_usage":true},`)
		} else {
			r.replace(options, `{"include_usage":true}`)
		}
	case jsonedit.Object:
		if o.includeUsage.value.Absent() && !o.continuous {
			o.members.Commit(&r.edits, []byte(`"include_usage":true,`))
			break
		}
		o.members.Commit(&r.edits, nil)
		if o.continuous || o.includeUsage.kind(r.src) == jsonedit.True {
			// Asked for. Or continuous_usage_stats alone, which vLLM ignores unless
			// include_usage wakes it up: then every chunk would change.
			return
		}
		r.replace(o.includeUsage.value, "true")
	default:
		return
	}
	r.turn.Request.HideUsage = true
	r.changed(hub.UsageRequested)
}
