package grader

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/build/release"
	"github.com/raftlab/raftlab/grader/host"
	"github.com/raftlab/raftlab/grader/host/rewrite"
	"github.com/raftlab/raftlab/grader/sim"
)

// moduleSubject builds the student's folder and makes the module ready to run.
func moduleSubject(ctx context.Context, o *Options, res *Result) (*subject, error) {
	stage := func(s string) {
		if o.Progress != nil {
			o.Progress(Progress{Stage: s})
		}
	}
	m := o.Module
	if m == nil {
		var err error
		if m, err = build.Build(ctx, build.Options{
			Dir: o.Dir, Files: o.Files, Profile: o.Profile, Service: o.service, OnCore: o.OnCore, SelfTest: release.Test, CacheDir: o.GoCache, CacheServer: o.CacheServer, Limits: o.BuildLimits,
			Progress: func(s build.Stage) { stage(string(s)) },
		}); err != nil {
			return nil, err
		}
	}
	res.Timing.Build = m.Timing.Library + m.Timing.Build
	res.Go, res.Module, res.Profile = m.Go, m.Hash, ""
	if m.Profile.Module != "" {
		res.Profile = m.Profile.String()
	}
	if m.Profile.OnCore {
		res.Raft, o.OnCore = CoreRaft, true // a module that is given says it itself
	}
	for _, f := range m.Skipped {
		res.LeftOut = append(res.LeftOut, f.Path+": "+f.Why)
	}
	stage("compile")
	begin := time.Now()
	cache := ""
	if o.CacheDir != "" {
		cache = filepath.Join(o.CacheDir, "modules")
	}
	h, err := host.Compile(ctx, m.Wasm, host.Options{CacheDir: cache, RunFuel: min(o.Work, host.RunFuel)})
	var memory *rewrite.MemoryError
	switch {
	case errors.As(err, &memory):
		return nil, &build.Error{Kind: build.Refused, Problems: []build.Problem{{
			Reason: fmt.Sprintf("the server's variables need %d KiB of memory; %d KiB are allowed", memory.Needs, memory.Allowed),
			Advice: "Leave out large arrays: allocate what is needed when it is needed.",
		}}}
	case err != nil:
		return nil, fmt.Errorf("%w: %v", ErrEngine, err)
	}
	res.Timing.Compile = time.Since(begin)
	return &subject{
		factory: func() sim.Factory { return h.Factory(ctx) },
		places:  sync.OnceValue(func() Places { return placesOf(m.Sources) }),
		metered: func() (sim.Factory, func() int64) { return h.Metered(ctx) },
		close:   func() { h.Close() },
		module:  m.Hash, goRelease: m.Go, wasm: m.Wasm, code: m.Sources,
		number: m.Profile.Number, year: m.Profile.Name, lacks: m.Profile.Lacks, sources: m.SourceMap, types: h.Types,
	}, nil
}
