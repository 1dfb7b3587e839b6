package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAFileIsOpenedAgain(t *testing.T) {
	o := Options{Folder: filepath.Join(t.TempDir(), "not", "yet")}
	s := open(t, o)
	put(t, s, "t", finished("a", ""), finished("b", "a"))
	must(t, s.CreateConversation(ctx, "t", &Conversation{ID: "c"}, list("1")))
	must(t, s.Start(ctx, "t", running("job", true), lease("o")))
	must(t, s.Append(ctx, "t", "job", "o", 0, [][]byte{[]byte("0")}))
	must(t, s.LockConversation(ctx, "t", "c", lease("o")))
	must(t, s.Close())

	s = open(t, o)
	turns, err := s.Chain(ctx, "t", "b", unlimited)
	must(t, err)
	equal(t, turns, []Entry{finished("a", "").Entry, finished("b", "a").Entry})
	put(t, s, "t", finished("d", "b"))
	_, err = s.Chain(ctx, "t", "d", unlimited)
	must(t, err)
	// Nobody but the process that is gone could have worked on these.
	jobs, err := s.Lapsed(ctx, lease("p"), 5)
	must(t, err)
	equal(t, jobs, []Job{{"t", Head{ID: "job", Status: Queued, Background: true, Logged: true}, 1}})
	must(t, s.LockConversation(ctx, "t", "c", lease("p")))
	must(t, s.AppendItems(ctx, "t", "c", list("2")))
	items, _, err := s.ConversationContext(ctx, "t", "c", unlimited)
	must(t, err)
	equal(t, items, list("1", "2"))
}

func TestOneProcessPerFile(t *testing.T) {
	o := Options{Folder: t.TempDir()}
	s := open(t, o)
	_, err := Open(o)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(o.Folder, FileName)) || !strings.Contains(err.Error(), "Redis") {
		t.Fatalf("it says %v", err)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = s.Close() })
	s, err = Open(o) // waits a moment for one that is about to end
	must(t, err)
	must(t, s.Close())
}

func TestAFileThatIsNoStore(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, FileName)
	must(t, os.WriteFile(path, []byte(strings.Repeat("something else\n", 1000)), 0o600))
	if _, err := Open(Options{Folder: folder}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("it says %v", err)
	}
	if _, err := Open(Options{Folder: path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("it says %v", err)
	}
}

func TestTheFileIsItsOwnersOnly(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	open(t, Options{Folder: folder})
	for path, mode := range map[string]os.FileMode{folder: 0o700, filepath.Join(folder, FileName): 0o600} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
}

func TestARecordOfANewerVersionIsNotGuessedAt(t *testing.T) {
	e := open(t, Options{}).(*embedded)
	put(t, e, "t", finished("a", ""))
	must(t, e.db.write(ctx, func(x tx) error {
		seq, err := lookup(x, responseID, "t", "a")
		if err != nil {
			return err
		}
		record := append([]byte{recordVersion + 1}, x.get(turns, seq)[1:]...)
		x.put(turns, seq, record)
		return nil
	}))
	_, _, err := e.Get(ctx, "t", "a")
	want(t, err, ErrUnavailable)
	_, err = e.Chain(ctx, "t", "a", unlimited)
	want(t, err, ErrUnavailable)
}

// Cut anywhere, a record is refused, not read wrongly.
func TestACutRecordIsRefused(t *testing.T) {
	r := response{Entry: finished("a", "b").Entry, tenant: "t", created: 1_700_000_000_000}
	record, err := r.append()
	must(t, err)
	whole, err := readResponse(record)
	must(t, err)
	equal(t, whole.Entry, r.Entry)
	for n := range record {
		if _, err := readResponse(record[:n]); err == nil {
			t.Errorf("read of %d bytes out of %d", n, len(record))
		}
	}
}
