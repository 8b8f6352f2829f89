package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/raftlab/raftlab/grader/host/rewrite"
	"github.com/raftlab/raftlab/grader/sim"
)

// Options bound what a server may use. Zero fields mean the defaults.
type Options struct {
	// CacheDir is where compiled modules are kept; "" keeps none.
	CacheDir string
	// Workers is how many goroutines compile; default 2.
	Workers int
	// MemoryPages bounds a server's memory, in pages of 64 KiB; default 1024.
	MemoryPages uint32
	// StepFuel bounds the work of one step, and of starting the program, in
	// loops run; default 25 million, some third of a second.
	StepFuel int64
	// LifeFuel bounds the work from boot to end; default 10,000 million.
	LifeFuel int64
	// RunFuel bounds the work of all servers of one world, in all their lives;
	// default RunFuel.
	RunFuel int64
}

// RunFuel is what all servers of one world may burn together, unless Options
// say otherwise: a correct server uses some 10 million.
const RunFuel = 1_000_000_000

// What a server may print.
const (
	PrintKept = 256 << 10 // bytes shown; what comes after is counted
	PrintMax  = 64 << 20  // bytes after which it faults
)

// Module is a compiled server. Many worlds may use it at once.
type Module struct {
	opt   Options
	eng   engine
	hash  string
	types func() (json.RawMessage, error)
}

// Compile makes a module ready to run. wasm is as the go command wrote it. An
// error means that wasm is not a program of Go linked with the kit, or that it
// is too large for the memory it may have.
func Compile(ctx context.Context, wasm []byte, opt Options) (*Module, error) {
	def := func(v *int64, d int64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&opt.StepFuel, rewrite.StartFuel)
	def(&opt.LifeFuel, 10_000_000_000)
	def(&opt.RunFuel, RunFuel)
	if opt.MemoryPages == 0 {
		opt.MemoryPages = 1024
	}
	if opt.Workers == 0 {
		opt.Workers = 2
	}
	sum := sha256.Sum256(wasm)
	eng, err := newEngine(ctx, sum, func() ([]byte, error) { return rewrite.Rewrite(wasm, opt.MemoryPages) }, &opt)
	if err != nil {
		return nil, fmt.Errorf("host: compiling the module: %w", err)
	}
	m := &Module{opt: opt, eng: eng, hash: hex.EncodeToString(sum[:])}
	m.types = sync.OnceValues(m.askTypes)
	return m, nil
}

// Hash is the SHA-256 of the module as it was given, in hex.
func (m *Module) Hash() string { return m.hash }

// Close frees the module. Its servers must have been closed before.
func (m *Module) Close() error { return m.eng.close() }

// Types describes the server's remote methods and their types as JSON:
//
//	{"methods": {"Raft.X": [type of arguments, type of reply]}, "types": ...}
//
// where types is labgob's description. It runs a server aside to ask it.
func (m *Module) Types() (json.RawMessage, error) { return m.types() }

func (m *Module) askTypes() (json.RawMessage, error) {
	s := newServer(context.Background(), m, 0, new(m.opt.RunFuel))
	defer s.Close()
	boot := sim.Event{Kind: sim.Boot, Boot: &sim.BootInfo{Servers: 3}}
	fx, at := s.Step(0, &boot, nil)
	fx, at = s.deliver(1, wireTypes, fx)
	// Make may take some time to return.
	for i := 0; i < 1000 && s.p.types == nil && at != sim.Never && at < sim.Second; i++ {
		fx, at = s.Step(at, &sim.Event{Kind: sim.Tick}, fx)
	}
	for _, e := range fx {
		if e.Kind == sim.Fault {
			return nil, fmt.Errorf("host: the server ended before it told its types: %s: %s", e.Text, e.Data)
		}
	}
	if !json.Valid(s.p.types) {
		return nil, errors.New("host: the server did not tell its types: Make has not returned within a second")
	}
	return json.RawMessage(s.p.types), nil
}

// Factory returns a maker of servers. When ctx is done, each of them faults
// with sim.FaultEngine at its next step: nothing was found out about it.
func (m *Module) Factory(ctx context.Context) sim.Factory {
	factory, _ := m.Metered(ctx)
	return factory
}

// Metered is Factory for the servers of one world, with a function that says how
// much fuel they have burnt together. It is for use between the world's steps.
func (m *Module) Metered(ctx context.Context) (factory sim.Factory, burnt func() int64) {
	left := m.opt.RunFuel
	factory = func(node, life int, seed uint64) sim.Server {
		return newServer(ctx, m, seed, &left)
	}
	return factory, func() int64 { return m.opt.RunFuel - left }
}

// engine is a WebAssembly runtime with one module in it.
type engine interface {
	// instantiate makes an instance whose host functions act on p. No code of
	// the module has run in it yet.
	instantiate(p *process) (instance, error)
	close() error
}

// instance is one running module.
type instance interface {
	// initialize and step run code. An error means that it ended otherwise
	// than by returning: by a trap, or because a host function stopped it.
	initialize() error
	step(n int32, now int64) error
	fuel() int64
	setFuel(int64)
	exitCode() int64
	close()
}
