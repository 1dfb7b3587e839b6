package probe

import (
	"context"
	"log/slog"
	"time"

	"github.com/qwenvoy/qwenvoy/native/logging"
)

// A Prober asks a server in the background until it answers and has the model, and again
// when an exchange finds nobody there. A server with which all is well is left alone.
type Prober struct {
	server *Server
	state  *State
	log    *slog.Logger
	pause  func(time.Duration) <-chan time.Time
	named  func(string) // is told the served model's name after each round, "" where it is not found

	said  map[string]Finding // by check, what the log said last
	known bool               // the parsers were asked for since the server was last not there

	stop context.CancelFunc
	done chan struct{}
}

// The pauses between two rounds double from the one to the other.
const (
	firstPause = time.Second
	lastPause  = time.Minute
)

// Start begins to ask. The Prober closes the server when it ends.
// named is told the served model's name after each round, "" where that has not found it.
func Start(s *Server, state *State, log *slog.Logger, named func(string)) *Prober {
	return start(s, state, log, named, time.After)
}

func start(s *Server, state *State, log *slog.Logger, named func(string), pause func(time.Duration) <-chan time.Time) *Prober {
	ctx, stop := context.WithCancel(context.Background())
	p := &Prober{
		server: s, state: state, log: log.With("upstream", s.upstream.Name), named: named, pause: pause,
		said: map[string]Finding{}, stop: stop, done: make(chan struct{}),
	}
	go p.run(ctx)
	return p
}

// Stop ends a question that is under way, and returns when nothing is left of the Prober.
func (p *Prober) Stop() {
	p.stop()
	<-p.done
}

func (p *Prober) run(ctx context.Context) {
	defer close(p.done)
	defer p.server.Close()
	for ctx.Err() == nil {
		p.untilWell(ctx)
		select {
		case <-ctx.Done():
		case <-p.state.turned:
		}
	}
}

// untilWell asks until there is nothing more to wait for.
func (p *Prober) untilWell(ctx context.Context) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		found := p.round(ctx)
		if ctx.Err() != nil {
			return // what was cut off says nothing of the server
		}
		p.state.note(found)
		p.tell(found)
		var served Model
		if len(found) > 1 { // the server is there
			served, _ = p.server.Served(ctx)
		}
		p.named(served.Name)
		if well(found) || !p.wait(ctx, pause) {
			return
		}
	}
}

// round asks for what is not known yet.
func (p *Prober) round(ctx context.Context) []Finding {
	found := p.server.Basics(ctx)
	switch {
	case len(found) == 1:
		p.known = false // another may come up in its place
	case well(found) && !p.known:
		found = append(found, p.server.Parsers(ctx)...)
		p.known = true
	case p.known:
		for _, f := range p.state.Findings() {
			if f.Check == reasoning || f.Check == tools {
				found = append(found, f)
			}
		}
	}
	return found
}

// well reports whether asking again would bring nothing new: the model is there, or only
// clients have the key to see it.
func well(found []Finding) bool {
	locked, status := false, Skip
	for _, f := range found {
		switch f.Check {
		case key:
			locked = f.Status == Info
		case model:
			status = f.Status
		}
	}
	return status == OK || locked && status != Fail
}

// wait waits for the next round, which comes earlier when an exchange gets an answer, but
// never at once: an exchange may succeed where the checks fail. On false there is none.
func (p *Prober) wait(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-p.pause(firstPause):
	}
	if pause -= firstPause; pause <= 0 {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case <-p.state.turned:
	case <-p.pause(pause):
	}
	return true
}

// tell logs what has changed since it was last told.
func (p *Prober) tell(found []Finding) {
	_, before := p.said[model]
	for _, f := range found {
		last, told := p.said[f.Check]
		if f.Status == Skip || told && last.Status == f.Status && last.Fix == f.Fix {
			continue
		}
		p.said[f.Check] = f
		switch {
		case f.Status == Fail:
			p.say(slog.LevelWarn, "upstream check failed", f)
		case f.Status == Warn:
			p.say(slog.LevelWarn, "upstream check", f)
		case f.Status == Info:
			p.say(slog.LevelInfo, "upstream check", f)
		case told && last.Bad() && f.Check == reach:
			p.say(slog.LevelInfo, "the upstream answers again", f)
		case told && last.Bad():
			p.say(slog.LevelInfo, "upstream check passed", f)
		}
	}
	if m := p.said[model]; !before && m.Status == OK {
		p.log.Info("the upstream is ready", "version", logging.Checked(p.said[version].Found), "model", logging.Checked(m.Found))
	}
}

func (p *Prober) say(level slog.Level, message string, f Finding) {
	attrs := []slog.Attr{slog.String("check", f.Check), slog.Any("found", logging.Checked(f.Found))}
	if f.Fix != "" {
		attrs = append(attrs, slog.Any("fix", logging.Checked(f.Fix)))
	}
	p.log.LogAttrs(context.Background(), level, message, attrs...)
}
