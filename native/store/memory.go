package store

import (
	"strings"
	"sync/atomic"

	"github.com/tidwall/btree"
)

// memory holds the tables in trees that share what they have in common: a writer
// changes copies, which take the place of the old ones when it commits.
type memory struct {
	trees atomic.Pointer[trees]
}

type tree = btree.Map[string, []byte]

type trees struct {
	of   [tables]*tree
	size int64
}

func newMemory() *memory {
	m, t := &memory{}, &trees{}
	for i := range t.of {
		t.of[i] = &tree{}
	}
	m.trees.Store(t)
	return m
}

func (m *memory) view(read func(tx) error) error { return read(&memoryTx{trees: *m.trees.Load()}) }

func (m *memory) begin() (writing, error) { return &memoryTx{trees: *m.trees.Load(), memory: m}, nil }

func (m *memory) used() int64 { return m.trees.Load().size }

func (m *memory) close() error { return nil }

type memoryTx struct {
	trees
	memory *memory
	own    [tables]bool // copied, so to be changed
	writes int
}

// entrySize is about what a key and its value take beside their bytes.
const entrySize = 64

func (t *memoryTx) get(of table, key []byte) []byte {
	v, _ := t.of[of].Get(string(key))
	return v
}

func (t *memoryTx) writable(of table) *tree {
	t.writes++
	if !t.own[of] {
		t.own[of] = true
		t.of[of] = t.of[of].Copy()
	}
	return t.of[of]
}

func (t *memoryTx) put(of table, key, value []byte) {
	if value == nil {
		value = []byte{} // nil is for what is not there
	}
	old, replaced := t.writable(of).Set(string(key), value)
	t.size += int64(len(value))
	if replaced {
		t.size -= int64(len(old))
	} else {
		t.size += int64(len(key)) + entrySize
	}
}

func (t *memoryTx) remove(of table, key []byte) {
	if old, ok := t.writable(of).Delete(string(key)); ok {
		t.size -= int64(len(key)+len(old)) + entrySize
	}
}

func (t *memoryTx) scan(of table, prefix, from []byte, descending bool, visit func(k, v []byte) bool) {
	p := string(prefix)
	each := func(k string, v []byte) bool { return strings.HasPrefix(k, p) && visit([]byte(k), v) }
	switch {
	case !descending && from == nil:
		t.of[of].Ascend(p, each)
	case !descending:
		t.of[of].Ascend(string(from), each)
	case from != nil:
		t.of[of].Descend(string(from), each)
	default:
		last := beyond(prefix)
		if last == nil {
			t.of[of].Reverse(each)
			return
		}
		t.of[of].Descend(string(last), func(k string, v []byte) bool {
			return k == string(last) || each(k, v) // last itself has another prefix
		})
	}
}

func (t *memoryTx) wrote() int { return t.writes }

func (t *memoryTx) commit() error {
	t.memory.trees.Store(&t.trees)
	return nil
}

func (t *memoryTx) rollback() {}
