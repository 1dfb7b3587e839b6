package server

import (
	"bytes"
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
	apiKeys    []string          // ours for the upstreams
	credential access.Credential // the client's
	up, down   gathered          // from the upstream, to the client
}

func (l *bodyLog) enabled() bool {
	return l.log.Enabled(context.Background(), logging.LevelComplete)
}

// whole shows a head and a whole body.
func (l *bodyLog) whole(what string, header http.Header, body []byte) {
	if !l.enabled() {
		return
	}
	show := logging.Body
	if strings.HasPrefix(header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		show = logging.Form
	}
	l.log.LogAttrs(context.Background(), logging.LevelComplete, what,
		slog.String("request_id", l.id),
		slog.Any("headers", logging.Headers(header)),
		slog.Int("bytes", len(body)),
		slog.Attr{Key: "body", Value: show(body, l.secrets()...)})
}

// piece shows a piece of a stream that has whole events.
func (l *bodyLog) piece(what string, piece []byte, left int) {
	if !l.enabled() || len(piece) == 0 {
		return
	}
	l.log.LogAttrs(context.Background(), logging.LevelComplete, what,
		slog.String("request_id", l.id),
		slog.Int("bytes", len(piece)+left),
		slog.Attr{Key: "body", Value: logging.Body(piece, l.secrets()...)})
}

// received shows what has come from the upstream, sent what has gone to the client: a piece
// of a stream, as soon as its events are whole.
func (l *bodyLog) received(what string, piece []byte) { l.gather(&l.up, what, piece) }
func (l *bodyLog) sent(what string, piece []byte)     { l.gather(&l.down, what, piece) }

// end shows what is left of pieces.
func (l *bodyLog) end() {
	for _, g := range [...]*gathered{&l.up, &l.down} {
		last := *g
		*g = gathered{}
		l.piece(last.what, last.held, last.left)
	}
}

// A gathered holds the pieces of a body until an event is whole, since a secret may lie in
// two of them and be known in neither.
type gathered struct {
	what string
	held []byte
	left int // bytes that had no room in held
}

// maxGathered is how much of an event is held: more than a line shows.
const maxGathered = 256 << 10

func (l *bodyLog) gather(g *gathered, what string, piece []byte) {
	if !l.enabled() {
		return
	}
	g.what = what
	end := bytes.LastIndex(piece, []byte("\n\n")) + len("\n\n")
	if end < len("\n\n") { // unless an empty line is cut in two
		end = 0
		if bytes.HasSuffix(g.held, []byte("\n")) && bytes.HasPrefix(piece, []byte("\n")) {
			end = 1
		}
	}
	if end > 0 {
		g.add(piece[:end])
		events := *g
		g.held, g.left, piece = nil, 0, piece[end:]
		l.piece(what, events.held, events.left)
	}
	g.add(piece)
}

func (g *gathered) add(piece []byte) {
	n := min(len(piece), maxGathered-len(g.held))
	g.held = append(g.held, piece[:n]...)
	g.left += len(piece) - n
}

// secrets are what is hidden in bodies.
func (l *bodyLog) secrets() []string {
	return append(append(logging.Credentials(l.credential.Authorization), l.apiKeys...), l.credential.APIKey)
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
