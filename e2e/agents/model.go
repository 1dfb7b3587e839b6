package agents

import (
	"bytes"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/simulator"
)

// A Model is the simulated model server that gateways under test stand in front of. One serves
// any number of loops: each finds its own requests by the mark in its prompts.
type Model struct{ *recorder }

// StartModel starts a model server with a context window of so many tokens, 0 for one that
// holds all that agents say here.
func StartModel(window int) (*Model, error) {
	r, err := record(simulator.New(simulator.Options{MaxModelLen: window}))
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
