package script

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"

	"go.starlark.net/starlark"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/history"
	"github.com/raftlab/raftlab/grader/sim"
)

// Run says with what a test is to be run.
type Run struct {
	Seed    uint64
	Factory sim.Factory
	// Watch are told of every record, before the checks.
	Watch []sim.Watcher
	// Cancelled, if not nil, is asked now and then whether to give up.
	Cancelled func() bool
	// Turn, if not nil, lets the run take another course from some time on.
	Turn *Turn
	// Log, if not nil, takes down what the test does.
	Log Logger
}

// Logger takes down what a test does to the cluster, and what it waits for, as
// lines of Starlark that a world file could hold.
type Logger interface {
	// Line is told one. What turns out later to matter is told later, with the
	// earlier time.
	Line(at sim.Time, line string)
	// Begin and End stand around a call of the cluster's method: of the lines
	// between them, those after the first are what the call does by itself.
	// Calls of threads that the test spawns come among each other.
	Begin(at sim.Time, method string)
	End(at sim.Time)
}

// Turn gives the network, the timers and the test's own choices another seed from
// time At on.
type Turn struct {
	At   sim.Time
	Seed uint64
}

// Budget is a limit that a test measured.
type Budget struct {
	Name  string
	Used  float64
	Limit float64
	Unit  string
}

// Outcome is how a run ended. Violation nil and Err nil mean that it passed.
type Outcome struct {
	Violation *check.Violation
	// Err is a mistake in the lab (*Error) or of the grader; not the student's.
	Err error
	// Line is where the test was: "election.star:12"; Source is its text.
	Line, Source string
	Virtual      sim.Time
	Steps        uint64
	RPCs         uint64
	Bytes        uint64
	Applied      uint64
	Budgets      []Budget
	// Undecided are keys of a service of whose history the search for an order
	// could not say whether there is one: it would have taken too many steps.
	Undecided []string
	// Dumps are the stacks of the servers' goroutines, taken when the run
	// ended by something that did not happen in time.
	Dumps map[int]string
}

// ErrCancelled is the Outcome's Err of a run that was given up.
var ErrCancelled = errors.New("cancelled")

// errEnded makes a thread of a test stop; the reason stands elsewhere.
var errEnded = errors.New("the run has ended")

// thread is one thread of a test. Threads are coroutines: exactly one runs at a
// time, and it hands back control only when it waits.
type thread struct {
	name  string
	star  *starlark.Thread
	ready func() bool // what it waits for; nil: may go on
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	done  bool
	value starlark.Value
	err   error
}

type runner struct {
	lab     *Lab
	test    *Test
	world   *sim.World
	checker *check.Checker
	rng     *sim.RNG
	threads []*thread
	cur     *thread
	out     *Outcome
	line    string
	nextCmd int64
	alone   map[int]bool // servers that isolate has cut off
	lastGot int          // the server that last accepted a command
	log     Logger
	// readings are what the test has measured, in order, if there is a log.
	readings []reading
	history  *history.History
	nextOp   uint64        // the last operation of a client
	lines    map[int]*line // of clients that were given operations without a wait
	holds    map[holder]bool
	api      string // what the clerks of the course's service are, once asked
}

// PreemptOf says how eagerly a test's servers are preempted with a seed: seeds
// 1, 2, 3 give levels 1, 2, 0, and so on.
func (t *Test) PreemptOf(seed uint64) int {
	if t.Preempt >= 0 {
		return t.Preempt
	}
	return int(seed % 3)
}

// stretch is how many hashes lie between a run's seed and its world's. It makes
// trying seeds as many times dearer: all of 53 bits, the numbers that every
// reader of JSON takes in whole, cost 2^64 hashes. A run is made longer by less
// than a millisecond.
const stretch = 1 << 11

