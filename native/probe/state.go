package probe

import "sync/atomic"

// A State is what is known of the server: by the checks, and between them by what becomes of
// exchanges, which costs the server nothing. It is safe for concurrent use.
type State struct {
	dead  atomic.Bool
	found atomic.Pointer[[]Finding]
	// turned has an item when an exchange has shown the server dead, or alive again.
	turned chan struct{}
}

// NewState makes the State of a server that nobody has asked yet.
func NewState() *State { return &State{turned: make(chan struct{}, 1)} }

// Lost is told that an exchange found nobody to connect to.
func (s *State) Lost() { s.turn(true) }

// Answered is told that the server has answered an exchange, and not by a failure of its own.
func (s *State) Answered() { s.turn(false) }

func (s *State) turn(dead bool) {
	if s.dead.Load() == dead || !s.dead.CompareAndSwap(!dead, dead) {
		return
	}
	select {
	case s.turned <- struct{}{}:
	default: // who waits knows already that there is something to look at
	}
}

// Dead reports whether the server is known not to answer. One that nobody has asked is not.
func (s *State) Dead() bool { return s.dead.Load() }

// Findings are those of the last round, none before the first.
func (s *State) Findings() []Finding {
	if f := s.found.Load(); f != nil {
		return *f
	}
	return nil
}

// Failing names the checks that failed in the last round.
func (s *State) Failing() (checks []string) {
	for _, f := range s.Findings() {
		if f.Status == Fail {
			checks = append(checks, f.Check)
		}
	}
	return checks
}

// Nameless says, as a part of a sentence, why a served model that nobody has named is not
// known yet.
func (s *State) Nameless() string {
	for _, f := range s.Findings() {
		switch {
		case f.Status != Fail:
		case f.Check == model, f.Check == key:
			return f.Found
		case f.Check == reach:
			return "the server can't be asked, and the gateway's log says why" // clients need not know where it is
		}
	}
	return "the server has not been heard yet"
}

// note takes a round's findings over.
func (s *State) note(found []Finding) {
	s.found.Store(&found)
	s.dead.Store(found[0].Status == Fail)
}
