package server

import (
	"context"
	"net/http"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

type memoryKey struct{}

// WithMemory gives the request's exchange what earlier responses left behind.
func WithMemory(ctx context.Context, m hub.Memory) context.Context {
	return context.WithValue(ctx, memoryKey{}, m)
}

func memoryOf(r *http.Request) hub.Memory {
	m, _ := r.Context().Value(memoryKey{}).(hub.Memory)
	return m
}
