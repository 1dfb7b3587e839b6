package redact

import (
	"fmt"
	"runtime"
)

// Panic names a panic. Only the runtime's own errors are quoted; the text of others might
// hold what a client sent.
func Panic(r any) string {
	if err, ok := r.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", r)
}
