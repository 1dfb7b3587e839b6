package service

import (
	"bytes"
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// file is the configuration file, watched for changes of its text.
type file struct {
	name string // "" for none
	last [sha256.Size]byte
}

// changed reports whether the file's text differs from when it was last asked.
// A file that is gone for a moment has not changed.
func (f *file) changed() bool {
	if f.name == "" {
		return false
	}
	text, err := os.ReadFile(f.name)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(text)
	changed := !bytes.Equal(sum[:], f.last[:])
	f.last = sum
	return changed
}

// debounce lets an editor finish its several writes to a file.
const debounce = 200 * time.Millisecond

// watch reports changes in the file's directory: editors and Kubernetes replace
// files and links rather than write to them, which a watch on the file would miss.
func (f *file) watch(log *slog.Logger) (changes <-chan struct{}, stop func()) {
	if f.name == "" {
		return nil, func() {}
	}
	w, err := fsnotify.NewWatcher()
	if err == nil {
		err = w.Add(filepath.Dir(f.name))
	}
	if err != nil {
		log.Warn("the configuration file is not watched; SIGHUP still reloads it", "error", err.Error())
		return nil, func() {}
	}
	ch := make(chan struct{}, 1)
	quiet := time.AfterFunc(time.Hour, func() {
		select {
		case ch <- struct{}{}:
		default:
		}
	})
	quiet.Stop()
	go func() {
		for {
			select {
			case _, ok := <-w.Events:
				if !ok {
					return
				}
				quiet.Reset(debounce)
			case _, ok := <-w.Errors:
				if !ok {
					return
				}
				quiet.Reset(debounce) // events may have been lost
			}
		}
	}()
	return ch, func() {
		quiet.Stop()
		_ = w.Close()
	}
}
