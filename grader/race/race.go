package race

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/sim"
)

// Result is what the race check came to.
type Result struct {
	Grader string `json:"grader"`
	Lab    string `json:"lab"`
	Runs   int    `json:"runs"`  // of tests
	Tests  int    `json:"tests"` // different ones
	// Races found, by place.
	Races []Race `json:"races"`
	// Failed are runs that failed; a race may be why, or not.
	Failed []grader.Run `json:"failed"`
}

// Race is two accesses to the same memory that nothing orders, of which at least
// one writes.
type Race struct {
	Accesses [2]Access `json:"accesses"`
	// Run is the first run, in the lab's order, in which it was seen: by Server,
	// at Time of the world. Runs counts all runs. Of a client, Server is -1.
	Run    grader.Run `json:"run"`
	Server int        `json:"server"`
	Client int        `json:"client"` // -1 if it was a server
	Time   sim.Time   `json:"time"`
	Runs   int        `json:"runs"`
	Report string     `json:"report"` // the detector's own words

	index int
}

// Run runs the tests that o asks for, each on one seed unless o.Seeds says
// otherwise, and collects the races. Its errors are those of [grader.Grade], and
// a *build.Error if the machine lacks what it takes.
func Run(ctx context.Context, o grader.Options) (*Result, error) {
	if o.Seeds == 0 {
		o.Seeds = 1
	}
	lab, err := grader.OpenLab(o.Lab)
	if err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "raftlab-race-")
	if err != nil {
		return nil, fmt.Errorf("%w: %v", grader.ErrEngine, err)
	}
	defer os.RemoveAll(tmp)
	if o.Progress != nil {
		o.Progress(grader.Progress{Stage: string(build.StageBuild)})
	}
	program, err := build.Race(ctx, build.Options{Dir: o.Dir, Files: o.Files, Profile: o.Profile, Service: lab.Service, OnCore: o.OnCore, CacheDir: o.GoCache})
	if err != nil {
		return nil, err
	}
	defer program.Close()

	c := collector{sources: program.SourceMap, kit: program.Kit, index: make(map[grader.Run]int)}
	o.Servers = func(r grader.Run) sim.Factory {
		return func(node, life int, seed uint64) sim.Server {
			return &server{
				node: node, life: life, seed: seed, path: program.Path,
				log:   filepath.Join(tmp, fmt.Sprintf("%s-%s-%d-%d-%d", r.Part, r.Test, r.Seed, node, life)),
				found: func(text string, at sim.Time, servers int) { c.add(r, node, servers, at, text) },
			}
		}
	}
	s, err := grader.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	head := s.Head()
	res := &Result{Grader: head.Grader, Lab: head.Lab, Races: []Race{}, Failed: []grader.Run{}}
	runs := s.Runs()
	for i, r := range runs {
		c.index[r] = i
	}
	failed := make([]bool, len(runs))
	var (
		mu         sync.Mutex
		wg         sync.WaitGroup
		next, done int
		fail       error
	)
	for range min(s.Workers(), len(runs)) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				if i == len(runs) || fail != nil || ctx.Err() != nil {
					mu.Unlock()
					return
				}
				next++
				mu.Unlock()
				out, err := s.Do(ctx, i)
				mu.Lock()
				if err != nil && fail == nil && !errors.Is(err, context.Canceled) {
					fail = err
				}
				failed[i] = err == nil && out.Run.Status == grader.Failed
				done++
				if o.Progress != nil {
					o.Progress(grader.Progress{Stage: "test", Done: done, Total: len(runs)})
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if err := cmp.Or(ctx.Err(), fail); err != nil {
		return nil, err
	}
	tests := make(map[[2]string]bool)
	for i, r := range runs {
		tests[[2]string{r.Part, r.Test}] = true
		if failed[i] {
			res.Failed = append(res.Failed, r)
		}
	}
	res.Runs, res.Tests, res.Races = len(runs), len(tests), append(res.Races, c.sorted()...)
	return res, nil
}

// collector gathers the races of all runs: the same two places are one race.
type collector struct {
	sources map[string]string // of names
	kit     string
	index   map[grader.Run]int

	mu    sync.Mutex
	races []*Race
	seen  []map[grader.Run]bool // beside races
}

func (c *collector) add(r grader.Run, node, servers int, at sim.Time, text string) {
	server, client := node, -1
	if node >= servers {
		server, client = -1, node-servers
	}
	n := names{client >= 0, c.sources, c.kit}
	found, reports := n.parse(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, a := range found {
		k := slices.IndexFunc(c.races, func(q *Race) bool {
			return slices.Equal(key(&q.Accesses[0]), key(&a[0])) && slices.Equal(key(&q.Accesses[1]), key(&a[1]))
		})
		if k < 0 {
			k = len(c.races)
			c.races = append(c.races, &Race{index: c.index[r] + 1<<30})
			c.seen = append(c.seen, make(map[grader.Run]bool))
		}
		q := c.races[k]
		if !c.seen[k][r] {
			c.seen[k][r] = true
			q.Runs++
		}
		if c.index[r] < q.index {
			*q = Race{Accesses: a, Run: r, Server: server, Client: client, Time: at, Runs: q.Runs, Report: reports[i], index: c.index[r]}
		}
	}
}

// sorted are the races by place.
func (c *collector) sorted() []Race {
	var out []Race
	for _, r := range c.races {
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b Race) int {
		return cmp.Or(slices.Compare(key(&a.Accesses[0]), key(&b.Accesses[0])), slices.Compare(key(&a.Accesses[1]), key(&b.Accesses[1])))
	})
	return out
}
