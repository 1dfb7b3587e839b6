// Package gunzip decodes gzip that is pushed in piece by piece, as the edges get it:
// the standard library's reader pulls, so it runs in a coroutine (iter.Pull) that
// yields whenever it has used up its input. No goroutine, so it works in a filter.
//
// It imports the standard library only.
package gunzip

import (
	"errors"
	"io"
	"iter"
)

// errBehind: something follows the last member.
var errBehind = errors.New("gunzip: bytes behind the end")

// ErrTooLarge says that the decoded bytes are more than was allowed.
var ErrTooLarge = errors.New("gunzip: over the size limit")

// pieceSize is how much is decoded at a time.
const pieceSize = 4 << 10

// A Decoder decodes one gzip stream. Close it when it is not fed to its end.
type Decoder struct {
	in    []byte
	ended bool
	next  func() ([]byte, bool)
	stop  func()
	err   error
	yield func([]byte) bool
	// strict: nothing but a member follows a member.
	strict bool
}

// New returns a Decoder at the start of a stream.
func New() *Decoder {
	d := &Decoder{}
	d.next, d.stop = iter.Pull(d.run)
	return d
}

var errStopped = errors.New("gunzip: stopped")

func (d *Decoder) run(yield func([]byte) bool) {
	d.yield = yield
	m := members{strict: d.strict}
	if d.err = m.reset((*source)(d)); d.err != nil {
		return
	}
	buf := make([]byte, pieceSize)
	for {
		n, err := m.Read(buf)
		if n > 0 && !yield(buf[:n]) {
			return
		}
		if err != nil {
			if err != io.EOF {
				d.err = err
			}
			return
		}
	}
}

// source hands the pushed bytes to the reader; it is a ByteReader so that the reader
// takes no more than it needs.
type source Decoder

func (s *source) more() error {
	for len(s.in) == 0 {
		if s.ended {
			return io.EOF
		}
		if !s.yield(nil) {
			return errStopped
		}
	}
	return nil
}

func (s *source) peek() (byte, error) {
	if err := s.more(); err != nil {
		return 0, err
	}
	return s.in[0], nil
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.more(); err != nil {
		return 0, err
	}
	n := copy(p, s.in)
	s.in = s.in[n:]
	return n, nil
}

func (s *source) ReadByte() (byte, error) {
	if err := s.more(); err != nil {
		return 0, err
	}
	c := s.in[0]
	s.in = s.in[1:]
	return c, nil
}

// Feed gives the next bytes of the stream, which must stay unchanged until Next has said
// false; end says that no more come.
func (d *Decoder) Feed(chunk []byte, end bool) { d.in, d.ended = chunk, end }

// Next returns the next piece of what was fed, decoded and of at most pieceSize bytes, so that
// a chunk of nothing but repetition needs no more room than another. It is valid until the
// next call. False: more must be fed, the stream has ended, or Err says why there is no more.
func (d *Decoder) Next() ([]byte, bool) {
	if d.err != nil {
		return nil, false
	}
	piece, ok := d.next()
	return piece, ok && piece != nil
}

// Err is what is wrong with the stream: it is broken, or ended in its midst.
func (d *Decoder) Err() error { return d.err }

// Close frees the coroutine.
func (d *Decoder) Close() { d.stop() }

// Append appends the whole of src decoded to dst, at most limit bytes. strict: what follows the
// last member and is none is an error.
func Append(dst, src []byte, limit int, strict bool) ([]byte, error) {
	d := New()
	d.strict = strict
	defer d.Close()
	limit += len(dst)
	d.Feed(src, true)
	for piece, ok := d.Next(); ok; piece, ok = d.Next() {
		if dst = append(dst, piece...); len(dst) > limit {
			return dst, ErrTooLarge
		}
	}
	return dst, d.Err()
}
