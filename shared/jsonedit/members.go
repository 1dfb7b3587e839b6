package jsonedit

// Members notes the members of one object while a Scanner walks it, so that some can
// be taken out and others put in with the commas right.
type Members struct {
	open int // behind the opening brace
	list []member
}

type member struct {
	start, end int // from the key's quote to the value's end
	drop       bool
}

// Begin starts a new object; open is what Scanner.BeginObject returned.
func (m *Members) Begin(open int) { m.open, m.list = open, m.list[:0] }

// Add notes a member and returns its number.
func (m *Members) Add(key, value Span) int {
	m.list = append(m.list, member{start: key.Start, end: value.End})
	return len(m.list) - 1
}

// Drop marks a member to be taken out.
func (m *Members) Drop(i int) { m.list[i].drop = true }

// Bounds returns where a member stands, from its key to its value's end.
func (m *Members) Bounds(i int) Span { return Span{m.list[i].start, m.list[i].end} }

// Len is the number of members noted.
func (m *Members) Len() int { return len(m.list) }

// Commit turns the drops into edits, and puts insert, a list of members each followed
// by a comma ("\"a\":1,"), at the object's front.
func (m *Members) Commit(e *Edits, insert []byte) {
	kept := -1 // end of the last kept member
	for i, d := range m.list {
		if !d.drop {
			kept = d.end
			continue
		}
		switch {
		case i+1 < len(m.list):
			e.Delete(d.start, m.list[i+1].start)
		case kept < 0:
			e.Delete(m.open, d.end)
		default:
			e.Delete(kept, d.end)
		}
	}
	if len(insert) > 0 {
		if kept < 0 {
			insert = insert[:len(insert)-1]
		}
		e.Replace(m.open, m.open, insert)
	}
}
