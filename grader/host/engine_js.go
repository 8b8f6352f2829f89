//go:build js

package host

import (
	"context"
	"encoding/binary"
	"errors"
	"unsafe"

	"github.com/raftlab/raftlab/grader/sim"
)

// The functions of engine_js.mjs. It answers a program's calls of its system
// itself, since a call from JavaScript back into Go costs more than the answer;
// what the program said meanwhile comes back as a log, and is taken in here by
// the code that every engine shares.

//go:wasmimport raftlab_engine compile
//go:noescape
func engineCompile(code unsafe.Pointer, n uint32, hash unsafe.Pointer) int32

//go:wasmimport raftlab_engine find
//go:noescape
func engineFind(hash unsafe.Pointer) int32

//go:wasmimport raftlab_engine free
func engineFree(module int32)

//go:wasmimport raftlab_engine instantiate
//go:noescape
func engineInstantiate(module int32, random, offset int64) int32

//go:wasmimport raftlab_engine why
//go:noescape
func engineWhy(to unsafe.Pointer, max uint32) uint32

//go:wasmimport raftlab_engine initialize
//go:noescape
func engineInitialize(inst int32, now, fuel int64, out unsafe.Pointer)

//go:wasmimport raftlab_engine step
//go:noescape
func engineStep(inst int32, now, fuel int64, event unsafe.Pointer, n uint32, out unsafe.Pointer)

//go:wasmimport raftlab_engine take
//go:noescape
func engineTake(inst int32, to unsafe.Pointer)

//go:wasmimport raftlab_engine close
func engineClose(inst int32)

// jsOutcome is what engine_js.mjs writes after a run of a program's code; the
// offsets stand there too.
type jsOutcome struct {
	fuel, deadline, exit int64
	status               int32
	log                  uint32 // bytes to take
}

const (
	jsReturned = iota
	jsTrapped  // the log ends with the reason
	jsStopped  // by a host function; the log ends with its reason
	jsTooDeep
)

// Entries of the log: kind, length as uint32, bytes.
const (
	logEmit = 1 + iota
	logStdout
	logStderr
	logStop // reason as int32, text
	logTrap
	logFile // the name of a file that was made
	logFilesFull
)

// jsEngine runs modules on the WebAssembly of the page or of node.
type jsEngine struct{ module int32 }

func newEngine(_ context.Context, hash [32]byte, code func() ([]byte, error), _ *Options) (engine, error) {
	if m := engineFind(unsafe.Pointer(&hash)); m >= 0 {
		return &jsEngine{m}, nil
	}
	b, err := code()
	if err != nil {
		return nil, err
	}
	m := engineCompile(unsafe.Pointer(&b[0]), uint32(len(b)), unsafe.Pointer(&hash))
	if m < 0 {
		return nil, jsError()
	}
	return &jsEngine{m}, nil
}

func jsError() error {
	var b [1024]byte
	return errors.New(string(b[:engineWhy(unsafe.Pointer(&b), uint32(len(b)))]))
}

func (e *jsEngine) close() error {
	engineFree(e.module)
	return nil
}

type jsInstance struct {
	p    *process
	id   int32
	now  int64 // the last step's
	left int64
	out  jsOutcome
	log  []byte
}

func (e *jsEngine) instantiate(p *process) (instance, error) {
	id := engineInstantiate(e.module, int64(p.random), p.offset)
	if id < 0 {
		return nil, jsError()
	}
	return &jsInstance{p: p, id: id}, nil
}

func (in *jsInstance) initialize() error {
	engineInitialize(in.id, in.p.local, in.left, unsafe.Pointer(&in.out))
	return in.ended()
}

func (in *jsInstance) step(n int32, now int64) error {
	var event unsafe.Pointer
	if len(in.p.event) > 0 {
		event = unsafe.Pointer(&in.p.event[0])
	}
	engineStep(in.id, now, in.left, event, uint32(n), unsafe.Pointer(&in.out))
	return in.ended()
}

var errTooDeep = errors.New("stack overflow")

// ended takes in what the program did.
func (in *jsInstance) ended() error {
	in.left = in.out.fuel
	in.p.deadline = sim.Time(in.out.deadline)
	if n := int(in.out.log); n > cap(in.log) {
		in.log = make([]byte, n, 2*n)
	}
	in.log = in.log[:in.out.log]
	if len(in.log) > 0 {
		engineTake(in.id, unsafe.Pointer(&in.log[0]))
	}
	err := in.replay()
	switch {
	case err != nil:
		return err
	case in.out.status == jsTooDeep:
		return errTooDeep
	case in.out.status != jsReturned:
		return errStopped
	}
	return nil
}

// replay gives the log's entries to the process, which may find that one of
// them should have stopped the program: what came later has then not happened.
func (in *jsInstance) replay() (err error) {
	defer func() {
		if r := recover(); r != nil {
			if r != errStopped {
				panic(r)
			}
			err = errStopped
		}
	}()
	for b := in.log; len(b) > 0; {
		kind, n := b[0], binary.LittleEndian.Uint32(b[1:])
		body := b[5 : 5+n]
		b = b[5+n:]
		switch kind {
		case logEmit:
			in.p.emit(body)
		case logStdout, logStderr:
			in.p.print(kind == logStderr, body)
		case logStop:
			in.p.stop(int32(binary.LittleEndian.Uint32(body)), append([]byte(nil), body[4:]...))
		case logFile:
			in.p.tellFile(body)
		case logFilesFull:
			in.p.tellFull()
		case logTrap:
			return errors.New(string(body))
		}
	}
	return nil
}

func (in *jsInstance) fuel() int64     { return in.left }
func (in *jsInstance) setFuel(n int64) { in.left = n }
func (in *jsInstance) exitCode() int64 { return in.out.exit }
func (in *jsInstance) close() {
	engineClose(in.id)
	in.log = nil
}
