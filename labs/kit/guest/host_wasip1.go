//go:build wasip1 && go1.24
// +build wasip1,go1.24

package guest

import (
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"unsafe"

	"github.com/raftlab/raftlab/labs/kit/sched"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// maxStack bounds a goroutine's stack in bytes. It lies below what a browser's
// worker can bear, so that runaway recursion ends alike on every host.
const maxStack = 256 << 10

//go:wasmimport raftlab emit
//go:noescape
func hostEmit(p unsafe.Pointer, n uint32)

//go:wasmimport raftlab event
//go:noescape
func hostEvent(p unsafe.Pointer, n uint32)

//go:wasmimport raftlab stop
//go:noescape
func hostStop(reason int32, p unsafe.Pointer, n uint32)

// done ends the step: see the package's comment.
var done = open(3)

func init() { debug.SetMaxStack(maxStack) }

// firstStack is how large a goroutine's stack is at first, in bytes. The
// runtime's own 2 KiB are too few for whoever encodes a message, and servers
// start a goroutine for each call: each of its stacks would be copied while the
// encoder's frames are on it, and could not serve again.
const firstStack = 8 << 10

//go:linkname startingStackSize runtime.startingStackSize
var startingStackSize uint32

func init() { startingStackSize = firstStack }

// ready is the file. Nothing is ever read from it: it is only waited for.
type ready struct {
	conn   syscall.RawConn
	waited bool
}

func open(fd uintptr) *ready {
	c, err := os.NewFile(fd, "ready").SyscallConn()
	if err != nil {
		panic(err)
	}
	return &ready{conn: c}
}

// wait parks this goroutine until the host says that the file is ready.
func (r *ready) wait() {
	r.waited = false
	if err := r.conn.Read(r.isReady); err != nil {
		panic(err)
	}
}

// isReady is asked before and after the wait.
func (r *ready) isReady(uintptr) bool {
	w := r.waited
	r.waited = true
	return w
}

// step delivers an event of n bytes (none: a tick) at virtual time now, and
// returns when every goroutine waits.
//
//go:wasmexport raftlab_step
func step(n int32, now int64) {
	sched.BeginStep(now)
	switch {
	case n > 0:
		b := make([]byte, n)
		hostEvent(unsafe.Pointer(&b[0]), uint32(n))
		self.event(b)
	case n < 0: // never: it keeps the linker from dropping what the host's code calls
		raftlabSpin()
		raftlabExit()
	}
	done.wait()
	if !watching {
		return // the observer, too, is blocked since an earlier step
	}
	turn <- struct{}{}
	// Whoever yields comes after all that can run: the observer, and whom it woke.
	runtime.Gosched()
	if !watching {
		done.wait()
	}
}

var (
	turn     = make(chan struct{}) // the observer's
	watching bool                  // it waits for its turn
)

func waitIdle() {
	watching = true
	<-turn
	watching = false
}

// A module has one thread, so there is nothing to hide and to lock.
func hide() {}
func show() {}

// alone says that goroutines and channels may serve again: no race detector
// takes the one who used them before for the cause of what comes after.
const alone = true

func emit(b []byte) { hostEmit(unsafe.Pointer(&b[0]), uint32(len(b))) }

func stopped(reason int32, b []byte) { hostStop(reason, unsafe.Pointer(&b[0]), uint32(len(b))) }

// lastWords is allocated beforehand: a server out of fuel shall not allocate.
var lastWords [1 << 14]byte

// raftlabSpin and raftlabExit are called by code that the host's rewriter adds:
// at loops when the fuel is spent, and at the start of os.Exit.
func raftlabSpin() {
	n := runtime.Stack(lastWords[:], false)
	hostStop(wire.StopSpin, unsafe.Pointer(&lastWords[0]), uint32(n))
}

func raftlabExit() {
	n := runtime.Stack(lastWords[:], false)
	hostStop(wire.StopExit, unsafe.Pointer(&lastWords[0]), uint32(n))
}
