package example

import _ "embed"

const (
	// MessageStart is how a stream begins: two events, in a line each.
	MessageStart = `{"type":"message_start","message":{"id":"msg_0123456789abcdefABCD","type":"message","role":"assistant",` +
		`"model":"claude-qwen","content":[],"stop_reason":null,"stop_sequence":null,` +
		`"usage":{"input_tokens":20,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1}}}` + "\n" +
		`{"type":"ping"}`
	counted = `"usage":{"input_tokens":3,"cache_creation_input_tokens":1,"cache_read_input_tokens":16,"output_tokens":9}`
	// MessageStop is the last event.
	MessageStop = `{"type":"message_stop"}`
)

// MessageEnd is how a stream ends that stopped for a reason: two events.
func MessageEnd(reason string) string {
	return `{"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_sequence":null},` + counted + "}\n" + MessageStop
}

//go:embed messages.txt
var messagesText string

// Messages are good streams of the Messages API. The words of their file are start, end
// with a reason, and stop.
var Messages = read(messagesText, func(word string, rest ...string) string {
	switch word {
	case "start":
		return MessageStart + "\n"
	case "end":
		return MessageEnd(rest[0]) + "\n"
	}
	return MessageStop + "\n"
})
