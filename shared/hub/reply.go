package hub

import "github.com/tidwall/gjson"

// ErrorInReply finds an error that came with status 200 in the place of a reply, and
// gives it the status that its code names, 502 if that is no error status: a client
// must never see a 200 for an error. nil if the reply is none.
func ErrorInReply(body []byte, v *View) *Problem {
	if v.Error.Absent() || len(v.Choices) > 0 {
		return nil
	}
	e := gjson.ParseBytes(v.Error.Of(body))
	p := &Problem{Status: int(e.Get("code").Int()), Type: e.Get("type").String(), Param: e.Get("param").String(), Message: e.Get("message").String(), Reason: "upstream_error"}
	if p.Status < 400 || p.Status > 599 {
		p.Status = 502
	}
	if p.Type == "" {
		p.Type = TypeServer
	}
	if p.Message == "" {
		p.Message = e.String()
	}
	return p
}

// FinishWord is a finish_reason without an allocation for the known ones.
func FinishWord(raw []byte) string {
	switch string(raw) {
	case "stop":
		return "stop"
	case "length":
		return "length"
	case "tool_calls":
		return "tool_calls"
	case "content_filter":
		return "content_filter"
	}
	return string(raw)
}
