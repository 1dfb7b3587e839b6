package config

import (
	"fmt"
	"strings"
)

// An Error names the faulty key of a configuration, its value and what is allowed.
type Error struct {
	Path string // such as "profiles[0].top_p"; "" is the whole
	Text string
	// Where the value was given, if the edge knows: a file and line, a flag, a variable.
	Where string

	hidden string // the path, where Path leaves out what may be a secret
}

// At is the path by which an edge finds out where the value was given. It may hold a secret.
func (e *Error) At() string {
	if e.hidden != "" {
		return e.hidden
	}
	return e.Path
}

func (e *Error) Error() string {
	text := e.Text
	for _, before := range [...]string{e.Path, e.Where} {
		if before != "" {
			text = before + ": " + text
		}
	}
	return text
}

// Errors are all faults of a configuration, in the order in which they were found, so that
// they can be mended in one go.
type Errors []*Error

// mostShown bounds a report: a file that is no configuration at all has a fault in each line.
const mostShown = 20

// Lines are the faults as they are shown, one a line.
func (e Errors) Lines() []string {
	var lines []string
	for i, fault := range e {
		if i == mostShown {
			return append(lines, fmt.Sprintf("and %d more", len(e)-i))
		}
		lines = append(lines, fault.Error())
	}
	return lines
}

func (e Errors) Error() string { return strings.Join(e.Lines(), "\n") }

// Add adds a fault.
func (e *Errors) Add(path, format string, args ...any) { *e = append(*e, Fault(path, format, args...)) }

// Fault is an error in the value at a path. Whatever the key, a text among args that may hold a
// secret is not shown: an address with a password stands under the wrong key, too.
func Fault(path, format string, args ...any) *Error {
	for i, arg := range args {
		if text, ok := arg.(string); ok && mayHoldSecret(text) {
			args[i] = withheld{}
		}
	}
	return &Error{Path: path, Text: fmt.Sprintf(format, args...)}
}

// mayHoldSecret tells whether a value looks like an address with a user or a query.
func mayHoldSecret(text string) bool {
	user, _, at := strings.Cut(text, "@")
	return at && strings.ContainsAny(user, ":/") || strings.ContainsRune(text, '?')
}

// withheld stands in an error's text for a value, in quotes or not.
type withheld struct{}

// Format writes the same for each verb.
func (withheld) Format(to fmt.State, _ rune) {
	_, _ = to.Write([]byte("the value (not shown, as it may hold a key)"))
}

// Err is nil where there is no fault.
func (e Errors) Err() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// Join makes one error of what several looks at a configuration have found, nil if that is
// nothing. What a look finds wrong with a value that an earlier one has refused is left out:
// it saw the default in its place.
func Join(looks ...error) error {
	var all Errors
	for _, look := range looks {
		refused := all
		for _, fault := range faults(look) {
			if !refused.cover(fault.Path) {
				all = append(all, fault)
			}
		}
	}
	return all.Err()
}

// faults are those in an error; one of another kind is a fault of the whole.
func faults(err error) Errors {
	switch e := err.(type) {
	case nil:
		return nil
	case Errors:
		return e
	case *Error:
		return Errors{e}
	}
	return Errors{{Text: err.Error()}}
}

// cover tells whether a fault concerns the value at a path, or one that holds it.
func (e Errors) cover(path string) bool {
	for _, fault := range e {
		rest, ok := strings.CutPrefix(path, fault.Path)
		if ok && (fault.Path == "" || rest == "" || rest[0] == '.' || rest[0] == '[') {
			return true
		}
	}
	return false
}
