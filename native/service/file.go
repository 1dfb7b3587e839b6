package service

import (
	"crypto/sha256"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/qwenvoy/qwenvoy/shared/config"
)

// file is the configuration file, watched for changes of its text.
type file struct {
	name string // "" for none
	last [sha256.Size]byte
}

// changed reports whether the file's text differs from when it was last asked.
// A file that is gone for a moment has not changed, nor has a pipe, which can be read but once.
func (f *file) changed() bool {
	if f.name == "" {
		return false
	}
	if info, err := os.Stat(f.name); err != nil || !info.Mode().IsRegular() {
		return false
	}
	open, err := os.Open(f.name)
	if err != nil {
		return false
	}
	defer open.Close()
	hash := sha256.New()
	// No more than what tells a configuration from what is too long for one.
	if _, err := io.CopyN(hash, open, config.MaxText+1); err != nil && err != io.EOF {
		return false
	}
	sum := [sha256.Size]byte(hash.Sum(nil))
	changed := sum != f.last
	f.last = sum
	return changed
}

// pipe tells whether the file is one, as a shell's <(command) gives it: to read it again would
// wait for ever.
func (f *file) pipe() bool {
	info, err := os.Stat(f.name)
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
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
		log.Warn("the configuration file is not watched; SIGHUP still reloads it", "error", err)
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
