package gunzip

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"
)

func pack(t *testing.T, parts ...string) (packed []byte, flushes []int) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, p := range parts {
		if _, err := z.Write([]byte(p)); err != nil {
			t.Fatal(err)
		}
		if err := z.Flush(); err != nil {
			t.Fatal(err)
		}
		flushes = append(flushes, b.Len())
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), flushes
}

// push is what d says to one more chunk.
func push(d *Decoder, dst, chunk []byte, end bool) ([]byte, error) {
	d.Feed(chunk, end)
	for piece, ok := d.Next(); ok; piece, ok = d.Next() {
		dst = append(dst, piece...)
	}
	return dst, d.Err()
}

func TestAChunkComesOutInPieces(t *testing.T) {
	packed, _ := pack(t, strings.Repeat("x", 1<<20))
	d := New()
	defer d.Close()
	d.Feed(packed, true)
	n := 0
	for piece, ok := d.Next(); ok; piece, ok = d.Next() {
		if n += len(piece); len(piece) > pieceSize {
			t.Fatalf("a piece of %d bytes", len(piece))
		}
	}
	if n != 1<<20 || d.Err() != nil {
		t.Errorf("%d bytes, %v", n, d.Err())
	}
}

func TestEveryFlushComesOutAtOnce(t *testing.T) {
	packed, flushes := pack(t, "data: one\n\n", "data: two\n\n")
	d := New()
	defer d.Close()
	out, err := push(d, nil, packed[:flushes[0]], false)
	if err != nil || string(out) != "data: one\n\n" {
		t.Errorf("first: %q %v", out, err)
	}
	if out, err = push(d, nil, packed[flushes[0]:flushes[1]], false); err != nil || string(out) != "data: two\n\n" {
		t.Errorf("second: %q %v", out, err)
	}
	if out, err = push(d, nil, packed[flushes[1]:], true); err != nil || len(out) != 0 {
		t.Errorf("end: %q %v", out, err)
	}
}

func TestEveryByteByByte(t *testing.T) {
	text := strings.Repeat("hello gzip ", 5000)
	packed, _ := pack(t, text)
	d := New()
	defer d.Close()
	var out []byte
	for i := range packed {
		var err error
		if out, err = push(d, out, packed[i:i+1], i == len(packed)-1); err != nil {
			t.Fatal(err)
		}
	}
	if string(out) != text {
		t.Error("decoded text differs")
	}
}

func TestBrokenAndCutStreamsAreErrors(t *testing.T) {
	packed, _ := pack(t, strings.Repeat("hello gzip ", 500))
	if _, err := Append(nil, packed[:len(packed)/2], 1<<20, false); err == nil {
		t.Error("a cut stream is no error")
	}
	if _, err := Append(nil, []byte("this is no gzip"), 1<<20, false); err == nil {
		t.Error("plain text is no error")
	}
	if _, err := Append(nil, nil, 1<<20, false); err == nil {
		t.Error("nothing is no error")
	}
}

func TestABombIsStoppedAtTheLimit(t *testing.T) {
	packed, _ := pack(t, strings.Repeat("\x00", 10<<20))
	out, err := Append(nil, packed, 1<<16, false)
	if !errors.Is(err, ErrTooLarge) || len(out) > 1<<17 {
		t.Errorf("%d bytes, error %v", len(out), err)
	}
}

// As gzip and curl do it: each member at once, whatever follows the last one dropped.
func TestMembersAndWhatFollowsThem(t *testing.T) {
	one, _ := pack(t, "data: one\n\n")
	two, _ := pack(t, "data: two\n\n")
	d := New()
	defer d.Close()
	for i, member := range [][]byte{one, two} {
		if out, err := push(d, nil, member, false); err != nil || string(out) != []string{"data: one\n\n", "data: two\n\n"}[i] {
			t.Errorf("member %d: %q %v", i, out, err)
		}
	}
	if out, err := push(d, nil, nil, true); err != nil || len(out) != 0 {
		t.Errorf("end: %q %v", out, err)
	}
	var r Reader
	for _, rest := range []string{"", string(two), "\x00\x00\x00", "\n", strings.Repeat("no gzip", 5)} {
		want := "data: one\n\n"
		if rest == string(two) {
			want += "data: two\n\n"
		}
		src := append(bytes.Clone(one), rest...)
		out, err := Append(nil, src, 1<<20, false)
		if err != nil || string(out) != want {
			t.Errorf("behind it %q: %q %v", rest, out, err)
		}
		if err := r.Reset(src, false); err != nil {
			t.Fatal(err)
		}
		if out, err := io.ReadAll(&r); err != nil || string(out) != want {
			t.Errorf("a Reader, behind it %q: %q %v", rest, out, err)
		}
		good := rest == "" || rest == string(two)
		if _, err := Append(nil, src, 1<<20, true); (err == nil) != good {
			t.Errorf("strict, behind it %q: %v", rest, err)
		}
		if err := r.Reset(src, true); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(&r); (err == nil) != good {
			t.Errorf("a strict Reader, behind it %q: %v", rest, err)
		}
	}
	if err := r.Reset([]byte("no gzip"), false); err == nil {
		t.Error("a Reader of plain text: no error")
	}
	if _, err := Append(nil, append(bytes.Clone(one), two[:len(two)/2]...), 1<<20, false); err == nil {
		t.Error("a cut second member is no error")
	}
}

// The last text of a member that was not flushed comes with the member's end.
func TestAMemberThatWasNotFlushedComesOutAtItsEnd(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte("data: one\n\n"))
	_ = z.Close()
	d := New()
	defer d.Close()
	if out, err := push(d, nil, b.Bytes(), false); err != nil || string(out) != "data: one\n\n" {
		t.Errorf("%q %v", out, err)
	}
}
