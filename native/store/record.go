package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/qwenvoy/qwenvoy/native/memory"
)

// recordVersion is the first byte of each record, for those who come later.
const recordVersion = 1

var errRecord = errors.New("a stored record can't be read (was it written by a newer version?)")

const (
	flagBackground = 1 << iota
	flagLogged
	flagCancelling
)

// A record is framed as fields one after another: numbers as uvarints, texts with
// their length before them.

func appendText[T string | []byte](to []byte, s T) []byte {
	return append(binary.AppendUvarint(to, uint64(len(s))), s...)
}

func appendItem(to []byte, i Item) []byte {
	return append(appendText(to, i.ID), i.JSON...)
}

func appendItems(to []byte, items []Item) []byte {
	to = binary.AppendUvarint(to, uint64(len(items)))
	for _, i := range items {
		to = appendText(appendText(to, i.ID), i.JSON)
	}
	return to
}

// itemsSize is an upper bound of what appendItems adds.
func itemsSize(items []Item) int {
	n := binary.MaxVarintLen64
	for _, i := range items {
		n += 2*binary.MaxVarintLen64 + len(i.ID) + len(i.JSON)
	}
	return n
}

// A reader takes fields off the front of rest. After bad, what it gives is empty.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) byte() (b byte) {
	if r.bad = r.bad || len(r.rest) == 0; !r.bad {
		b, r.rest = r.rest[0], r.rest[1:]
	}
	return b
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.rest)
	if r.bad = r.bad || n <= 0; r.bad {
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// bytes is a part of what the reader was given, not a copy.
func (r *reader) bytes() (b []byte) {
	n := r.number()
	if r.bad = r.bad || n > uint64(len(r.rest)); !r.bad {
		b, r.rest = r.rest[:n:n], r.rest[n:]
	}
	return b
}

func (r *reader) text() string { return string(r.bytes()) }

func (r *reader) items() []Item {
	n := r.number()
	if r.bad = r.bad || n > uint64(len(r.rest)); r.bad || n == 0 {
		return nil
	}
	items := make([]Item, n)
	for i := range items {
		items[i] = Item{ID: r.text(), JSON: r.bytes()}
	}
	return items
}

func (r *reader) err() error {
	if r.bad {
		return unavailable(errRecord)
	}
	return nil
}

func readItem(frame []byte) (Item, error) {
	r := reader{rest: frame}
	i := Item{ID: r.text()}
	i.JSON = r.rest
	return i, r.err()
}

// clone copies what a table holds for a caller, whose it counts against (memory.With).
func clone(ctx context.Context, b []byte) ([]byte, error) {
	if !memory.Of(ctx).Grow(len(b)) {
		return nil, memory.ErrFull
	}
	return bytes.Clone(b), nil
}

func cloneItem(ctx context.Context, frame []byte) (Item, error) {
	b, err := clone(ctx, frame)
	if err != nil {
		return Item{}, err
	}
	return readItem(b)
}

func (h *Head) flags() (f byte) {
	if h.Background {
		f |= flagBackground
	}
	if h.Logged {
		f |= flagLogged
	}
	if h.Cancelling {
		f |= flagCancelling
	}
	return f
}

func (h *Head) setFlags(f byte) {
	h.Background, h.Logged, h.Cancelling = f&flagBackground != 0, f&flagLogged != 0, f&flagCancelling != 0
}

// statuses are stored as their place in this list.
var statuses = [...]Status{Queued, InProgress, Completed, Incomplete, Failed, Cancelled}

func statusNumber(s Status) (byte, error) {
	for i, known := range statuses {
		if s == known {
			return byte(i), nil
		}
	}
	return 0, fmt.Errorf("store: no status %q", string(s))
}

// name says whose a thing is and what it is called, so that no two pairs share one.
func name(tenant, id string) string {
	return strconv.Itoa(len(tenant)) + ":" + tenant + ":" + id
}

// maxID is the limit of an id's length, in bytes.
const maxID = 1024

func checkIDs(tenant, id string, items ...[]Item) error {
	if len(tenant) > maxID || len(id) > maxID {
		return fmt.Errorf("an id of more than %d bytes: %w", maxID, ErrTooLarge)
	}
	for _, list := range items {
		for _, i := range list {
			if len(i.ID) > maxID {
				return fmt.Errorf("an item's id of more than %d bytes: %w", maxID, ErrTooLarge)
			}
		}
	}
	return nil
}

func checkStatus(s Status, finished bool) error {
	if _, err := statusNumber(s); err != nil {
		return err
	}
	if s.Finished() != finished {
		return fmt.Errorf("store: status %s is not for this call", s)
	}
	return nil
}

func checkLease(l Lease) error {
	if l.Owner == "" {
		return errors.New("store: a lease without an owner")
	}
	return nil
}

func repeatedID(items []Item) bool {
	seen := make(map[string]bool, len(items))
	for _, i := range items {
		if seen[i.ID] {
			return true
		}
		seen[i.ID] = true
	}
	return false
}

// continuable: a conversation goes on with what was said.
func (s Status) continuable() bool { return s == Completed || s == Incomplete }

// unavailable says why the store can't do its work. The cause must hold no content.
func unavailable(cause error) error { return fmt.Errorf("%w: %w", ErrUnavailable, cause) }
