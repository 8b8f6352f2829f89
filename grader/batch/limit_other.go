//go:build !unix

package batch

import (
	"os"
	"os/exec"
	"time"
)

const lacksMemory, lacksCPU = true, true

// confine has no means here: watchdog looks, beside GOMEMLIMIT and the time that
// the caller gives.
func confine(Limits) error { return nil }

// killTree leaves it to go, once killed, that its compilers end with it.
func killTree(*exec.Cmd) {}

func overCPU(*os.ProcessState, Limits) bool { return false }

func signalled(*os.ProcessState) bool { return false }

func costOf(state *os.ProcessState, wall time.Duration) Cost {
	c := Cost{Wall: wall.Seconds()}
	if state != nil {
		c.CPU = (state.UserTime() + state.SystemTime()).Seconds()
	}
	return c
}
