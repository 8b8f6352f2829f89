package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

var guests struct {
	sync.Mutex
	m map[string][]byte
}

// buildGuest compiles testdata/name as a student's server.
func buildGuest(t testing.TB, name string, flags ...string) []byte {
	guests.Lock()
	defer guests.Unlock()
	key := name + " " + strings.Join(flags, " ")
	if b := guests.m[key]; b != nil {
		return b
	}
	if dir := os.Getenv("RAFTLAB_GUESTS"); dir != "" && len(flags) == 0 { // see TestOnJavaScript
		b, err := os.ReadFile(filepath.Join(dir, name+".wasm"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	out := filepath.Join(t.TempDir(), "guest.wasm")
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-ldflags=-checklinkname=0", "-o", out}, flags...)
	c := exec.Command("go", append(args, "./testdata/"+name)...)
	c.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if msg, err := c.CombinedOutput(); err != nil {
		t.Fatalf("building testdata/%s: %v\n%s", name, err, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if guests.m == nil {
		guests.m = map[string][]byte{}
	}
	guests.m[key] = b
	return b
}

var cacheDir = filepath.Join(os.TempDir(), "raftlab-host-test-cache")

func compileGuest(t testing.TB, name string, opt Options) *Module {
	opt.CacheDir = cacheDir
	m, err := Compile(context.Background(), buildGuest(t, name), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// follower remembers how far each server has applied, and its faults.
type follower struct {
	applied map[int]uint64
	faults  []sim.Record
}

func (f *follower) Watch(r *sim.Record) {
	switch r.Kind {
	case sim.RecApply, sim.RecApplySnapshot:
		f.applied[r.Node] = r.Index
	case sim.RecFault:
		f.faults = append(f.faults, *r)
	}
}

func TestRaftElectsAndCommits(t *testing.T) {
	m := compileGuest(t, "raft", Options{})
	for level := 0; level <= 2; level++ {
		t.Run(fmt.Sprintf("preempt %d", level), func(t *testing.T) {
			seen := &follower{applied: map[int]uint64{}}
			w := sim.New(sim.Config{Servers: 3, New: m.Factory(context.Background()), Seed: 1, Preempt: level, SnapshotEvery: 4}, seen)
			defer w.Close()
			w.BootAll()
			w.RunUntil(2 * sim.Second)
			lead := -1
			for i := range 3 {
				if w.Status(i).Role == sim.Leader {
					lead = i
				}
			}
			if lead < 0 {
				t.Fatalf("no leader after 2 s; faults: %+v", seen.faults)
			}
			for k := range 10 {
				w.Request(lead, "start", 0, wire.AppendCommand(nil, 100+k), func(e *sim.Effect) {
					if !e.Flag || e.Index != uint64(k+1) {
						t.Errorf("start %d: want index %d, got %+v", k, k+1, e)
					}
				})
				w.RunUntil(w.Now() + 100*sim.Millisecond)
			}
			w.RunUntil(w.Now() + sim.Second)
			want := wire.NewDigest()
			for k := range 8 {
				want.Apply(wire.AppendCommand(nil, 100+k))
			}
			for i := range 3 {
				if got := seen.applied[i]; got != 10 {
					t.Errorf("server %d applied up to %d, want 10", i, got)
				}
				if d, err := wire.ParseDigest(w.Disk(i).Snapshot); err != nil || d != want {
					t.Errorf("server %d: snapshot %+v, %v; want %+v", i, d, err, want)
				}
			}
		})
	}
}
