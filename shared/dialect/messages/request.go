package messages

import "github.com/qwenvoy/qwenvoy/shared/hub"

// Request implements hub.Dialect.
func (d Dialect) Request(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) { return dst, nil }