// WorldSeed is the seed of the world in the test's run with a seed: a test's
// runs differ also from other tests' runs with the same seed. Who knows what
// happened in a run, or even the seed of its world, is no nearer to the seed of
// the run, nor to other runs. A world file names the world's own seed.
func (t *Test) WorldSeed(seed uint64) uint64 {
	if t.World != nil {
		return t.World.Seed
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "raftlab_world_1/%d/%s/%s", seed, t.Part.Name, t.Name))
	for range stretch {
		sum = sha256.Sum256(sum[:])
	}
	return binary.BigEndian.Uint64(sum[:])
}

// Run runs the test once.
func (l *Lab) Run(t *Test, o Run) *Outcome {
	seed := t.WorldSeed(o.Seed)
	r := &runner{lab: l, test: t, rng: sim.NewRNG(seed, 3), out: &Outcome{}, alone: map[int]bool{}, lines: map[int]*line{}, holds: map[holder]bool{}, nextCmd: 1000, log: o.Log, history: history.New()}
	r.checker = check.New(t.Servers, check.Settings{}, func(v *check.Violation) {
		r.world.Emit(sim.Record{Kind: sim.RecViolation, Node: v.Server, Peer: v.Peer, Name: string(v.Property), Data: []byte(v.Message)})
	})
	cfg := sim.Config{
		Servers: t.Servers, Clients: t.Clients, New: o.Factory, Seed: seed, Link: t.Link,
		SnapshotEvery: t.SnapshotEvery, Preempt: t.PreemptOf(o.Seed),
	}
	if l.Service == "kvraft" {
		// The course's tests of the service do without the long time-outs of those of
		// Raft, and its clerks rely on that.
		cfg.CutNotice = [2]sim.Time{sim.Millisecond, 100 * sim.Millisecond}
	}
	r.world = sim.New(cfg, o.Watch...)
	r.world.AddWatcher(r.checker)
	defer r.world.Close()
	if t := o.Turn; t != nil {
		r.world.At(t.At, func() {
			r.world.Reseed(t.Seed)
			r.rng = sim.NewRNG(t.Seed, 3)
		})
	}
	r.world.BootAll()
	main := r.spawn(t.Name, t.fn, starlark.Tuple{&cluster{r}}, nil)
	r.loop(main, o.Cancelled)
	for _, th := range r.threads {
		th.stop()
	}
	r.finish()
	return r.out
}

// loop lets threads and world take turns until the test has ended.
func (r *runner) loop(main *thread, cancelled func() bool) {
	for n := 0; ; n++ {
		if r.checker.Violation() != nil || r.out.Err != nil || main.done {
			return
		}
		if cancelled != nil && n%1024 == 0 && cancelled() {
			r.out.Err = ErrCancelled
			return
		}
		if th := r.pick(); th != nil {
			r.resume(th)
			continue
		}
		if !r.world.Step() {
			r.out.Err = &Error{r.line, "the test waits for something that can never happen: no server has anything left to do"}
			return
		}
		if r.world.Now() > r.test.Within {
			r.out.Err = &Error{r.line, fmt.Sprintf("the test took more than %d s of virtual time; give it a larger 'within', or let it wait for less", r.test.Within/sim.Second)}
			return
		}
	}
}

// pick returns a thread that can go on, chosen by the seed among several.
func (r *runner) pick() *thread {
	var can []*thread
	for _, th := range r.threads {
		if !th.done && (th.ready == nil || th.ready()) {
			can = append(can, th)
		}
	}
	switch len(can) {
	case 0:
		return nil
	case 1:
		return can[0]
	}
	return can[r.rng.N(int64(len(can)))]
}

func (r *runner) resume(th *thread) {
	th.ready = nil
	r.cur = th
	th.next()
	r.cur = nil
	if th.done && th.err != nil && r.out.Err == nil && r.checker.Violation() == nil {
		r.out.Err = labError(r.test.Pos, th.err)
	}
}

