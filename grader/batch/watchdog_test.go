package batch

import (
	"os"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// Where the kernel does not limit a grading's process, its own watch ends it, with
// words from which the batch makes the verdict.
func TestWatchdog(t *testing.T) {
	lim := DefaultLimits()
	for _, c := range []struct {
		name        string
		memory, cpu []int64 // what the meters say, one look after the other
		looks       int
		want        Verdict
	}{
		{"memory at last", []int64{0, lim.Memory, lim.Memory + 1}, nil, 3, OutOfSpace},
		{"time at last", nil, []int64{0, int64(lim.CPU) * 1e9, int64(lim.CPU)*1e9 + 1}, 3, TooSlow},
		{"both", []int64{0, 0}, []int64{0, 1 << 62}, 2, TooSlow},
	} {
		looks := 0
		meter := func(says []int64, counts bool) func() int64 {
			if says == nil {
				return nil
			}
			at := -1
			return func() int64 {
				if at++; counts {
					looks++
				}
				return says[at]
			}
		}
		said := ""
		watch(lim, 0, meter(c.memory, true), meter(c.cpu, c.memory == nil), func(word string) { said = word })
		verdict, reason := died(os.ErrProcessDone, false, nil, said, lim)
		if verdict != c.want || looks != c.looks || !strings.Contains(reason, "the limit") {
			t.Errorf("%s: after %d looks %q: %s, %s; expected %s after %d", c.name, looks, said, verdict, reason, c.want, c.looks)
		}
	}
	// The real meter sees what this process takes.
	debug.FreeOSMemory() // else it would take what the tests before have left
	before := held()
	b := make([]byte, 64<<20)
	for i := range b {
		b[i] = 1
	}
	ended := make(chan string, 1)
	watch(Limits{Memory: before + 32<<20}, time.Millisecond, held, nil, func(word string) { ended <- word })
	if word := <-ended; !strings.HasPrefix(word, saysNoMemory) || b[len(b)-1] != 1 {
		t.Errorf("it said %q", word)
	}
}
