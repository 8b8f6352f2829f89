package batch

import (
	"fmt"
	"os"
	"runtime/metrics"
	"time"
)

// Unlimited says what of a grading's process the kernel of this system does not
// limit: there the process watches itself, and its compilers have no such limit.
func Unlimited() (memory, cpu bool) { return lacksMemory, lacksCPU }

const watchEvery = 250 * time.Millisecond

// Words with which a process says what its own watch ended it for; died reads them.
const (
	saysNoMemory = "fatal error: out of memory"
	saysNoTime   = "fatal error: out of processor time"
)

// watchdog ends this process when it has more than it may, where the kernel does
// not: between two looks it may get more, and what runs in other processes is
// not seen. It is for limits that a correct grading is far from.
func watchdog(lim Limits) {
	var memory, cpu func() int64
	if lacksMemory {
		memory = held
	}
	if lacksCPU {
		cpu = cpuUsed
	}
	if memory == nil && cpu == nil {
		return
	}
	go watch(lim, watchEvery, memory, cpu, func(word string) {
		os.Stderr.WriteString(word + "\n")
		os.Exit(2)
	})
}

// watch looks at what the meters say, in bytes and in ns, until one says more
// than lim. A meter that is nil is not looked at.
func watch(lim Limits, every time.Duration, memory, cpu func() int64, end func(word string)) {
	for ; ; time.Sleep(every) {
		if memory != nil {
			if n := memory(); n > lim.Memory {
				end(fmt.Sprintf("%s: %d bytes", saysNoMemory, n))
				return
			}
		}
		if cpu != nil {
			if n := cpu(); n > int64(lim.CPU)*int64(time.Second) {
				end(fmt.Sprintf("%s: %d ns", saysNoTime, n))
				return
			}
		}
	}
}

// held is the memory in bytes that this process has of the system. Servers'
// memories are Go's too.
func held() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}
