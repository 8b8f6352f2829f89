//go:build raftlabrace && !wasip1
// +build raftlabrace,!wasip1

package guest

import (
	"encoding/binary"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	_ "unsafe" // for linkname

	"github.com/raftlab/raftlab/labs/kit/sched"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// A program for the race detector is one server too, in a process of its own.
// All of it runs in one bubble of testing/synctest, whose clock moves only when
// the driver sleeps, and the driver sleeps for as long as the host says.
//
// The driver waits for the server's goroutines after every event and hands them
// the next one. The race detector would take that for synchronisation: all that
// one event did would come before all that the next does, and no race between
// two events could be seen. So the driver's waiting, the kit's locks and its
// messages are hidden from it. For the same reason no goroutine and no channel
// serves twice. This package is compiled without the detector's instruments.

// alone: see host_wasip1.go.
const alone = false

// deadline is the time of the next timer of this bubble, in ns since 1970; 0: there
// is none. The host's overlay adds it to package runtime.
//
//go:linkname deadline runtime.raftlabDeadline
func deadline() int64

var hidden sync.Mutex

// hide begins a part of the kit in which goroutines exclude each other without
// the race detector's knowing; show ends it.
func hide() {
	runtime.RaceDisable()
	hidden.Lock()
}

func show() {
	hidden.Unlock()
	runtime.RaceEnable()
}

var (
	effects []byte        // of this step, each after its length
	turn    chan struct{} // made inside the bubble
)

func waitIdle() { <-turn }

func emit(b []byte) {
	hide()
	effects = binary.LittleEndian.AppendUint32(effects, uint32(len(b)))
	effects = append(effects, b...)
	show()
}

// Lengths that are none: what ends a step.
const (
	stepDone = 1<<32 - 1 // then the deadline
	stepStop = 1<<32 - 2 // then the reason, the length and the text
)

func stopped(reason int32, b []byte) {
	hide()
	effects = binary.LittleEndian.AppendUint32(effects, stepStop)
	effects = binary.LittleEndian.AppendUint32(effects, uint32(reason))
	effects = binary.LittleEndian.AppendUint32(effects, uint32(len(b)))
	tell(append(effects, b...))
	syscall.Exit(0)
}

func tell(b []byte) {
	for len(b) > 0 {
		n, err := syscall.Write(3, b)
		if err != nil {
			syscall.Exit(0) // the host is gone
		}
		b = b[n:]
	}
}

func hear(b []byte) {
	for len(b) > 0 {
		n, err := syscall.Read(0, b)
		if err != nil || n == 0 {
			syscall.Exit(0)
		}
		b = b[n:]
	}
}

// Main runs the server until the host closes its standard input.
func Main() {
	os.Args = os.Args[:1]
	testing.Init()
	testing.Main(func(pat, str string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "server", F: func(t *testing.T) { synctest.Test(t, drive) }}}, nil, nil)
}

// drive takes events from standard input: the length of the frame, the world's
// time and the frame. It answers with the effects and the next deadline.
func drive(*testing.T) {
	turn = make(chan struct{})
	sched.Spins = func() { stop(wire.StopSpin, "lock operations without end", false) }
	var begin int64 // the bubble's time less the world's
	var head [12]byte
	for first := true; ; first = false {
		runtime.RaceDisable()
		hear(head[:])
		frame := make([]byte, binary.LittleEndian.Uint32(head[:]))
		hear(frame)
		now := int64(binary.LittleEndian.Uint64(head[4:]))
		if first {
			begin = time.Now().UnixNano() - now
		}
		if d := now + begin - time.Now().UnixNano(); d > 0 {
			time.Sleep(time.Duration(d))
		}
		synctest.Wait()
		runtime.RaceEnable()

		sched.BeginStep(now)
		if len(frame) > 0 {
			self.event(frame)
		}

		runtime.RaceDisable()
		synctest.Wait()
		select {
		case turn <- struct{}{}: // the observer's
			synctest.Wait()
		default:
		}
		at := deadline()
		if at != 0 {
			at -= begin
		}
		effects = binary.LittleEndian.AppendUint32(effects, stepDone)
		effects = binary.LittleEndian.AppendUint64(effects, uint64(at))
		tell(effects)
		effects = effects[:0]
		runtime.RaceEnable()
	}
}
