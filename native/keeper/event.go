package keeper

import "strconv"

// Terminal tells whether an event is the last of a response's stream.
func Terminal(name []byte) bool {
	switch string(name) {
	case "response.completed", "response.incomplete", "response.failed":
		return true
	}
	return false
}

// event is one as a stream has it, which is how it is stored.
func event(name, data []byte) []byte {
	b := make([]byte, 0, len("event: \ndata: \n\n")+len(name)+len(data))
	b = append(append(b, "event: "...), name...)
	b = append(append(b, "\ndata: "...), data...)
	return append(b, "\n\n"...)
}

// responseEvent is an event that says what the response is.
func responseEvent(name string, number uint64, object []byte) []byte {
	return event([]byte(name), responseData(name, number, object))
}

func responseData(name string, number uint64, object []byte) []byte {
	b := append([]byte(`{"type":"`+name+`","sequence_number":`), strconv.FormatUint(number, 10)...)
	return append(append(append(b, `,"response":`...), object...), '}')
}

// Failed is the data of the last event, of the given number, for a stream that broke off
// without one; first is the data of its first.
func Failed(first []byte, number uint64) []byte {
	const name = "response.failed"
	return responseData(name, number, failed("", Member(first, "response"), "server_error", brokenOff).object)
}

const brokenOff = "The gateway failed on this response; its log says more."
