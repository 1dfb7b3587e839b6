package redis

import (
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Error is why a call has no answer. Redis may have done what it was asked for.
type Error struct {
	cause error
}

func (e *Error) Error() string { return "redis: " + e.cause.Error() }

func (e *Error) Unwrap() error { return e.cause }

// ErrAnswer is an answer of another shape than was asked for.
var ErrAnswer error = &Error{errors.New("an answer of an unknown shape")}

var errClosed error = &Error{errors.New("it is closed")}

func errorOf(cause error) error {
	var answer redis.Error
	if errors.As(cause, &answer) {
		// The first word of Redis's own errors says it; the rest may show what was sent.
		word, _, _ := strings.Cut(answer.Error(), " ")
		cause = errors.New(word)
	}
	return &Error{cause}
}
