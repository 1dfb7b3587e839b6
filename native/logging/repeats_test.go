package logging

import (
	"strconv"
	"testing"
	"time"
)

func TestRepeats(t *testing.T) {
	now := time.Unix(1, 0)
	r := NewRepeats(func() time.Time { return now })
	for i, tt := range []struct {
		key   string
		after time.Duration
		left  int
		write bool
	}{
		{"a", 0, 0, true}, {"a", time.Second, 0, false}, {"b", 0, 0, true}, {"a", time.Second, 0, false},
		{"a", 8 * time.Second, 2, true}, {"a", 0, 0, false}, {"b", 0, 0, false}, {"a", 10 * time.Second, 1, true},
	} {
		now = now.Add(tt.after)
		if left, write := r.Write(tt.key); left != tt.left || write != tt.write {
			t.Errorf("%d: %d, %t", i, left, write)
		}
	}
	written := 0
	for i := range 1000 {
		if _, write := r.Write(strconv.Itoa(i)); write {
			written++
		}
	}
	if written > mostRepeats || len(r.lines) > mostRepeats+1 {
		t.Errorf("%d written, %d known", written, len(r.lines))
	}
	now = now.Add(repeatEvery)
	if _, write := r.Write("new"); !write || len(r.lines) > 2 {
		t.Errorf("after a while: %t, %d known", write, len(r.lines))
	}
}
