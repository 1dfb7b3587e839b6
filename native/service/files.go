package service

import (
	"crypto/sha256"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/qwenvoy/qwenvoy/native/certificate"
	"github.com/qwenvoy/qwenvoy/shared/config"
)

// files are the configuration file and those that it names, watched for changes of their texts.
type files struct {
	config string     // "" for none
	tls    config.TLS // of the configuration in force
	last   map[string][sha256.Size]byte
	// watcher is nil where none can be had, or is not yet.
	watcher *fsnotify.Watcher
}

// all are the names of those that there are.
func (f *files) all() (names []string) {
	for _, name := range [...]string{f.config, f.tls.Cert, f.tls.Key, f.tls.ClientCA} {
		if name != "" {
			names = append(names, name)
		}
	}
	return names
}

// changed reports whether the text of a file differs from when it was last asked.
// A file that is gone for a moment has not changed, nor has a pipe, which can be read but once.
func (f *files) changed() (changed bool) {
	if f.last == nil {
		f.last = map[string][sha256.Size]byte{}
	}
	for _, name := range f.all() {
		if sum, ok := sumOf(name); ok && sum != f.last[name] {
			f.last[name], changed = sum, true
		}
	}
	return changed
}

func sumOf(name string) (sum [sha256.Size]byte, ok bool) {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return sum, false
	}
	open, err := os.Open(name)
	if err != nil {
		return sum, false
	}
	defer open.Close()
	hash := sha256.New()
	// No more than what tells such a file from what is too long for one.
	if _, err := io.CopyN(hash, open, max(config.MaxText, certificate.MaxFile)+1); err != nil && err != io.EOF {
		return sum, false
	}
	return [sha256.Size]byte(hash.Sum(nil)), true
}

// pipe tells whether the configuration file is one, as a shell's <(command) gives it: to read it
// again would wait for ever.
func (f *files) pipe() bool {
	info, err := os.Stat(f.config)
	return err == nil && info.Mode()&os.ModeNamedPipe != 0
}

// debounce lets an editor finish its several writes to a file.
const debounce = 200 * time.Millisecond

// watch reports changes in the files' directories: editors, Kubernetes and what renews
// certificates replace files and links rather than write to them, which a watch on the file
// would miss.
func (f *files) watch(log *slog.Logger) (changes <-chan struct{}, stop func()) {
	if len(f.all()) == 0 {
		return nil, func() {}
	}
	w, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("the configuration file is not watched; SIGHUP still reloads it", "error", err)
		return nil, func() {}
	}
	f.watcher = w
	f.look(log)
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

// look watches the directories of all files, those that are watched already too.
func (f *files) look(log *slog.Logger) {
	if f.watcher == nil {
		return
	}
	for _, name := range f.all() {
		if err := f.watcher.Add(filepath.Dir(name)); err != nil {
			log.Warn("a file is not watched; SIGHUP still reloads it", "file", name, "error", err)
		}
	}
}

// follow goes by the files that a configuration in force names.
func (f *files) follow(c *config.Config, log *slog.Logger) {
	if f.tls == c.TLS {
		return
	}
	f.tls = c.TLS
	f.look(log)
}
