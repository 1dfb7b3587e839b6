//go:build !linux

package process

import "os/exec"

// dieWithParent can't be had here: a killed test leaves its programs running.
func dieWithParent(*exec.Cmd) {}
