//go:build !js

package host

import (
	"context"
	"fmt"

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
}

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
}

func (e *wazeroEngine) instantiate(p *process) (instance, error) {
	ctx := context.WithValue(context.Background(), processKey{}, p)
	mod, err := e.rt.InstantiateModule(experimental.WithMemoryAllocator(ctx, &e.mem), e.code, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err != nil {
		return nil, err
	}
	in := &wazeroInstance{ctx: ctx, mod: mod, stepFn: mod.ExportedFunction("raftlab_step")}
	in.fuelVar, _ = mod.ExportedGlobal(rewrite.FuelGlobal).(api.MutableGlobal)
	in.exitVar = mod.ExportedGlobal(rewrite.ExitGlobal)
	if in.stepFn == nil || len(in.stepFn.Definition().ParamTypes()) != 2 || mod.ExportedFunction("_initialize") == nil {
		in.close()
		return nil, fmt.Errorf("the module exports no raftlab_step or no _initialize: build it with -buildmode=c-shared and the kit")
	}
	return in, nil
}

func (in *wazeroInstance) initialize() error {
	_, err := in.mod.ExportedFunction("_initialize").Call(in.ctx)
	return err
}

func (in *wazeroInstance) step(n int32, now int64) error {
	in.args = [2]uint64{uint64(uint32(n)), uint64(now)}
	return in.stepFn.CallWithStack(in.ctx, in.args[:])
}

func (in *wazeroInstance) fuel() int64     { return int64(in.fuelVar.Get()) }
func (in *wazeroInstance) setFuel(n int64) { in.fuelVar.Set(uint64(n)) }
func (in *wazeroInstance) exitCode() int64 { return int64(in.exitVar.Get()) }
func (in *wazeroInstance) close()          { in.mod.Close(in.ctx) }
