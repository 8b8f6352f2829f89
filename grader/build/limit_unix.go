//go:build unix

package build

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// limitedCommand is the shell's part of limited. The command is the shell's
// child, not its successor, so that there is somebody to wait for the watcher
// too: it reads from the pipe that tie makes, whose other end only this process
// holds, and ends the whole process group when that end is closed. Thus no
// compiler outlives a grading that was killed, however that was done.
const limitedCommand = `for l in %s; do (ulimit $l) 2>/dev/null && ulimit $l; done
"$0" "$@" 3<&- & command=$!
{ read -r end <&3; kill -KILL 0; } </dev/null >/dev/null 2>&1 & watcher=$!
wait $command; code=$?
kill $watcher; wait $watcher 2>/dev/null
exit $code`

// limited puts limits on memory, processor time and the size of files around a
// command, where the system's shell can.
func limited(lim Limits, cmd string, args []string) (string, []string) {
	const shell = "/bin/sh"
	if !isExecutable(shell) {
		return cmd, args
	}
	// ulimit counts memory in KiB, and files in blocks of 512 or 1024 bytes. A
	// limit that is below ours already cannot be raised: it stays.
	limits := fmt.Sprintf("'-c 0' '-t %d'", int64(lim.CPU/time.Second))
	// On memory that can be written, not on address space: of that the Go runtime
	// reserves 750 MB at its start, which it never uses. macOS has neither limit.
	if runtime.GOOS == "linux" {
		limits += fmt.Sprintf(" '-d %d' '-f %d'", lim.Memory>>10, 8*lim.ModuleSize>>9)
	}
	return shell, append([]string{"-c", fmt.Sprintf(limitedCommand, limits), cmd}, args...)
}

// tie makes the end of c's context, and the end of this process whatever its
// cause, end all processes that c has started. It is called before c starts;
// release when c has ended.
func tie(c *exec.Cmd) (release func(), err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	c.ExtraFiles = []*os.File{r} // descriptor 3
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	return func() { w.Close(); r.Close() }, nil
}
