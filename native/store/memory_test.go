package store

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/qwenvoy/qwenvoy/native/memory"
)

// heap is what is held once all else is collected.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// What a store in memory says that it holds is what the process holds for it, for small
// responses and for large ones.
func TestAStoreInMemoryCountsWhatItTakes(t *testing.T) {
	for _, tt := range []struct{ n, item int }{{20_000, 10}, {2000, 5000}, {40, 1 << 20}, {3000, 9000}} {
		b := memory.NewBudget(1 << 30)
		before := heap()
		s, err := Open(Options{Memory: b})
		must(t, err)
		for i := range tt.n {
			r := finished(fmt.Sprintf("resp_%d", i), "")
			r.Input = []Item{{ID: "msg_a", JSON: []byte(`"` + strings.Repeat("x", tt.item) + `"`)}}
			r.Object = []byte(`{"id":"` + r.ID + `","output":"` + strings.Repeat("y", tt.item) + `"}`)
			must(t, s.Put(t.Context(), "t", r))
		}
		took := heap() - before
		t.Logf("%d responses of %d bytes: %d bytes taken, %d counted", tt.n, 2*tt.item, took, b.Kept())
		if took > b.Kept()*11/10 || took < b.Kept()*7/10 {
			t.Errorf("%d responses of %d bytes: %d bytes taken, %d counted", tt.n, 2*tt.item, took, b.Kept())
		}
		must(t, s.Close())
		if b.Kept() != 0 {
			t.Errorf("%d bytes kept by a closed store", b.Kept())
		}
	}
}

func TestAStoreInMemoryTakesHalfOfTheBudget(t *testing.T) {
	b := memory.NewBudget(1 << 20)
	s, err := Open(Options{Memory: b, MaxSize: 1 << 30})
	must(t, err)
	defer s.Close()
	r := finished("a", "")
	r.Object = make([]byte, 600<<10)
	if err := s.Put(t.Context(), "t", r); err == nil {
		t.Error("a response of more than half of the budget is stored")
	}
}
