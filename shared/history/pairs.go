package history

// Pairs finds the call of each result: of the latest turn that has one of its id without a
// result, the first such. Its zero value is empty and ready; it is reused without allocation.
type Pairs struct {
	// byID says for each id of a call, numbered by ids, which calls have it.
	ids     map[string]int
	byID    []sameID
	groups  []group
	waiting []waiting
}

// A Pair is the call of a result, by the numbers that Call was given.
type Pair struct {
	Turn, Call int
	// Again: the call has had a result before.
	Again bool
}

// sameID is the calls of one id: the latest turn that has some without a result, as the number
// of its group, counted from 1, and the last one that got its result.
type sameID struct {
	open int
	last Pair
}

// group are the calls of one id in one turn, first to last of waiting, counted from 1; below is
// the group that the turns before have.
type group struct {
	turn, first, last int
	below             int
}

// waiting is a call, and the next one of its id in its turn, counted from 1.
type waiting struct{ call, next int }

// Reset empties the Pairs.
func (p *Pairs) Reset() {
	clear(p.ids)
	p.byID, p.groups, p.waiting = p.byID[:0], p.groups[:0], p.waiting[:0]
}

// Call adds a call of a turn. The calls of a turn are added one after another.
func (p *Pairs) Call(turn, call int, id []byte) {
	known, ok := p.ids[string(id)]
	if !ok {
		if p.ids == nil {
			p.ids = map[string]int{}
		}
		known = len(p.byID)
		p.ids[string(id)] = known
		p.byID = append(p.byID, sameID{})
	}
	p.waiting = append(p.waiting, waiting{call: call})
	s, n := &p.byID[known], len(p.waiting)
	if s.open > 0 && p.groups[s.open-1].turn == turn {
		g := &p.groups[s.open-1]
		p.waiting[g.last-1].next, g.last = n, n
		return
	}
	p.groups = append(p.groups, group{turn, n, n, s.open})
	s.open = len(p.groups)
}

// Result returns the call of a result, that of the last result of this id where none is without
// one; false where no call has the id.
func (p *Pairs) Result(id []byte) (Pair, bool) {
	known, ok := p.ids[string(id)]
	if !ok {
		return Pair{}, false
	}
	s := &p.byID[known]
	if s.open == 0 {
		s.last.Again = true
		return s.last, true
	}
	g := &p.groups[s.open-1]
	first := p.waiting[g.first-1]
	s.last = Pair{Turn: g.turn, Call: first.call}
	if g.first = first.next; g.first == 0 {
		s.open = g.below
	}
	return s.last, true
}
