package vllm

import "fmt"

// An explanation accepts differences between the real server and the simulator: lines
// of the failing test, in each of the questions named. A line that differs no more is a
// failure too, so that the list stays true.
type explanation struct {
	because   string
	questions []string
	lines     []string
}

var explained = []explanation{}

// explanations gathers the lines by question.
func explanations() (map[string][]string, error) {
	all := map[string][]string{}
	for _, e := range explained {
		if e.because == "" || len(e.lines) == 0 || len(e.questions) == 0 {
			return nil, fmt.Errorf("an explanation needs a reason, lines and questions: %+v", e)
		}
		for _, q := range e.questions {
			all[q] = append(all[q], e.lines...)
		}
	}
	return all, nil
}
