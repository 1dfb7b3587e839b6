package editor

import (
	"slices"
	"strings"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// denied tells whether the configuration denies clients a member of a chat request. All
// dialects' requests come by here, so there is no dialect's field that slips past. The
// reply names what was taken out.
func denied(key []byte, t *hub.Turn) bool {
	if len(t.Denied) == 0 || !slices.Contains(t.Denied, string(key)) {
		return false
	}
	name, r := string(key), &t.Request
	r.Changes |= hub.FieldsDenied
	for i := range r.ReplyHeader {
		h := &r.ReplyHeader[i]
		if h[0] != hub.DroppedFieldsHeader {
			continue
		}
		if !slices.Contains(strings.Split(h[1], ", "), name) {
			h[1] += ", " + name
		}
		return true
	}
	r.ReplyHeader = append(r.ReplyHeader, [2]string{hub.DroppedFieldsHeader, name})
	return true
}
