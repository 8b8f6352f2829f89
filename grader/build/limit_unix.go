//go:build unix

package build

import (
	"fmt"
	"os/exec"
	"runtime"
	"syscall"
)

// limited puts limits on memory and on the size of files around a command,
// where the system's shell can.
func limited(lim Limits, cmd string, args []string) (string, []string) {
	if runtime.GOOS != "linux" { // macOS knows no limit on address space
		return cmd, args
	}
	// ulimit counts memory in KiB, and files in blocks of 512 or 1024 bytes.
	script := fmt.Sprintf("ulimit -v %d; ulimit -f %d; ulimit -c 0; exec \"$0\" \"$@\"", lim.Memory>>10, 8*lim.ModuleSize>>9)
	return "/bin/sh", append([]string{"-c", script, cmd}, args...)
}

// killTree makes the end of c's context end all processes that c has started.
func killTree(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
