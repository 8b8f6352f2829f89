package natstest

import (
	"os/exec"
	"syscall"
)

// tie ends the server with the test, however that ends.
func tie(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
