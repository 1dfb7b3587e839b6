package store

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
)

// turn is one of an agent: 2 KB in, 2 KB out, an object of 20 KB that repeats the
// request's tools.
func turn(id, previous string) *Response {
	return &Response{
		Entry: Entry{
			Head:   Head{ID: id, Previous: previous, Status: Completed},
			Input:  []Item{{ID: id + ".in", JSON: bytes.Repeat([]byte("i"), 2000)}},
			Output: []Item{{ID: id + ".out", JSON: bytes.Repeat([]byte("o"), 2000)}},
		},
		Object: bytes.Repeat([]byte("b"), 20_000),
	}
}

func turnID(n int) string { return fmt.Sprintf("resp_%08d", n) }

func putTurn(s Store, n int) error {
	previous := ""
	if n > 0 {
		previous = turnID(n - 1)
	}
	return s.Put(ctx, "t", turn(turnID(n), previous))
}

func chainOf(b *testing.B, s Store, depth int) (last string) {
	atOnce(b, depth, func(n int) error { return putTurn(s, n) })
	return turnID(depth - 1)
}

// BenchmarkPut is one client's turn after 10, 1,000 and 10,000 turns of the same chain.
func BenchmarkPut(b *testing.B) {
	for _, k := range kinds {
		s := k.open(b).a
		have := 0
		for _, depth := range []int{10, 1_000, 10_000} {
			b.Run(fmt.Sprintf("%s/depth=%d", k.name, depth), func(b *testing.B) {
				if missing := depth - have; missing > 0 {
					atOnce(b, missing, func(n int) error { return putTurn(s, have+n) })
					have = depth
				}
				b.ReportAllocs()
				for b.Loop() {
					must(b, putTurn(s, have))
					have++
				}
			})
		}
	}
}

// BenchmarkPutByMany is the same by 64 clients at once, each with a chain of its own.
func BenchmarkPutByMany(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			s := k.open(b).a
			var clients atomic.Int64
			b.SetParallelism(32) // times GOMAXPROCS
			b.RunParallel(func(p *testing.PB) {
				client, last := clients.Add(1), ""
				for n := 0; p.Next(); n++ {
					id := fmt.Sprintf("resp_%d_%08d", client, n)
					if err := s.Put(ctx, "t", turn(id, last)); err != nil {
						b.Error(err)
					}
					last = id
				}
			})
		})
	}
}

func BenchmarkGet(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			s := k.open(b).a
			last := chainOf(b, s, 100)
			b.ReportAllocs()
			for b.Loop() {
				_, _, err := s.Get(ctx, "t", last)
				must(b, err)
			}
		})
	}
}

// BenchmarkChain loads a whole chain, 4 KB a turn.
func BenchmarkChain(b *testing.B) {
	for _, k := range kinds {
		for _, depth := range []int{1, 10, 100, 1_000, 10_000} {
			b.Run(fmt.Sprintf("%s/depth=%d", k.name, depth), func(b *testing.B) {
				s := k.open(b).a
				last := chainOf(b, s, depth)
				b.SetBytes(int64(depth) * 4000)
				b.ReportAllocs()
				for b.Loop() {
					turns, err := s.Chain(ctx, "t", last, unlimited)
					must(b, err)
					if len(turns) != depth {
						b.Fatalf("%d turns", len(turns))
					}
				}
			})
		}
	}
}

// BenchmarkInputItems reads the newest page at the end of a chain of 1,000 turns.
func BenchmarkInputItems(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			s := k.open(b).a
			last := chainOf(b, s, 1_000)
			for b.Loop() {
				_, err := s.InputItems(ctx, "t", last, Page{Limit: 20, Descending: true})
				must(b, err)
			}
		})
	}
}

// BenchmarkAppend writes one event at a time to a log, and reads it.
func BenchmarkAppend(b *testing.B) {
	for _, k := range kinds {
		b.Run(k.name, func(b *testing.B) {
			s := k.open(b)
			must(b, s.a.Start(ctx, "t", running("job", true), lease("o")))
			event := [][]byte{bytes.Repeat([]byte("e"), 200)}
			n := uint64(0)
			for b.Loop() {
				must(b, s.a.Append(ctx, "t", "job", "o", n, event))
				_, _, err := s.b.Events(ctx, "t", "job", n, 1)
				must(b, err)
				n++
			}
		})
	}
}
