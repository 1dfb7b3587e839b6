package server

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/qwenvoy/qwenvoy/native/logging"
	"github.com/qwenvoy/qwenvoy/shared/access"
)

// A bodyLog shows heads and bodies of one exchange, at the COMPLETE level.
type bodyLog struct {
	log        *slog.Logger
	id         string
	apiKey     string            // the upstream's
	credential access.Credential // the client's
}

func (l *bodyLog) enabled() bool {
	return l.log.Enabled(context.Background(), logging.LevelComplete)
}

// whole shows a head and a whole body.
func (l *bodyLog) whole(what string, header http.Header, body []byte) {
	if !l.enabled() {
		return
	}
	l.log.LogAttrs(context.Background(), logging.LevelComplete, what,
		slog.String("request_id", l.id),
		slog.Any("headers", logging.Headers(header)),
		slog.Int("bytes", len(body)),
		slog.String("body", logging.Body(body, l.secrets()...)))
}

// piece shows a piece of a stream.
func (l *bodyLog) piece(what string, piece []byte) {
	if !l.enabled() || len(piece) == 0 {
		return
	}
	l.log.LogAttrs(context.Background(), logging.LevelComplete, what,
		slog.String("request_id", l.id),
		slog.String("body", logging.Body(piece, l.secrets()...)))
}

// secrets are what is hidden in bodies.
func (l *bodyLog) secrets() []string {
	return []string{l.apiKey, logging.Credential(l.credential.Authorization), l.credential.APIKey}
}

// firstFrames cuts a stack to the frames that tell where it was.
func firstFrames(stack []byte) string {
	const frames = 16
	lines := strings.SplitAfterN(string(stack), "\n", 2*frames+2)
	if len(lines) > 2*frames+1 {
		lines = lines[:2*frames+1]
	}
	return strings.Join(lines, "")
}
