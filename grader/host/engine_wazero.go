//go:build !js

package host

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/raftlab/raftlab/grader/host/rewrite"
)

// wazeroEngine runs modules on wazero.
type wazeroEngine struct {
	rt    wazero.Runtime
	cache wazero.CompilationCache
	code  wazero.CompiledModule
	mem   memories

	mu    sync.Mutex
	fresh *fresh            // nil before the first instance
	free  []*wazeroInstance // those that have ended and can serve again
}

// fresh is what an instance is before any of its code has run. An instance is
// its memory and its globals: Go's code has no instruction that changes a table
// or drops a segment, and the rewriter lets none through. How much memory it has
// it knows from a global.
type fresh struct {
	memory  []byte   // what the memory begins with, whole pages; zeros follow
	globals []uint64 // by the order of wazeroInstance.globals
}

// pageSize is the piece of memory that is compared and put back; a WebAssembly
// memory is a multiple of it.
const pageSize = 4096

// newEngine makes an engine with the module whose code is asked for.
func newEngine(ctx context.Context, _ [32]byte, code func() ([]byte, error), opt *Options) (engine, error) {
	wasm, err := code()
	if err != nil {
		return nil, err
	}
	e := &wazeroEngine{}
	cfg := wazero.NewRuntimeConfig().WithMemoryLimitPages(opt.MemoryPages)
	if opt.CacheDir != "" {
		if e.cache, err = wazero.NewCompilationCacheWithDir(opt.CacheDir); err != nil {
			return nil, err
		}
		cfg = cfg.WithCompilationCache(e.cache)
	}
	e.rt = wazero.NewRuntimeWithConfig(ctx, cfg)
	if err := e.compile(experimental.WithCompilationWorkers(ctx, opt.Workers), wasm); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

func (e *wazeroEngine) compile(ctx context.Context, wasm []byte) error {
	var err error
	if e.code, err = e.rt.CompileModule(ctx, wasm); err != nil {
		return err
	}
	modules := map[string]wazero.HostModuleBuilder{}
	for _, f := range e.code.ImportedFunctions() {
		mod, name, _ := f.Import()
		b := modules[mod]
		if b == nil {
			b = e.rt.NewHostModuleBuilder(mod)
			modules[mod] = b
		}
		b.NewFunctionBuilder().
			WithGoModuleFunction(wazeroFunc(importFunc(mod, name), len(f.ResultTypes()) > 0), f.ParamTypes(), f.ResultTypes()).
			Export(name)
	}
	for mod, b := range modules {
		if _, err := b.Instantiate(ctx); err != nil {
			return fmt.Errorf("functions of %s: %w", mod, err)
		}
	}
	return nil
}

// processKey is where a call's context holds the process.
type processKey struct{}

func wazeroFunc(f hostFunc, result bool) api.GoModuleFunc {
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		mem := mod.Memory()
		m, _ := mem.Read(0, mem.Size())
		v := f(ctx.Value(processKey{}).(*process), m, stack)
		if result {
			stack[0] = v
		}
	}
}

func (e *wazeroEngine) close() error {
	err := e.rt.Close(context.Background())
	if e.cache != nil {
		e.cache.Close(context.Background())
	}
	return err
}

type wazeroInstance struct {
	ctx     context.Context
	mod     api.Module
	stepFn  api.Function
	fuelVar api.MutableGlobal
	exitVar api.Global
	args    [2]uint64

	home    *wazeroEngine
	globals []api.MutableGlobal
	broken  bool // a call did not return: wazero does not say what is left of it
}

