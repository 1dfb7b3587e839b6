package store

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// FileName is the file's name in the state folder.
const FileName = "qwenvoy.db"

// file holds the tables in one file. A commit returns after the disk has it (fsync).
type file struct {
	db *bbolt.DB
}

// bucketNames are by table. They are in files: don't change them.
var bucketNames = [tables]string{"ids", "turns", "objects", "events", "jobs", "conversations", "touched", "items", "item_ids"}

// lockWait is how long another process has to give the file up, as one that is being
// replaced does.
const lockWait = 3 * time.Second

func openFile(folder string) (*file, error) {
	path := filepath.Join(folder, FileName)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: lockWait,
		// A list of free pages that is written with each commit grows with the file; when
		// the file is opened it can be found anew.
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("%s is in use by another process: give each process a folder of its own, or let several share a Redis", path)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range bucketNames {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &file{db}, nil
}

// TryFolder tells whether Open could make or write the file in a folder. It leaves nothing behind,
// and does not look whether another process has the file.
func TryFolder(folder string) error {
	path := filepath.Join(folder, FileName)
	if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
		return f.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	at := filepath.Clean(folder)
	for {
		_, err := os.Stat(at)
		if err == nil {
			break
		}
		if parent := filepath.Dir(at); errors.Is(err, fs.ErrNotExist) && parent != at {
			at = parent
			continue
		}
		return fmt.Errorf("state folder: %w", err)
	}
	f, err := os.CreateTemp(at, ".qwenvoy-*")
	if err != nil {
		var cause *fs.PathError
		if errors.As(err, &cause) {
			err = cause.Err
		}
		return fmt.Errorf("state folder: %s can't be written: %w", at, err)
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

func (f *file) view(read func(tx) error) error {
	t, err := f.db.Begin(false)
	if err != nil {
		return unavailable(err)
	}
	defer func() { _ = t.Rollback() }()
	return read(&fileTx{tx: t})
}

func (f *file) begin() (writing, error) {
	t, err := f.db.Begin(true)
	if err != nil {
		return nil, err
	}
	return &fileTx{tx: t}, nil
}

// used counts pages, without the free ones: the file itself never shrinks.
func (f *file) used() (n int64) {
	_ = f.db.View(func(t *bbolt.Tx) error {
		s := f.db.Stats()
		n = t.Size() - int64(s.FreePageN+s.PendingPageN)*int64(f.db.Info().PageSize)
		return nil
	})
	return n
}

func (f *file) close() error { return f.db.Close() }

type fileTx struct {
	tx      *bbolt.Tx
	buckets [tables]*bbolt.Bucket
	writes  int
	err     error
}

func (t *fileTx) bucket(of table) *bbolt.Bucket {
	b := t.buckets[of]
	if b == nil {
		b = t.tx.Bucket([]byte(bucketNames[of]))
		b.FillPercent = 0.9 // most grow at their end, where half a page would stay empty
		t.buckets[of] = b
	}
	return b
}

func (t *fileTx) get(of table, key []byte) []byte { return t.bucket(of).Get(key) }

func (t *fileTx) put(of table, key, value []byte) {
	t.writes++
	t.err = errors.Join(t.err, t.bucket(of).Put(key, value))
}

func (t *fileTx) remove(of table, key []byte) {
	t.writes++
	t.err = errors.Join(t.err, t.bucket(of).Delete(key))
}

func (t *fileTx) scan(of table, prefix, from []byte, descending bool, visit func(k, v []byte) bool) {
	c := t.bucket(of).Cursor()
	var k, v []byte
	step := c.Next
	if descending {
		step = c.Prev
		k, v = seekLast(c, prefix, from)
	} else {
		if from == nil {
			from = prefix
		}
		k, v = c.Seek(from)
	}
	for ; k != nil && bytes.HasPrefix(k, prefix); k, v = step() {
		if !visit(k, v) {
			return
		}
	}
}

// seekLast finds the last key that is not beyond from, or that begins with prefix.
func seekLast(c *bbolt.Cursor, prefix, from []byte) (k, v []byte) {
	if from == nil {
		if from = beyond(prefix); from == nil {
			return c.Last()
		}
	}
	k, v = c.Seek(from)
	switch {
	case k == nil:
		return c.Last()
	case bytes.Equal(k, from) && bytes.HasPrefix(k, prefix):
		return k, v
	}
	return c.Prev()
}

// beyond is the first key after all that begin with prefix, nil for none.
func beyond(prefix []byte) []byte {
	to := bytes.Clone(prefix)
	for i := len(to) - 1; i >= 0; i-- {
		if to[i]++; to[i] != 0 {
			return to[:i+1]
		}
	}
	return nil
}

func (t *fileTx) wrote() int { return t.writes }

func (t *fileTx) commit() error {
	if t.err != nil {
		t.rollback()
		return t.err
	}
	return t.tx.Commit()
}

func (t *fileTx) rollback() { _ = t.tx.Rollback() }
