//go:build !unix

package process

import (
	"os"
	"os/exec"
)

// Without process groups the program itself is all that can be ended.
func ownGroup(*exec.Cmd) {}

func killGroup(p *os.Process) error { return p.Kill() }
