package agents

import (
	"bytes"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// A Model is the simulated model server that gateways under test stand in front of. One serves
// any number of loops: each finds its own requests by the mark in its prompts.
type Model struct{ *recorder }

// StartModel starts a model server.
func StartModel() (*Model, error) {
	r, err := record(simulator.New(simulator.Options{}))
	return &Model{r}, err
}

// Address is host:port.
func (m *Model) Address() string { return m.address }

// Close ends the server and its connections.
func (m *Model) Close() { _ = m.server.Close() }

// asked returns the requests whose body holds a mark.
func (m *Model) asked(t *testing.T, mark string) []*Exchange {
	t.Helper()
	return m.exchanges(t, func(e *Exchange) bool { return bytes.Contains(e.Request, []byte(mark)) })
}
