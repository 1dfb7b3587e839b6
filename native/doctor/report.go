package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/qwenvoy/qwenvoy/native/probe"
	"github.com/qwenvoy/qwenvoy/shared/redact"
)

// Exit codes of the command.
const (
	ExitGood        = 0
	ExitFault       = 1 // a FAIL, or with --strict a warn
	ExitUsage       = 2 // a wrong command line, or a configuration that can't be read
	ExitUnreachable = 3 // the server can't be reached, and what it would have said is skipped
)

// statuses are all of them, the worst first, as the last line counts them.
var statuses = []probe.Status{probe.Fail, probe.Warn, probe.Info, probe.OK, probe.Skip}

// A Report is what all checks found.
type Report struct {
	Rows []probe.Finding
	// Code is the exit code that the rows mean.
	Code int

	secrets []string
}

// add adds a row.
func (r *Report) add(status probe.Status, check, found, fix string) {
	r.put(probe.Finding{Check: check, Status: status, Found: found, Fix: fix})
}

// put adds a finding, what was found in one line, without secrets and without what a terminal
// would obey.
func (r *Report) put(f probe.Finding) {
	f.Found = strings.Join(strings.Fields(f.Found), " ")
	for _, s := range r.secrets {
		if s != "" {
			f.Found, f.Fix = strings.ReplaceAll(f.Found, s, redact.Hidden), strings.ReplaceAll(f.Fix, s, redact.Hidden)
		}
	}
	f.Found, f.Fix = redact.Bounded(f.Found), redact.Bounded(f.Fix)
	r.Rows = append(r.Rows, f)
}

// conclude sets the code, unless it was set by what ended the checks early.
func (r *Report) conclude(strict bool) {
	if r.Code != ExitGood {
		return
	}
	counts := r.counts()
	if counts[probe.Fail] > 0 || strict && counts[probe.Warn] > 0 {
		r.Code = ExitFault
	}
}

func (r *Report) counts() map[probe.Status]int {
	counts := map[probe.Status]int{}
	for _, row := range r.Rows {
		counts[row.Status]++
	}
	return counts
}

// JSON writes the report as one object.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Rows   []probe.Finding      `json:"rows"`
		Counts map[probe.Status]int `json:"counts"`
		Exit   int                  `json:"exit"`
	}{r.Rows, r.counts(), r.Code})
}

// Bounds of the table's columns: a text that is longer pushes those behind it away.
const (
	statusWidth   = 4
	maxFoundWidth = 48
)

// Table writes a line for each check, and a sentence with counts. The further lines of a cure
// are to be copied, so they stand below it.
func (r *Report) Table(w io.Writer, colour bool) error {
	check, found := 0, 0
	for _, row := range r.Rows {
		check = max(check, utf8.RuneCountInString(row.Check))
		found = max(found, min(maxFoundWidth, utf8.RuneCountInString(row.Found)))
	}
	var b strings.Builder
	for _, row := range r.Rows {
		fix, below, _ := strings.Cut(row.Fix, "\n")
		line := paint(colour, row.Status, statusWidth) + "  " + padded(row.Check, check) + "  "
		if fix == "" {
			line += row.Found
		} else {
			line += padded(row.Found, found) + "  " + fix
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		for more := range strings.Lines(below) {
			b.WriteString("        " + strings.TrimRight(more, "\n") + "\n")
		}
	}
	b.WriteString(r.sentence() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

// colours are those of the terminal's own palette.
var colours = map[probe.Status]string{probe.OK: "32", probe.Info: "36", probe.Warn: "33", probe.Fail: "1;31", probe.Skip: "2"}

func paint(colour bool, s probe.Status, width int) string {
	text := padded(word(s), width)
	if !colour {
		return text
	}
	return "\x1b[" + colours[s] + "m" + text + "\x1b[0m"
}

// word is a status in the table, where the worst is to be seen.
func word(s probe.Status) string {
	if s == probe.Fail {
		return "FAIL"
	}
	return string(s)
}

// sentence says how many checks went how.
func (r *Report) sentence() string {
	counts := r.counts()
	var parts []string
	for _, s := range statuses {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], word(s)))
		}
	}
	verdict := "Nothing is wrong"
	switch {
	case r.Code == ExitUnreachable:
		verdict = "The server can't be reached"
	case r.Code == ExitUsage:
		verdict = "The configuration can't be used"
	case counts[probe.Fail] > 0:
		verdict = "Something is wrong"
	case counts[probe.Warn] > 0:
		verdict = "Something could be better"
	}
	return fmt.Sprintf("%s: %d checks, %s.", verdict, len(r.Rows), strings.Join(parts, ", "))
}
