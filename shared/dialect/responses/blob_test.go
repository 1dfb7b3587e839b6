package responses

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/shared/hub"
	"github.com/qwenvoy/qwenvoy/shared/jsonedit"
)

// counter is a Random that tests can foresee.
func counter() func() uint64 {
	n := uint64(0)
	return func() uint64 { n++; return n * 0x9E3779B97F4A7C15 }
}

func blobTurn(key byte) *hub.Turn {
	s := &hub.Settings{}
	if key != 0 {
		s.Responses.HasKey = true
		for i := range s.Responses.Key {
			s.Responses.Key[i] = key
		}
	}
	return &hub.Turn{Settings: s, Edge: hub.EdgeFacts{Random: counter()}}
}

func TestABlobIsReadByEveryInstanceWithItsKey(t *testing.T) {
	long := strings.Repeat("First look at the file, then at its test. ", 2000)
	texts := []string{"", "short", "line\nbreak \"quoted\" \\ \u00e9 \U0001F600 <&>", long}
	for _, key := range []byte{0, 7} {
		for _, text := range texts {
			blob, ok := appendSealed([]byte("before"), reasoningBlob, jsonedit.AppendEscaped(nil, text), blobTurn(key))
			if !ok {
				t.Fatalf("key %d: not sealed", key)
			}
			blob, ok = bytes.CutPrefix(blob, []byte("before"))
			if !ok || bytes.ContainsAny(blob, "\"\\+/=") {
				t.Fatalf("key %d: %.80q needs escapes, or what stood before is gone", key, blob)
			}
			got, kind, ok := openBlob([]byte("x"), blob, maxOpenedText, blobTurn(key))
			if !ok || kind != reasoningBlob || string(got) != "x"+text {
				t.Errorf("key %d: got %.80q, kind %c, %v", key, got, kind, ok)
			}
			if text == long && len(blob) > len(long)/10 {
				t.Errorf("key %d: %d bytes of blob for %d of text", key, len(blob), len(long))
			}
			if key != 0 && bytes.Contains(blob, []byte("First")) {
				t.Error("the text can be read")
			}
		}
	}
}

func TestSealedBlobsDiffer(t *testing.T) {
	turn := blobTurn(7)
	a, _ := appendSealed(nil, reasoningBlob, []byte("the same"), turn)
	b, _ := appendSealed(nil, reasoningBlob, []byte("the same"), turn)
	if bytes.Equal(a, b) {
		t.Error("one nonce for two blobs")
	}
}

func TestABlobThatCannotBeOpenedIsRefused(t *testing.T) {
	plain, _ := appendSealed(nil, reasoningBlob, []byte("thinking"), blobTurn(0))
	sealed, _ := appendSealed(nil, reasoningBlob, []byte("thinking"), blobTurn(7))
	changed := bytes.Clone(sealed)
	changed[len(changed)-3] ^= 1
	bomb := func() string {
		var b bytes.Buffer
		b.WriteByte(byte(reasoningBlob))
		w, _ := flate.NewWriter(&b, 9)
		w.Write(bytes.Repeat([]byte{'a'}, maxOpenedText+1))
		w.Close()
		return plainTag + base64.RawURLEncoding.EncodeToString(b.Bytes())
	}
	pack := func(kind byte, text string, tail string) string {
		var b bytes.Buffer
		b.WriteByte(kind)
		w, _ := flate.NewWriter(&b, 9)
		w.Write([]byte(text))
		w.Close()
		return plainTag + base64.RawURLEncoding.EncodeToString(append(b.Bytes(), tail...))
	}
	tests := []struct {
		name string
		blob string
		key  byte
	}{
		{"empty", "", 0},
		{"of another maker", "gAAAAABotherwise", 0},
		{"nothing behind the tag", plainTag, 0},
		{"cut", string(plain[:len(plain)-4]), 0},
		{"no base64", plainTag + "!!!!", 0},
		{"an unknown kind", pack('z', "text", ""), 0},
		{"bytes behind the end", pack('r', "text", "tail"), 0},
		{"not UTF-8", pack('r', "\xff\xfe", ""), 0},
		{"inflates without end", bomb(), 0},
		{"sealed, without a key", string(sealed), 0},
		{"sealed with another key", string(sealed), 8},
		{"sealed, one bit changed", string(changed), 7},
		{"sealed, shorter than a nonce", sealedTag + "AAAA", 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, _, ok := openBlob(nil, []byte(tt.blob), maxOpenedText, blobTurn(tt.key)); ok || len(got) > 0 {
				t.Errorf("opened as %.80q", got)
			}
		})
	}
	if _, _, ok := openBlob(nil, plain, maxOpenedText, blobTurn(7)); !ok {
		t.Error("a key that is new in the configuration makes earlier blobs unreadable")
	}
	if _, ok := appendSealed(nil, reasoningBlob, make([]byte, maxSealedText+1), blobTurn(0)); ok {
		t.Error("more text than may be opened was sealed")
	}
}

func FuzzOpeningABlobNeverPanics(f *testing.F) {
	plain, _ := appendSealed(nil, keptBlob, []byte("summary"), blobTurn(0))
	sealed, _ := appendSealed(nil, coveringBlob, []byte("summary"), blobTurn(7))
	f.Add(plain)
	f.Add(sealed)
	f.Fuzz(func(t *testing.T, blob []byte) {
		text, _, ok := openBlob(nil, blob, 1<<16, blobTurn(7))
		if !ok && len(text) > 0 || len(text) > 1<<16 {
			t.Errorf("%d bytes, %v", len(text), ok)
		}
	})
}

func BenchmarkSealing(b *testing.B) {
	text := []byte(strings.Repeat("First look at the file, then at its test; see what it needs, and change that alone. ", 50))
	turn := blobTurn(7)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var blob, back []byte
	for b.Loop() {
		blob, _ = appendSealed(blob[:0], reasoningBlob, text, turn)
		back, _, _ = openBlob(back[:0], blob, maxOpenedText, turn)
	}
	if !bytes.Equal(back, text) {
		b.Error("what came back differs")
	}
}
