package editor

import (
	"slices"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// denied tells whether the configuration denies clients a member of a chat request. All
// dialects' requests come by here, so there is no dialect's field that slips past. The
// reply names what was taken out.
func denied(key []byte, t *hub.Turn) bool {
	if len(t.Denied) == 0 || !slices.Contains(t.Denied, string(key)) {
		return false
	}
	t.Request.Changes |= hub.FieldsDenied
	t.Request.DroppedFields.Add(key)
	return true
}
