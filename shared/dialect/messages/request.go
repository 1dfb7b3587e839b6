package messages

import "github.com/qwenvoy/qwenvoy/shared/hub"

// Request implements hub.Dialect.
func (d Dialect) Request(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) {
	q := &request{requestID: string(t.AppendID(nil, "req_")), id: t.AppendID(nil, "msg_")}
	t.State = q
	t.ReplyHeader = append(t.ReplyHeader, [2]string{"request-id", q.requestID})
	return dst, nil
}
