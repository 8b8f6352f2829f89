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
	const shell = "/bin/sh"
	if runtime.GOOS != "linux" || !isExecutable(shell) { // macOS knows no limit on address space
		return cmd, args
	}
	// ulimit counts memory in KiB, and files in blocks of 512 or 1024 bytes. A
	// limit that is below ours already cannot be raised: it stays.
	script := "for l in '-v %d' '-f %d' '-c 0'; do (ulimit $l) 2>/dev/null && ulimit $l; done; exec \"$0\" \"$@\""
	script = fmt.Sprintf(script, lim.Memory>>10, 8*lim.ModuleSize>>9)
	return shell, append([]string{"-c", script, cmd}, args...)
}

// killTree makes the end of c's context end all processes that c has started.
func killTree(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
