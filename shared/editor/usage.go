package editor

import (
	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// streamOptions reads stream_options, and asks for a stream's usage where the client did not.
type streamOptions struct {
	members      jsonedit.Members
	includeUsage field
	counts       field // continuous_usage_stats
	continuous   bool  // it is true
}

// reset forgets the request before.
func (o *streamOptions) reset() { o.includeUsage, o.counts, o.continuous = field{}, field{}, false }

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
			i := o.members.Add(key, v)
			if !o.counts.value.Absent() {
				o.members.Drop(o.counts.member)
			}
			o.counts = field{i, v}
			o.continuous = string(v.Of(d.src)) == "true"
		default:
			o.members.Add(key, s.Value())
		}
	}
	return jsonedit.Span{Start: start, End: s.Pos()}
}

// askUsage asks for a stream's usage on the gateway's account. Where a stop string may end it
// here, each chunk is to say the count so far.
func (o *streamOptions) askUsage(r *request) {
	if r.kind(keyStream) != jsonedit.True {
		return
	}
	facts := &r.turn.Request
	options := r.fields[keyStreamOptions].value
	asked := r.kind(keyStreamOptions) == jsonedit.Object && o.includeUsage.kind(r.src) == jsonedit.True
	counts := len(facts.Stops) > 0 && !(asked && o.continuous)
	more := ""
	if counts && !o.continuous {
		more = `"continuous_usage_stats":true,`
	}
	switch r.kind(keyStreamOptions) {
	case jsonedit.Null:
		all := `"stream_options":{"include_usage":true,` + more
		all = all[:len(all)-1] + "}"
		if options.Absent() {
			r.add(all, ",")
		} else {
			r.replace(options, all[len(`"stream_options":`):])
		}
	case jsonedit.Object:
		if !asked && o.continuous && len(facts.Stops) == 0 {
			// continuous_usage_stats alone, which vLLM ignores unless include_usage wakes it
			// up: then every chunk would change.
			o.members.Commit(&r.edits, nil)
			return
		}
		if counts && !o.continuous && !o.counts.value.Absent() {
			o.members.Drop(o.counts.member)
		}
		switch {
		case o.includeUsage.value.Absent():
			more = `"include_usage":true,` + more
		case !asked:
			r.replace(o.includeUsage.value, "true")
		}
		o.members.Commit(&r.edits, []byte(more))
	default:
		return
	}
	facts.HideCounts = counts
	if !asked {
		facts.HideUsage = true
		r.changed(hub.UsageRequested)
	}
}
