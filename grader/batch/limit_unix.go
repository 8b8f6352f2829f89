//go:build unix

package batch

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// confine puts limits on this process and those that it will start.
func confine(lim Limits) error {
	set := func(resource int, n uint64) error {
		var r unix.Rlimit
		if err := unix.Getrlimit(resource, &r); err != nil {
			return err
		}
		r.Cur, r.Max = min(n, r.Max), min(n, r.Max)
		return unix.Setrlimit(resource, &r)
	}
	if err := set(unix.RLIMIT_CORE, 0); err != nil {
		return err
	}
	if err := set(unix.RLIMIT_CPU, uint64(lim.CPU)); err != nil {
		return err
	}
	if err := set(unix.RLIMIT_FSIZE, 1<<30); err != nil {
		return err
	}
	if runtime.GOOS != "linux" {
		return nil // elsewhere the limit counts what is reserved too, or nothing
	}
	// Data, not address space: Go and wazero reserve more than they use.
	return set(unix.RLIMIT_DATA, uint64(lim.Memory))
}

// killTree makes the end of c's context end all processes that c has started.
func killTree(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(c.SysProcAttr)
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}

func overCPU(state *os.ProcessState, lim Limits) bool {
	if state == nil {
		return false
	}
	ws, ok := state.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled() && (ws.Signal() == syscall.SIGXCPU ||
		ws.Signal() == syscall.SIGKILL && state.UserTime()+state.SystemTime() >= time.Duration(lim.CPU)*time.Second)
}

func signalled(state *os.ProcessState) bool {
	if state == nil {
		return false
	}
	ws, ok := state.Sys().(syscall.WaitStatus)
	return ok && ws.Signaled()
}

func costOf(state *os.ProcessState, wall time.Duration) Cost {
	c := Cost{Wall: wall.Seconds()}
	if state == nil {
		return c
	}
	c.CPU = (state.UserTime() + state.SystemTime()).Seconds()
	if u, ok := state.SysUsage().(*syscall.Rusage); ok {
		c.Memory = int64(u.Maxrss)
		if runtime.GOOS != "darwin" { // which counts bytes
			c.Memory <<= 10
		}
	}
	return c
}
