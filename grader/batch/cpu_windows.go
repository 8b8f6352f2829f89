package batch

import "syscall"

// cpuUsed is what this process has used of the processor, in ns.
func cpuUsed() int64 {
	var created, exited, kernel, user syscall.Filetime
	self, err := syscall.GetCurrentProcess()
	if err != nil || syscall.GetProcessTimes(self, &created, &exited, &kernel, &user) != nil {
		return 0 // the wall time is a limit too
	}
	span := func(f syscall.Filetime) int64 { return (int64(f.HighDateTime)<<32 | int64(f.LowDateTime)) * 100 }
	return span(kernel) + span(user)
}
