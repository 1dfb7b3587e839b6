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
func (e *Errors) Add(path, format string, args ...any) {
	*e = append(*e, &Error{Path: path, Text: fmt.Sprintf(format, args...)})
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