func (r *runner) spawn(name string, fn starlark.Callable, args starlark.Tuple, kw []starlark.Tuple) *thread {
	th := &thread{name: name}
	th.star = &starlark.Thread{Name: name, Print: func(_ *starlark.Thread, msg string) {
		r.world.Emit(sim.Record{Kind: sim.RecNote, Node: -1, Peer: -1, Name: "test", Data: []byte(msg)})
	}}
	th.star.SetMaxExecutionSteps(maxSteps)
	th.star.SetLocal("thread", th)
	th.next, th.stop = iter.Pull(func(yield func(struct{}) bool) {
		th.yield = yield
		th.value, th.err = starlark.Call(th.star, fn, args, kw)
		th.done = true
	})
	r.threads = append(r.threads, th)
	return th
}

// wait parks the running thread until cond holds, at the latest until the
// given time. It returns whether cond holds; an error ends the thread.
func (r *runner) wait(until sim.Time, cond func() bool) (bool, error) {
	th := r.cur
	if cond() {
		return true, nil
	}
	if until < sim.Never {
		r.world.At(until, func() {})
	}
	th.ready = func() bool { return r.world.Now() >= until || cond() }
	if !th.yield(struct{}{}) {
		return false, errEnded
	}
	return cond(), nil
}

// at notes the line of the test that the thread is on, for reports and player.
func (r *runner) at(st *starlark.Thread) {
	for i := 1; i < st.CallStackDepth(); i++ {
		p := st.CallFrame(i).Pos
		if p.Line > 0 && strings.HasSuffix(p.Filename(), ".star") {
			line := fmt.Sprintf("%s:%d", p.Filename(), p.Line)
			if line != r.line {
				r.line = line
				r.world.Emit(sim.Record{Kind: sim.RecLine, Node: -1, Peer: -1, Name: line, Data: []byte(r.lab.Source(line))})
			}
			return
		}
	}
}

// stuckAfter is how long a goroutine must wait for a lock to count as stuck:
// longer than any seeded pause and any healthy remote call.
const stuckAfter = 500 * sim.Millisecond

// violate ends the run with a violation that a test found, not a check. For
// something that did not happen in time the servers' stacks are looked at: a
// deadlock is the better name for it.
func (r *runner) violate(v *check.Violation) error {
	v.Time = r.world.Now()
	if check.KindOf(v.Property) == check.Liveness && r.checker.Violation() == nil {
		// What still waits for a lock after a while is stuck; what does not was
		// only on its way.
		before := r.dump()
		r.world.RunUntil(r.world.Now() + stuckAfter)
		r.out.Dumps = r.dump()
		v = r.deadlock(v, before)
	}
	r.checker.Report(v)
	return errEnded
}

// dump asks every server for the stacks of its goroutines.
func (r *runner) dump() map[int]string {
	dumps := map[int]string{}
	for n := 0; n < r.world.Servers(); n++ {
		if r.world.Up(n) {
			r.world.Request(n, "dump", 0, nil, func(e *sim.Effect) { dumps[n] = string(e.Data) })
		}
	}
	r.world.RunUntil(r.world.Now() + sim.Millisecond)
	return dumps
}

func (r *runner) finish() {
	if r.checker.Violation() == nil && r.out.Err == nil {
		v, undecided := r.history.Linearize()
		r.out.Undecided = undecided
		if v != nil {
			v.Time = r.world.Now()
			r.checker.Report(v)
		}
	}
	o := r.out
	o.Violation = r.checker.Violation()
	if v := o.Violation; v != nil && check.KindOf(v.Property) == check.Engine {
		o.Err = fmt.Errorf("%s\n%s", v.Message, v.Stack)
	}
	o.Line, o.Source = r.line, r.lab.Source(r.line)
	o.Virtual = r.world.Now()
	for n := 0; n < r.world.Servers(); n++ {
		st := r.world.Stats(n)
		o.Steps += st.Steps
		o.RPCs += st.Calls
		o.Bytes += st.Bytes
	}
	o.Applied = r.checker.Committed()
}
