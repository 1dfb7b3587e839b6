package store

import (
	"strings"
	"sync/atomic"

	"github.com/tidwall/btree"

	"github.com/qwenvoy/qwenvoy/native/memory"
)

// memoryTables holds the tables in trees that share what they have in common: a writer
// changes copies, which take the place of the old ones when it commits.
type memoryTables struct {
	trees  atomic.Pointer[trees]
	budget *memory.Budget // of the same memory
}

type tree = btree.Map[string, []byte]

type trees struct {
	of   [tables]*tree
	size int64
}

func newMemory(of *memory.Budget) *memoryTables {
	m, t := &memoryTables{budget: of}, &trees{}
	for i := range t.of {
		t.of[i] = &tree{}
	}
	m.trees.Store(t)
	return m
}

func (m *memoryTables) view(read func(tx) error) error {
	return read(&memoryTx{trees: *m.trees.Load()})
}

func (m *memoryTables) begin() (writing, error) {
	return &memoryTx{trees: *m.trees.Load(), memory: m}, nil
}

func (m *memoryTables) used() int64 { return m.trees.Load().size }

func (m *memoryTables) close() error {
	m.budget.Keep(-m.used())
	return nil
}

type memoryTx struct {
	trees
	memory *memoryTables
	own    [tables]bool // copied, so to be changed
	writes int
}

// entrySize is about what a key and its value take beside their bytes: headers, and nodes of the
// tree that are half empty.
const entrySize = 160

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
	t.memory.budget.Keep(t.size - t.memory.used())
	t.memory.trees.Store(&t.trees)
	return nil
}

func (t *memoryTx) rollback() {}
