package responses

import "github.com/qwenvoy/qwenvoy/shared/hub"

// Reply implements hub.Dialect.
func (d Dialect) Reply(dst, body []byte, t *hub.Turn) ([]byte, *hub.Problem) { return dst, nil }

// Stream implements hub.Dialect.
func (d Dialect) Stream(t *hub.Turn) hub.Stream { return nil }
