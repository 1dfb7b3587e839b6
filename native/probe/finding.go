package probe

// Status is a check's verdict.
type Status string

// The verdicts, from good to bad. Skip: the check was not made, Found says why.
const (
	OK   Status = "ok"
	Info Status = "info" // worth knowing, nothing to do
	Warn Status = "warn" // works, but worse than it could
	Fail Status = "fail" // requests will fail
	Skip Status = "skip"
)

// The checks, as a Finding names them.
const (
	reach     = "reach"
	key       = "key"
	version   = "version"
	model     = "model"
	window    = "window"
	reasoning = "reasoning parser"
	tools     = "tool parser"
)

// A Finding is what a check found. All its texts are one line each, bounded, and free of keys.
type Finding struct {
	// Check names the check: "reach", "key", "version", "model", "window", "reasoning parser",
	// "tool parser".
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Found is what was seen, Fix what to do about it; "" where there is nothing to do.
	Found string `json:"found"`
	Fix   string `json:"fix,omitempty"`
}

// Bad reports whether somebody should act.
func (f Finding) Bad() bool { return f.Status == Warn || f.Status == Fail }
