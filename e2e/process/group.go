package process

import (
	"os/exec"
	"time"
)

// Group puts a program that is yet to be started, made by exec.CommandContext, into a process
// group of its own, which is killed when its context is over. end kills what is left of the
// group once the program itself has ended and was waited for.
func Group(cmd *exec.Cmd) (end func()) {
	dieWithParent(cmd)
	ownGroup(cmd)
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	// Whoever left the group may hold the output open.
	cmd.WaitDelay = 5 * time.Second
	return func() {
		if cmd.Process != nil {
			_ = killGroup(cmd.Process)
		}
	}
}
