package responses

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"io"
	"slices"
	"sync"
	"unicode/utf8"

	stateless "github.com/klauspost/compress/flate"
	"golang.org/x/crypto/nacl/secretbox"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// blobKind says what an encrypted_content holds.
type blobKind byte

const (
	// reasoningBlob is the thinking of a reasoning item.
	reasoningBlob blobKind = 'r'
	// keptBlob is a summary whose earlier items still count: /responses/compact keeps
	// user messages before it.
	keptBlob blobKind = 'k'
	// coveringBlob is a summary that stands for all items before it.
	coveringBlob blobKind = 'c'
)

// An encrypted_content is a tag, then base64url of a kind byte and deflated text; where
// a key is configured, of a nonce and these sealed with it (XSalsa20 and Poly1305). Any
// instance with the same key reads it, nothing is kept. What is not sealed is as good
// as any text of the client's.
const (
	plainTag  = "qwv1p."
	sealedTag = "qwv1s."
	nonceSize = 24
)

const (
	// maxSealedText is the most bytes of text that are put into a blob.
	maxSealedText = 4 << 20
	// maxOpenedText is the most that the blobs of one request may inflate to together:
	// a body within its limit could else ask for a thousand times its size.
	maxOpenedText = 16 << 20
)

// deflater is what one blob needs and the next one can have.
type deflater struct {
	text []byte
	out  bytes.Buffer
	box  []byte
}

var deflaters = sync.Pool{New: func() any {
	return new(deflater)
}}

// appendSealed appends an encrypted_content, without quotes and with nothing to escape
// in it, for text that stands as inside a string literal. false, and nothing appended,
// for more text than a blob may hold.
func appendSealed(dst []byte, kind blobKind, inside []byte, t *hub.Turn) ([]byte, bool) {
	if len(inside) > maxSealedText {
		return dst, false
	}
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	d.text = jsonedit.AppendUnescaped(d.text[:0], inside)
	d.out.Reset()
	d.out.WriteByte(byte(kind))
	// The standard library's writer holds most of a megabyte, and a module's memory never
	// shrinks. A bytes.Buffer takes all.
	stateless.StatelessDeflate(&d.out, d.text, true, nil)
	packed, tag := d.out.Bytes(), plainTag
	if t.Responses.HasKey {
		tag = sealedTag
		var nonce [nonceSize]byte
		for i := 0; i < nonceSize; i += 8 {
			binary.LittleEndian.PutUint64(nonce[i:], t.Edge.Random())
		}
		d.box = secretbox.Seal(jsonedit.PutBytes(d.box[:0], nonce[:]), packed, &nonce, &t.Responses.Key)
		packed = d.box
	}
	return base64.RawURLEncoding.AppendEncode(jsonedit.Put(dst, tag), packed), true
}

// inflater is deflater's counterpart.
type inflater struct {
	r      io.ReadCloser
	in     bytes.Reader
	packed []byte
	box    []byte
}

var inflaters = sync.Pool{New: func() any {
	f := new(inflater)
	f.r = flate.NewReader(&f.in)
	return f
}}

// openBlob appends the text of an encrypted_content, as plain text and at most limit
// bytes, and tells its kind. false for one that is damaged, of other makers, sealed with
// another key or too large.
func openBlob(dst, blob []byte, limit int, t *hub.Turn) ([]byte, blobKind, bool) {
	sealed := bytes.HasPrefix(blob, []byte(sealedTag))
	if !sealed && !bytes.HasPrefix(blob, []byte(plainTag)) || sealed && !t.Responses.HasKey {
		return dst, 0, false
	}
	f := inflaters.Get().(*inflater)
	defer inflaters.Put(f)
	var err error
	if f.packed, err = base64.RawURLEncoding.AppendDecode(f.packed[:0], blob[len(plainTag):]); err != nil {
		return dst, 0, false
	}
	packed := f.packed
	if sealed {
		if len(packed) < nonceSize {
			return dst, 0, false
		}
		var ok bool
		if f.box, ok = secretbox.Open(f.box[:0], packed[nonceSize:], (*[nonceSize]byte)(packed), &t.Responses.Key); !ok {
			return dst, 0, false
		}
		packed = f.box
	}
	if len(packed) == 0 {
		return dst, 0, false
	}
	kind := blobKind(packed[0])
	if kind != reasoningBlob && kind != keptBlob && kind != coveringBlob {
		return dst, 0, false
	}
	f.in.Reset(packed[1:])
	f.r.(flate.Resetter).Reset(&f.in, nil)
	start := len(dst)
	for {
		dst = slices.Grow(dst, 512)
		n, err := f.r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case len(dst)-start > limit:
			return dst[:start], 0, false
		case err == io.EOF:
			if f.in.Len() > 0 || !utf8.Valid(dst[start:]) {
				return dst[:start], 0, false
			}
			return dst, kind, true
		case err != nil:
			return dst[:start], 0, false
		}
	}
}
