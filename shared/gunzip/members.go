package gunzip

import (
	"bytes"
	"compress/gzip"
	"io"
)

// members reads the members of a stream, each to its end as soon as it is there. What
// follows the last one and is none is dropped, as gzip and curl do, unless they are strict.
type members struct {
	z      gzip.Reader
	src    peeker
	strict bool
}

// A peeker is what members are read from: no more than is needed is taken of it.
type peeker interface {
	io.Reader
	io.ByteReader
	// peek is the next byte, which stays.
	peek() (byte, error)
}

// firstByte is what every member begins with (RFC 1952 §2.3.1).
const firstByte = 0x1f

func (m *members) reset(src peeker) error {
	m.src = src
	err := m.z.Reset(src)
	// Left to itself the reader would hold a member's last bytes until the next begins.
	m.z.Multistream(false)
	return err
}

// Read implements io.Reader.
func (m *members) Read(p []byte) (int, error) {
	for {
		n, err := m.z.Read(p)
		if err != io.EOF {
			return n, err
		}
		if n > 0 {
			return n, nil // the end shows again
		}
		switch c, err := m.src.peek(); {
		case err != nil:
			return 0, io.EOF
		case c != firstByte && m.strict:
			return 0, errBehind
		case c != firstByte:
			return 0, io.EOF
		}
		if err := m.reset(m.src); err != nil {
			return 0, err
		}
	}
}

// A Reader decodes gzip that is at hand as a whole, for an edge that looks after the memory
// which it decodes to. Its zero value is at its end; Reset begins.
type Reader struct {
	members members
	src     atHand
}

// Reset begins with src. strict is as for Append.
func (r *Reader) Reset(src []byte, strict bool) error {
	r.src.Reset(src)
	r.members.strict = strict
	return r.members.reset(&r.src)
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) { return r.members.Read(p) }

// atHand is a peeker of bytes that are all there.
type atHand struct{ bytes.Reader }

func (a *atHand) peek() (byte, error) {
	c, err := a.ReadByte()
	if err == nil {
		_ = a.UnreadByte()
	}
	return c, err
}
