//go:build unix && !linux

package batch

import "syscall"

// dieWithParent has no means here: an orphan ends when it writes its reply.
func dieWithParent(*syscall.SysProcAttr) {}

// RLIMIT_DATA means something else or nothing here.
const lacksMemory, lacksCPU = true, false
