package responses

import "github.com/qwenvoy/qwenvoy/shared/hub"

// Problem implements hub.Dialect.
func (d Dialect) Problem(p *hub.Problem, t *hub.Turn) *hub.Answer { return hub.ChatAnswer(p) }

// Status implements hub.Translator.
func (d Dialect) Status(upstream int) int { return upstream }