func (e *wazeroEngine) instantiate(p *process) (instance, error) {
	ctx := context.WithValue(context.Background(), processKey{}, p)
	if in := e.again(); in != nil {
		in.ctx = ctx
		return in, nil
	}
	mod, err := e.rt.InstantiateModule(experimental.WithMemoryAllocator(ctx, &e.mem), e.code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	in := &wazeroInstance{ctx: ctx, mod: mod, home: e, stepFn: mod.ExportedFunction("raftlab_step")}
	in.fuelVar, _ = mod.ExportedGlobal(rewrite.FuelGlobal).(api.MutableGlobal)
	in.exitVar = mod.ExportedGlobal(rewrite.ExitGlobal)
	if in.stepFn == nil || len(in.stepFn.Definition().ParamTypes()) != 2 || mod.ExportedFunction("_initialize") == nil {
		mod.Close(ctx)
		return nil, fmt.Errorf("the module exports no raftlab_step or no _initialize: build it with -buildmode=c-shared and the kit")
	}
	for _, name := range []string{rewrite.FuelGlobal, rewrite.ExitGlobal} {
		in.globals = append(in.globals, mod.ExportedGlobal(name).(api.MutableGlobal))
	}
	for i := 0; ; i++ {
		g := mod.ExportedGlobal(rewrite.OwnGlobal + strconv.Itoa(i))
		if g == nil {
			break
		}
		if g, ok := g.(api.MutableGlobal); ok {
			in.globals = append(in.globals, g)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fresh == nil {
		e.fresh = in.look()
	}
	return in, nil
}

// look notes what an instance is that has run no code.
func (in *wazeroInstance) look() *fresh {
	mem, _ := in.mod.Memory().Read(0, in.mod.Memory().Size())
	used := (len(bytes.TrimRight(mem, "\x00")) + pageSize - 1) / pageSize * pageSize
	f := &fresh{memory: bytes.Clone(mem[:used])}
	for _, g := range in.globals {
		f.globals = append(f.globals, g.Get())
	}
	return f
}

// restore makes mem what a fresh instance's is. A life changes a tenth of it, and
// writing to memory takes longer than reading it.
func (f *fresh) restore(mem []byte) {
	var zeros [pageSize]byte
	for at := 0; at < len(mem); at += pageSize {
		want := zeros[:]
		if at < len(f.memory) {
			want = f.memory[at : at+pageSize]
		}
		if page := mem[at : at+pageSize]; !bytes.Equal(page, want) {
			copy(page, want)
		}
	}
}

// again gives an instance that has served a life and is fresh again. To make one
// from nothing takes three times as long, most of it for the table of functions.
func (e *wazeroEngine) again() *wazeroInstance {
	e.mu.Lock()
	n := len(e.free)
	if n == 0 {
		e.mu.Unlock()
		return nil
	}
	in := e.free[n-1]
	e.free = e.free[:n-1]
	e.mu.Unlock()
	mem, _ := in.mod.Memory().Read(0, in.mod.Memory().Size())
	e.fresh.restore(mem)
	for i, g := range in.globals {
		g.Set(e.fresh.globals[i])
	}
	return in
}

// close ends the instance's life. It may serve again unless its memory has become
// large, which is not worth keeping.
func (in *wazeroInstance) close() {
	if e := in.home; !in.broken && in.mod.Memory().Size() <= memoryReserve {
		e.mu.Lock()
		defer e.mu.Unlock()
		if len(e.free) < memoriesKept {
			in.ctx = nil
			e.free = append(e.free, in)
			return
		}
	}
	in.mod.Close(context.Background())
}

func (in *wazeroInstance) initialize() error {
	_, err := in.mod.ExportedFunction("_initialize").Call(in.ctx)
	in.broken = in.broken || err != nil
	return err
}

func (in *wazeroInstance) step(n int32, now int64) error {
	in.args = [2]uint64{uint64(uint32(n)), uint64(now)}
	err := in.stepFn.CallWithStack(in.ctx, in.args[:])
	in.broken = in.broken || err != nil
	return err
}

func (in *wazeroInstance) fuel() int64     { return int64(in.fuelVar.Get()) }
func (in *wazeroInstance) setFuel(n int64) { in.fuelVar.Set(uint64(n)) }
func (in *wazeroInstance) exitCode() int64 { return int64(in.exitVar.Get()) }
