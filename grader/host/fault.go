package host

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/raftlab/raftlab/grader/host/rewrite"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// diagnose tells why a program ended: a sim.Fault constant, what happened and
// where, and the exit code if there is one. err is what the engine returned.
func (p *process) diagnose(err error, fuel, exitCode int64) (kind, text string, code int64) {
	switch p.ending.reason {
	case wire.StopSpin:
		return sim.FaultSpin, TrimStack(string(p.ending.text)), 0
	case wire.StopExit:
		return sim.FaultExit, fmt.Sprintf("exit status %d\n\n%s", exitCode, TrimStack(string(p.ending.text))), exitCode
	case wire.StopProtocol:
		return sim.FaultProtocol, TrimStack(string(p.ending.text)), 0
	case wire.StopDeadlock:
		return sim.FaultDeadlock, TrimStack(string(p.ending.text)), 0
	case stopOutput:
		return sim.FaultOutput, fmt.Sprintf("It printed more than %d MiB.", PrintMax>>20), 0
	case stopKit:
		return sim.FaultProtocol, "The kit was tampered with: " + string(p.ending.text), 0
	}
	if len(p.death) > 0 {
		return p.autopsy()
	}
	if p.ending.reason == stopProcExit { // os.Exit tells the kit first, and Go's runtime says what it died of
		return sim.FaultProtocol, "The program's memory was tampered with: it left Go's runtime without a word.", 0
	}
	if fuel < -rewrite.Overdraft || err == nil {
		return sim.FaultSpin, "It ran out of fuel inside Go's runtime.", 0
	}
	if strings.Contains(err.Error(), "stack overflow") {
		return sim.FaultStack, "stack overflow", 0 // engines say more, but not the same
	}
	// Traps of WebAssembly, which Go's code meets only when its memory was changed
	// past the language; wazero and browsers name them each in their own way.
	if strings.Contains(err.Error(), "wasm error: ") || strings.Contains(err.Error(), "RuntimeError: ") {
		return sim.FaultProtocol, "The program's memory was tampered with: it called what is no function, or used memory that is not there.", 0
	}
	return sim.FaultEngine, err.Error(), 0
}

// autopsy reads what Go's runtime printed when the program died.
func (p *process) autopsy() (kind, text string, code int64) {
	first, _, _ := bytes.Cut(p.death, []byte("\n"))
	kind = sim.FaultPanic
	if what, ok := strings.CutPrefix(string(first), "fatal error: "); ok {
		switch {
		case strings.Contains(what, "out of memory"), strings.Contains(what, "cannot allocate"):
			kind = sim.FaultMemory
		case strings.HasPrefix(what, "stack overflow"):
			kind = sim.FaultStack
		case strings.HasPrefix(what, "all goroutines are asleep"):
			kind = sim.FaultDeadlock
		}
	}
	text = TrimStack(string(p.death))
	if kind != sim.FaultDeadlock {
		// The goroutine that died comes first; the others tell nothing.
		if i := strings.Index(text, "\n\ngoroutine "); i >= 0 {
			if j := strings.Index(text[i+2:], "\n\n"); j >= 0 {
				text = text[:i+2+j]
			}
		}
	}
	return kind, text, 0
}

// hidden are the beginnings of names of functions that say nothing to students:
// Go's own, below what they call.
var hidden = []string{"runtime.", "runtime/", "internal/", "sync.", "reflect.", "syscall.", "os.", "log.", "panic(", "_rt0_", "raftlab_step("}

// kitFiles are parts of names of the kit's files that say nothing either.
var kitFiles = []string{"/raftlabkit/", "/labs/kit/guest/", "/labs/kit/sched/", "/labs/kit/sync/"}

func hide(function, file string) bool {
	for _, h := range hidden {
		if strings.HasPrefix(function, h) {
			return true
		}
	}
	for _, k := range kitFiles {
		if strings.Contains(file, k) {
			return true
		}
	}
	return false
}

// TrimStack leaves out of Go's stack traces the frames of Go's runtime and of
// the kit, and goroutines that have no other frames. If none has any, it returns
// the text as it is.
func TrimStack(text string) string {
	var out, block []string
	frames, total := 0, 0
	inTrace := false
	flush := func() {
		if frames > 0 {
			out = append(out, block...)
			out = append(out, "")
		}
		total += frames
		block, frames = nil, 0
	}
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		switch {
		case strings.HasPrefix(l, "goroutine ") && strings.HasSuffix(l, ":"), l == "runtime stack:":
			flush()
			inTrace = true
			// Fatal errors tell addresses too: "goroutine 1 gp=0x1 m=nil [IO wait]:".
			if head, rest, ok := strings.Cut(l, " gp="); ok {
				l = head + rest[max(0, strings.Index(rest, " [")):]
			}
			block = append(block, l)
		case !inTrace:
			out = append(out, l)
		case l == "" || strings.HasPrefix(l, "\t"):
		case i+1 < len(lines) && strings.HasPrefix(lines[i+1], "\t"):
			f := strings.TrimPrefix(l, "created by ")
			file := lines[i+1]
			if hide(f, file) {
				continue
			}
			if f == l {
				frames++
			}
			if j := strings.LastIndex(file, " +0x"); j > 0 {
				file = file[:j]
			}
			block = append(block, l, file)
		case strings.HasPrefix(l, "..."):
			block = append(block, l)
		}
	}
	flush()
	if total == 0 {
		return strings.TrimSpace(text)
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}

// Dump makes the answer to a "dump" request readable: the locks that are held,
// and the stacks of the goroutines that run the student's code.
func Dump(data []byte) string {
	locks, stacks, _ := strings.Cut(string(data), "\n\n")
	if locks == "" {
		return TrimStack(stacks)
	}
	return locks + "\n\n" + TrimStack(stacks)
}
