package server

import (
	"context"

	"github.com/qwenvoy/qwenvoy/shared/hub"
)

type memoryKey struct{}

// WithMemory gives the request's exchange what earlier responses left behind.
func WithMemory(ctx context.Context, m hub.Memory) context.Context {
	return context.WithValue(ctx, memoryKey{}, m)
}

// MemoryOf returns what WithMemory gave, nil for nothing.
func MemoryOf(ctx context.Context) hub.Memory {
	m, _ := ctx.Value(memoryKey{}).(hub.Memory)
	return m
}
