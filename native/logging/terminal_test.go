package logging

import (
	"bytes"
	"log/slog"
	"regexp"
	"strings"
	"testing"
)

// times are those at the beginnings of lines.
var times = regexp.MustCompile(`(?m)^(\x1b\[2m)?\d\d:\d\d:\d\d`)

func TestTheFormOfATerminal(t *testing.T) {
	say := func(env map[string]string) string {
		var b bytes.Buffer
		log := slog.New(bounded{newTerminal(&b, slog.LevelDebug, func(name string) string { return env[name] })}).With("upstream", "one")
		log.Warn("upstream check failed", "found", Checked("nothing listens on http://127.0.0.1:9"), "fix", Checked("start it\x1b[2J\nnow"))
		log.Info("serving", "address", "127.0.0.1:9000", "api_key", "sekret-sekret", "empty", "")
		log.WithGroup("g").Debug("a\nb", slog.Group("headers", "x-y", "z"))
		log.Info("exchange", "request_id", "req-1", "client", "127.0.0.1", "method", "POST", "uri", "/v1/messages", "code", 200,
			"virtual_model", "qwen3.5-thinking-coding", "input_tokens", 18200, "output_tokens", 412, "duration_ms", 1912.3)
		log.Info("exchange", "method", "GET", "uri", "/v1/x", "code", 502, "error_type", "upstream_connect", "duration_ms", 3.2)
		return times.ReplaceAllString(b.String(), "${1}T")
	}
	const want = `T WARN upstream check failed upstream=one found="nothing listens on http://127.0.0.1:9" fix="start it�[2J\nnow"
T serving upstream=one address=127.0.0.1:9000 api_key=[redacted] empty=""
T DEBUG a\nb upstream=one g.headers.x-y=z
T POST /v1/messages qwen3.5-thinking-coding 200 1.9s 18200→412 tokens req-1
T GET /v1/x 502 3ms upstream_connect
`
	for _, env := range []map[string]string{{"NO_COLOR": "1"}, {"TERM": "dumb"}} {
		if got := say(env); got != want {
			t.Errorf("%v:\n%s\nwant\n%s", env, got, want)
		}
	}
	got := say(map[string]string{"TERM": "xterm"})
	for _, piece := range []string{
		"\x1b[2mT\x1b[0m \x1b[33mWARN\x1b[0m upstream check failed", "\x1b[32m200\x1b[0m 1.9s", "\x1b[31m502\x1b[0m", "\x1b[33mupstream_connect\x1b[0m",
	} {
		if !strings.Contains(got, piece) {
			t.Errorf("no %q in %q", piece, got)
		}
	}
	if plain := regexp.MustCompile(`\x1b\[\d+m`).ReplaceAllString(got, ""); plain != want {
		t.Errorf("with colours:\n%s", plain)
	}
}
