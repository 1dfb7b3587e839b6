package server

import (
	"context"
	"net/http"

	"github.com/qwenvoy/qwenvoy/shared/access"
	"github.com/qwenvoy/qwenvoy/shared/hub"
)

// A Memory is that of a handler in front, which has read whose request it is to find what
// is remembered.
type Memory interface {
	// Give is what the core needs of it. It may wait.
	Give(n *hub.Need) hub.Given
	Credential() access.Credential
}

type memoryKey struct{}

// WithMemory gives the request's exchange what earlier responses left behind.
func WithMemory(ctx context.Context, m Memory) context.Context {
	return context.WithValue(ctx, memoryKey{}, m)
}

// MemoryOf returns what WithMemory gave, nil for nothing.
func MemoryOf(ctx context.Context) Memory {
	m, _ := ctx.Value(memoryKey{}).(Memory)
	return m
}

// credential says whose request it is, read here unless m has it read.
func credential(r *http.Request, m Memory) access.Credential {
	if m != nil {
		return m.Credential()
	}
	return CredentialOf(r)
}
