package hub

// The refusals of a request in the words that OpenAI has for them. param is the place in the
// request, such as "input[3].content".

// Refuse is a 400 with one of OpenAI's codes.
//
//go:noinline
func Refuse(code, param, message string) *Problem {
	return &Problem{Status: 400, Type: TypeInvalidRequest, Code: code, Param: param, Message: message, Reason: "invalid_request"}
}

// Missing refuses a request without a parameter that it must have.
//
//go:noinline
func Missing(param string) *Problem {
	return Refuse("missing_required_parameter", param, "Missing required parameter: '"+param+"'.")
}

// WrongType refuses a value of another type than want, such as "a string".
//
//go:noinline
func WrongType(param, want string) *Problem {
	return Refuse("invalid_type", param, "Invalid type for '"+param+"': "+want+" was expected.")
}

// WrongValue refuses a value of the right type; why is a sentence.
//
//go:noinline
func WrongValue(param, why string) *Problem {
	return Refuse("invalid_value", param, "Invalid value for '"+param+"': "+why)
}

// UnsupportedValue refuses a value that would be right elsewhere; why is a sentence.
//
//go:noinline
func UnsupportedValue(param, why string) *Problem {
	return Refuse("unsupported_value", param, "Unsupported value for '"+param+"': "+why)
}

// UnsupportedParameter refuses a parameter that is known elsewhere. rest ends the sentence:
// ".", or ": " and why.
//
//go:noinline
func UnsupportedParameter(param, rest string) *Problem {
	return Refuse("unsupported_parameter", param, "Unsupported parameter: '"+param+"'"+rest)
}

// NotThere is a 404 for a path; why is a sentence.
func NotThere(why string) *Problem {
	return &Problem{Status: 404, Type: TypeNotFound, Reason: "not_found", Message: why}
}

// NotOffered is a 501 for a route that nobody here has; why is a sentence.
func NotOffered(why string) *Problem {
	return &Problem{Status: 501, Type: TypeNotFound, Reason: "not_offered", Message: why}
}

// MethodNotAllowed is a 405; allowed are the methods that are, with commas between.
func MethodNotAllowed(method, path, allowed string) *Problem {
	return &Problem{Status: 405, Type: TypeInvalidRequest, Reason: "method_not_allowed", Header: [][2]string{{"allow", allowed}},
		Message: Excerpt(method) + " is not allowed on " + Excerpt(path) + ", " + allowed + " is."}
}

// UpgradeRefused is a 426, on which Codex goes on with HTTP at once; why is a sentence or more.
func UpgradeRefused(why string) *Problem {
	return &Problem{Status: 426, Type: TypeInvalidRequest, Reason: "websocket", Message: why}
}

// BadStore is a 500: what was stored of earlier requests can't be read.
func BadStore(what string) *Problem {
	return &Problem{Status: 500, Type: TypeServer, Reason: "bad_store", Message: "What was stored of " + what + " can't be read."}
}

// Quoted is a client's word for a message.
func Quoted(word []byte) string { return "'" + Excerpt(string(word)) + "'" }
