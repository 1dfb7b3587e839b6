package scenario

import (
	"fmt"
	"regexp"
)

// An id that Qwenvoy draws: a prefix and 24 letters and digits. The table numbers them
// in the order in which they appear: resp_1, msg_1, msg_2.
var drawn = regexp.MustCompile(`\b(resp|msg|rs|fc|ctc|tsc|lsh|sh|apc|cmp|call|toolu|srvtoolu|req|conv|amsg|cfg)_[0-9A-Za-z]{24}\b`)

// The time of day is 1 in the table.
var moment = regexp.MustCompile(`"(created_at|completed_at)":[0-9]{10}\b`)

// The tag of the list of models changes with each word that Codex is told, and is 1 in the table.
var tag = regexp.MustCompile(`W/"[0-9a-f]+"`)

// Normalize makes ids and times that Qwenvoy gives the same from run to run, in a body.
func Normalize(body []byte) []byte { return normalized(&Message{Body: body}).Body }

// normalized is a message with what differs from run to run made the same: ids and
// times that Qwenvoy gives. The same id has the same number in headers and body.
func normalized(m *Message) *Message {
	if m == nil {
		return nil
	}
	names, counts := map[string]string{}, map[string]int{}
	number := func(id []byte) []byte {
		name := names[string(id)]
		if name == "" {
			prefix := string(drawn.FindSubmatch(id)[1])
			counts[prefix]++
			name = fmt.Sprintf("%s_%d", prefix, counts[prefix])
			names[string(id)] = name
		}
		return []byte(name)
	}
	out := &Message{Start: m.Start}
	out.Body = drawn.ReplaceAllFunc(m.Body, number)
	out.Body = moment.ReplaceAll(out.Body, []byte(`"$1":1`))
	for _, h := range m.Header {
		value := tag.ReplaceAllString(string(drawn.ReplaceAllFunc([]byte(h[1]), number)), `W/"1"`)
		out.Header = append(out.Header, [2]string{h[0], value})
	}
	return out
}
