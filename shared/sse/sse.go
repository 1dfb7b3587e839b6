// Package sse reads and writes server-sent events as bytes, in any chunking.
//
// It imports the standard library's bytes and errors only.
package sse

import (
	"bytes"
	"errors"
)

// ErrTooLarge says that one event is over the Framer's limit.
var ErrTooLarge = errors.New("sse: event over the size limit")

// An Event is one block of lines up to a blank one. Its slices are valid until the
// next call of Next or Feed.
type Event struct {
	// Data is the data lines joined by a line feed, as the HTML standard says (§9.2.6).
	Data []byte
	// HasData is false for a block of comments or other fields only.
	HasData bool
	// Name is the event field, empty for none.
	Name []byte
	// Other holds comments, id, retry and unknown lines as they came, each with a line feed.
	Other []byte
}

// A Framer cuts a byte stream into events. Lines end in LF, CRLF or CR; the space
// behind "data:" is optional; a byte order mark in front is skipped. The zero value
// is ready, without a limit.
//
//	f.Feed(chunk)
//	for ev, ok := f.Next(); ok; ev, ok = f.Next() { … }
//
// Next must be called until it says false before the next Feed. Any chunking of the
// same bytes gives the same events.
type Framer struct {
	// Limit is the most bytes that one event may take; 0 is none.
	Limit int

	in      []byte // what Feed gave
	pos     int    // what Next has read of it
	lf, cr  int    // the next LF and CR in it, looked for once; behind its end: none
	carry   []byte // the start of a line whose end hasn't come
	event   Event
	own     []byte // Data's bytes where they could not stay in the chunk
	owned   bool
	name    []byte
	other   []byte
	done    bool // event was handed out; start afresh
	skipLF  bool // the last line ended in CR, so an LF now belongs to it
	started bool
	ended   bool
	size    int
	err     error
}

// Reset makes the Framer ready for another stream, keeping its buffers and limit.
func (f *Framer) Reset() {
	*f = Framer{Limit: f.Limit, carry: f.carry[:0], own: f.own[:0], name: f.name[:0], other: f.other[:0]}
}

// Feed gives the next bytes; they must stay unchanged until Next has said false.
func (f *Framer) Feed(chunk []byte) { f.in, f.pos, f.lf, f.cr = chunk, 0, -1, -1 }

// End says that no more bytes come: what is left becomes the last event, though no
// blank line followed it. Call Next once more until it says false.
func (f *Framer) End() { f.ended = true }

// Err is ErrTooLarge once an event was over the limit; Next then says false for ever.
func (f *Framer) Err() error { return f.err }

// Next returns the next whole event.
func (f *Framer) Next() (Event, bool) {
	if f.err != nil {
		return Event{}, false
	}
	if f.done {
		f.event, f.done, f.owned, f.size = Event{}, false, false, 0
		f.own, f.name, f.other = f.own[:0], f.name[:0], f.other[:0]
	}
	for {
		line, inChunk, ok := f.line()
		if !ok {
			break
		}
		if len(line) == 0 {
			if ev, ok := f.dispatch(); ok {
				return ev, true
			}
			continue
		}
		if f.size += len(line); f.Limit > 0 && f.size > f.Limit {
			f.err = ErrTooLarge
			return Event{}, false
		}
		f.field(line, inChunk)
	}
	if f.Limit > 0 && f.size+len(f.carry) > f.Limit {
		f.err = ErrTooLarge
		return Event{}, false
	}
	if f.ended {
		return f.dispatch()
	}
	if f.event.HasData && !f.owned {
		// The chunk goes back to its owner, so what is kept of it must be copied.
		f.own = append(f.own[:0], f.event.Data...)
		f.event.Data, f.owned = f.own, true
	}
	return Event{}, false
}

func (f *Framer) dispatch() (Event, bool) {
	f.event.Name, f.event.Other = f.name, f.other
	if !f.event.HasData && len(f.name) == 0 && len(f.other) == 0 {
		return Event{}, false
	}
	f.done = true
	return f.event, true
}

// line returns the next line without its end; false if its end hasn't come. A line
// that is not inChunk lies in carry and must be copied to be kept.
func (f *Framer) line() (line []byte, inChunk, ok bool) {
	if f.skipLF && f.pos < len(f.in) {
		f.skipLF = false
		if f.in[f.pos] == '\n' {
			f.pos++
		}
	}
	f.lf, f.cr = f.find('\n', f.lf), f.find('\r', f.cr)
	if end := min(f.lf, f.cr); end < len(f.in) {
		line = f.in[f.pos:end]
		f.skipLF = f.in[end] == '\r'
		f.pos = end + 1
		if inChunk = len(f.carry) == 0; !inChunk {
			line = append(f.carry, line...)
			f.carry = line[:0]
		}
	} else {
		f.carry = append(f.carry, f.in[f.pos:]...)
		f.pos = len(f.in)
		if !f.ended || len(f.carry) == 0 {
			return nil, false, false
		}
		line = f.carry
		f.carry = line[:0]
	}
	if !f.started {
		f.started = true
		line = bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))
	}
	return line, inChunk, true
}

// find returns where c is next, at or behind pos; at is where it was found last.
func (f *Framer) find(c byte, at int) int {
	if at >= f.pos {
		return at
	}
	if i := bytes.IndexByte(f.in[f.pos:], c); i >= 0 {
		return f.pos + i
	}
	return len(f.in)
}

func (f *Framer) field(line []byte, inChunk bool) {
	name, value, _ := bytes.Cut(line, []byte(":"))
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	switch string(name) {
	case "data":
		switch {
		case f.event.HasData && !f.owned:
			f.own = append(append(append(f.own[:0], f.event.Data...), '\n'), value...)
			f.event.Data, f.owned = f.own, true
		case f.event.HasData:
			f.own = append(append(f.own, '\n'), value...)
			f.event.Data = f.own
		case !inChunk:
			f.own = append(f.own[:0], value...)
			f.event.Data, f.owned = f.own, true
		default:
			f.event.Data = value
		}
		f.event.HasData = true
	case "event":
		f.name = append(f.name[:0], value...)
	default:
		f.other = append(append(f.other, line...), '\n')
	}
}

// Append appends an event as bytes: other's lines as they are, the name if there is
// one, data with a "data: " before each of its lines, and a blank line.
func Append(dst, other []byte, name string, data []byte) []byte {
	dst = append(dst, other...)
	if name != "" {
		dst = append(append(append(dst, "event: "...), name...), '\n')
	}
	dst = append(dst, "data: "...)
	for {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			break
		}
		dst = append(append(dst, data[:i+1]...), "data: "...)
		data = data[i+1:]
	}
	return append(append(dst, data...), "\n\n"...)
}
