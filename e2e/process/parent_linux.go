package process

import (
	"os/exec"
	"syscall"
)

// dieWithParent lets the kernel end the program when the tests are killed.
//
// The signal is tied to the thread that starts the program; Go's test threads live as
// long as the process unless a locked one ends, which none here does.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
