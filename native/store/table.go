package store

import (
	"bytes"
	"encoding/binary"
)

// A table is a set of keys in order.
type table byte

const (
	ids           table = iota // kind, tenant, id → sequence number
	turns                      // sequence number → record of a response, but for its object
	objects                    // sequence number → object
	events                     // sequence number, number of the event → event
	jobs                       // sequence number of an unfinished response → nothing
	conversations              // sequence number → record of a conversation
	touched                    // last change in ms, sequence number of the conversation → nothing
	items                      // sequence number of the conversation, position → item
	itemIDs                    // sequence number of the conversation, item id → position
	tables
)

// Kinds of ids.
const (
	responseID     = 'r'
	conversationID = 'c'
)

// A tx reads and writes tables as of one moment. What it returns is valid until it ends.
type tx interface {
	get(t table, key []byte) []byte
	// put keeps the value.
	put(t table, key, value []byte)
	remove(t table, key []byte)
	// scan visits the keys that begin with prefix, from key from on (nil: from the first;
	// descending: from the last). visit must not write.
	scan(t table, prefix, from []byte, descending bool, visit func(key, value []byte) bool)
}

// A writing tx ends by commit or rollback.
type writing interface {
	tx
	// wrote counts puts and removes.
	wrote() int
	commit() error
	rollback()
}

// tabled holds the tables. There is one writer at a time; readers never wait for it.
type tabled interface {
	view(func(tx) error) error
	begin() (writing, error)
	// used is what is in use, in bytes.
	used() int64
	close() error
}

func number(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func idKey(kind byte, tenant, id string) []byte {
	return append(appendText([]byte{kind}, tenant), id...)
}

// lookup returns the sequence number's key.
func lookup(t tx, kind byte, tenant, id string) ([]byte, error) {
	if seq := t.get(ids, idKey(kind, tenant, id)); seq != nil {
		return bytes.Clone(seq), nil
	}
	return nil, ErrNotFound
}

func removeAll(t tx, in table, prefix []byte) (size int) {
	var keys [][]byte
	t.scan(in, prefix, nil, false, func(k, v []byte) bool {
		keys = append(keys, bytes.Clone(k))
		size += len(k) + len(v)
		return true
	})
	for _, k := range keys {
		t.remove(in, k)
	}
	return size
}
