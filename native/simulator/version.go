package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
)

// versions are the releases of vLLM that can be simulated, the usual one first; of each the version that it
// tells, its fingerprint, and what it says when its engine fails.
var versions = []release{
	{"0.32", "0.32.0", "vllm-0.32.0-bc32ddd4", "EngineCore encountered an issue. See stack trace (above) for the root cause."},
	{"0.33", "0.33.0", "vllm-0.33.0-9a92f04d", "The server had an error while processing your request."},
}

// release is one of them. Since 0.33 replies have two keys more, a cut call is said to be cut in a
// whole reply too, and the rest of a turn that the client began is content.
type release struct{ name, version, fingerprint, engineGone string }

// release is the one that the options name; ok is false where there is none of that name.
func (o *Options) release() (r release, ok bool) {
	i := slices.IndexFunc(versions, func(r release) bool { return r.name == o.VLLM })
	if o.VLLM == "" {
		i = 0
	}
	if i < 0 {
		return versions[0], false
	}
	return versions[i], true
}

func (o *Options) checkRelease() error {
	if _, ok := o.release(); ok {
		return nil
	}
	var names []string
	for _, r := range versions {
		names = append(names, r.name)
	}
	return fmt.Errorf("no vLLM %q can be simulated; there are %v", o.VLLM, names)
}

// since33 tells whether it is 0.33 or newer.
func (r release) since33() bool { return r.name != versions[0].name }

// newKey is null since 0.33, and nothing before: the value of keys that came with it.
func (r release) newKey() json.RawMessage {
	if r.since33() {
		return null
	}
	return nil
}
