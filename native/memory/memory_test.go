package memory

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"
)

func newShare(of *Budget) *Share {
	s := new(Share)
	s.Begin(of)
	return s
}

func TestGrowTakesNothingBeyondTheLimit(t *testing.T) {
	b := NewBudget(100)
	one, other := newShare(b), newShare(b)
	if !one.Grow(60) || other.Grow(41) || !other.Grow(40) {
		t.Fatalf("%d held", b.Held())
	}
	if one.Grow(1) {
		t.Error("a byte over the limit")
	}
	b.Keep(10)
	other.Shrink(10)
	if one.Grow(1) {
		t.Error("what the store keeps does not count")
	}
	b.Keep(-10)
	if !one.Grow(10) {
		t.Error("what was given back can't be had")
	}
	one.Release()
	one.Release()
	other.Release()
	if b.Held() != 0 {
		t.Errorf("%d held in the end", b.Held())
	}
}

func TestAddCountsWithoutAsking(t *testing.T) {
	b := NewBudget(100)
	s := newShare(b)
	s.Add(150)
	if b.Held() != 150 || s.Grow(1) || newShare(b).Grow(1) {
		t.Errorf("%d held", b.Held())
	}
	s.Release()
	if b.Held() != 0 {
		t.Errorf("%d held in the end", b.Held())
	}
}

// What was given back is the process's until it is collected: it is, before something takes its place.
func TestWhatIsGivenBackCountsUntilItIsCollected(t *testing.T) {
	b := NewBudget(10 * large)
	collected := 0
	b.collector = func() { collected++ }
	s := newShare(b)
	for range 3 {
		if !s.Grow(5 * large) {
			t.Fatal("refused")
		}
		s.Shrink(5 * large)
	}
	if collected != 2 { // twice, for the pools, and not again
		t.Errorf("collected %d times", collected)
	}
	b.Keep(10 * large)
	b.Keep(-10 * large)
	s.Grow(large)
	if collected != 4 {
		t.Errorf("what the store gave back: collected %d times", collected)
	}
	for range 1000 {
		s.Grow(large - 1)
		s.Shrink(large - 1)
	}
	if collected != 4 {
		t.Errorf("for what is small: collected %d times", collected)
	}
}

// Who waits is served in turn, and holds on to what it has come to have.
func TestTheFirstInTheLineGoesOnToTheEnd(t *testing.T) {
	const limit = 64 * large
	b := NewBudget(limit)
	others := newShare(b)
	if !others.Grow(limit) {
		t.Fatal("refused")
	}
	one := newShare(b)
	first := one.NewPlace(time.Hour)
	went := make(chan bool)
	go func() { went <- first.GrowOn(t.Context(), 2*large, 4*large) }()
	for !b.line.waits.Load() {
		time.Sleep(time.Millisecond)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	second := newShare(b).NewPlace(time.Hour)
	others.Shrink(5 * large)
	if second.GrowOn(over, 2*large, 0) {
		t.Error("the second went on before the first")
	}
	others.Shrink(large)
	if !<-went || !first.First() {
		t.Error("the first found no room")
	}
	others.Shrink(2 * large)
	if second.GrowOn(over, large, 0) {
		t.Error("the second went on before the first had come to an end")
	}
	if !second.GrowOn(over, large-1, 0) {
		t.Error("a small piece has to wait")
	}
	first.Leave()
	first.Leave()
	if !second.GrowOn(t.Context(), large, 0) || !second.First() {
		t.Error("the second is not the first now")
	}
	second.Leave()
	short := newShare(b).NewPlace(time.Millisecond)
	if short.Grow(t.Context(), limit) {
		t.Error("there is no room")
	}
	short.Leave()
}

func TestWhileThereIsRoomNobodyIsFirst(t *testing.T) {
	b := NewBudget(64 * large)
	for range 4 {
		p := newShare(b).NewPlace(time.Hour)
		if !p.GrowOn(t.Context(), 2*large, 100*large) || p.First() {
			t.Error("it has to wait")
		}
	}
	unlimited := new(Share).NewPlace(time.Hour)
	if !unlimited.GrowOn(t.Context(), 1<<40, 0) || !unlimited.Grow(t.Context(), 1<<40) {
		t.Error("refused without a limit")
	}
}

// What was reserved is grown into, and what is left of it given back.
func TestWhatIsReservedIsGrownInto(t *testing.T) {
	b := NewBudget(100)
	from, s := newShare(b), newShare(b)
	if !from.Grow(90) {
		t.Fatal("refused")
	}
	s.Reserve(from, 80)
	if !s.Grow(50) || !s.Grow(35) || s.Grow(6) || b.Held() != 95 {
		t.Errorf("%d held", b.Held())
	}
	s.Shrink(85)
	s.Reserve(from, 10)
	s.Settle()
	if b.Held() != 0 {
		t.Errorf("%d held in the end", b.Held())
	}
}

func TestWithoutABudgetThereIsNoLimit(t *testing.T) {
	var none *Share
	for _, s := range []*Share{none, {}, newShare(nil)} {
		if !s.Grow(1 << 40) {
			t.Error("refused")
		}
		s.Shrink(1)
		s.Release()
	}
}

func TestManyAtOnceBalance(t *testing.T) {
	b := NewBudget(1000)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				s := newShare(b)
				if s.Grow(400) {
					s.Add(3)
					s.Shrink(100)
				}
				s.Release()
			}
		})
	}
	all.Wait()
	if b.Held() != 0 {
		t.Errorf("%d held in the end", b.Held())
	}
}

func TestAvailable(t *testing.T) {
	const meminfo = "MemTotal:       16384 kB\nMemFree:  3 kB\n"
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nobody says", nil, unknown},
		{"the machine's", map[string]string{"/proc/meminfo": meminfo}, 16 << 20},
		{"a service's, version 2", map[string]string{"/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/system.slice/a.service\n",
			"/sys/fs/cgroup/system.slice/a.service/memory.max": "1048576\n"}, 1 << 20},
		{"a slice's above it", map[string]string{"/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/system.slice/a.service\n",
			"/sys/fs/cgroup/system.slice/a.service/memory.max": "max\n", "/sys/fs/cgroup/system.slice/memory.max": "2097152\n"}, 2 << 20},
		{"a container's, version 2", map[string]string{"/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/\n",
			"/sys/fs/cgroup/memory.max": "4194304\n"}, 4 << 20},
		{"a container's, version 1", map[string]string{"/proc/meminfo": meminfo, "/proc/self/cgroup": "9:name=systemd:/\n4:memory:/docker/a\n0::/\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes": "1048576\n"}, 1 << 20},
		{"no limit, version 1", map[string]string{"/proc/meminfo": meminfo, "/proc/self/cgroup": "4:memory:/\n",
			"/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 16 << 20},
		{"without the machine's", map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "4194304\n"}, 4 << 20},
	} {
		got := available(func(name string) ([]byte, error) {
			if text, ok := tt.files[name]; ok {
				return []byte(text), nil
			}
			return nil, os.ErrNotExist
		})
		if got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
	if Available() <= 0 {
		t.Error("this machine has no memory")
	}
}
