package hunt

import (
	"context"
	"sync"
	"time"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
)

// Options say what is searched, and for how long.
type Options struct {
	// Factory makes the servers of one world; it is called once for each.
	Factory func() sim.Factory
	Seed    uint64
	// The search ends at the first broken property, after Worlds worlds, if not
	// 0, or when no further world may begin after Time, if not 0.
	Worlds  int
	Time    time.Duration
	Workers int // worlds side by side; at least 1
	// NoSnapshots keeps the service from taking any: there are servers that
	// cannot.
	NoSnapshots bool
	Service     string // what the servers are, as script.Lab.Service
	// Progress, if not nil, is called as worlds end, never concurrently.
	Progress func(worlds int)
}

// Found is a world in which a property broke.
type Found struct {
	World     *World
	Index     int // of the world in the search, from 0; -1: it comes from a test
	Violation *check.Violation
}

// Searched says how far a search went.
type Searched struct {
	Worlds  int      // that ran to their end
	Virtual sim.Time // in all of them
	Found   *Found   // nil: nothing broke
}

// SeedOf is the seed that the world of an index is generated from.
func SeedOf(seed uint64, index int) uint64 { return sim.NewRNG(seed, uint64(index)).Uint64() }

// Search runs one random world after the other until a property breaks. What a
// world does depends on its seed alone, so the time decides only how many run;
// and of several that break, the first by its index is returned.
func Search(ctx context.Context, o Options) (*Searched, error) {
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		next  int
		s     = &Searched{}
		fail  error
		begin = time.Now()
	)
	for range max(o.Workers, 1) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				mu.Lock()
				if s.Found != nil || fail != nil || ctx.Err() != nil || o.Worlds > 0 && next >= o.Worlds || o.Time > 0 && time.Since(begin) >= o.Time {
					mu.Unlock()
					return
				}
				i := next
				next++
				mu.Unlock()
				w := Generate(SeedOf(o.Seed, i), o.Service, !o.NoSnapshots)
				out := w.Run(ctx, o.Factory())
				mu.Lock()
				switch {
				case out.Err != nil:
					if fail == nil {
						fail = out.Err
					}
				case out.Violation != nil && (s.Found == nil || s.Found.Index > i):
					s.Found = &Found{World: w, Index: i, Violation: out.Violation}
				}
				s.Worlds++
				s.Virtual += out.Virtual
				if o.Progress != nil {
					o.Progress(s.Worlds)
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return s, err
	}
	return s, fail
}

// Run runs the world, by way of its script: the script is the same run.
func (w *World) Run(ctx context.Context, servers sim.Factory, watch ...sim.Watcher) *script.Outcome {
	lab, test, err := script.LoadWorld("world.star", []byte(w.Script("", "")))
	if err != nil {
		return &script.Outcome{Err: err}
	}
	return lab.Run(test, script.Run{Factory: servers, Watch: watch, Cancelled: func() bool { return ctx.Err() != nil }})
}
