package edge

import "sync/atomic"

// A gathering counts the bytes of bodies that all exchanges of a plugin wait for to be whole.
// A filter can't count over Envoy's workers, each of which has a VM, so the bound is one VM's.
type gathering struct {
	limit int64
	bytes atomic.Int64
}

// bodiesAtOnce is how many bodies of the largest size may be gathered at once.
const bodiesAtOnce = 4

// gathered is what one exchange has of a gathering.
type gathered struct {
	of    *gathering
	bytes int
}

// grow notes that so much is gathered; false where all together are over the limit.
func (g *gathered) grow(size int) bool {
	more := int64(size - g.bytes)
	if more > 0 && g.of.bytes.Add(more) > g.of.limit {
		g.of.bytes.Add(-more)
		return false
	}
	g.bytes = max(g.bytes, size)
	return true
}

// release gives all back.
func (g *gathered) release() {
	if g.bytes > 0 {
		g.of.bytes.Add(-int64(g.bytes))
		g.bytes = 0
	}
}
