package script

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// cluster is the argument of a test: its methods are the language of the tests.
type cluster struct{ r *runner }

var (
	_ starlark.HasAttrs = (*cluster)(nil)
	_ starlark.Value    = (*cluster)(nil)
)

func (c *cluster) String() string        { return fmt.Sprintf("cluster(%d servers)", c.r.world.Servers()) }
func (c *cluster) Type() string          { return "cluster" }
func (c *cluster) Freeze()               {}
func (c *cluster) Truth() starlark.Bool  { return true }
func (c *cluster) Hash() (uint32, error) { return 0, errors.New("unhashable: cluster") }

// call is a method's view of its arguments.
type call struct {
	name string
	args starlark.Tuple
	kw   []starlark.Tuple
}

func (a call) unpack(pairs ...any) error {
	return starlark.UnpackArgs(a.name, a.args, a.kw, pairs...)
}

type method func(r *runner, a call) (starlark.Value, error)

// methods of the cluster, by name. docs/write-a-test.md lists them for authors.
var methods = map[string]method{
	// time and threads
	"sleep": (*runner).mSleep, "until": (*runner).mUntil, "spawn": (*runner).mSpawn, "wait_until": (*runner).mWaitUntil,
	"rand": (*runner).mRand, "chance": (*runner).mChance, "pick": (*runner).mPick, "shuffle": (*runner).mShuffle,
	// servers and network
	"crash": (*runner).mCrash, "restart": (*runner).mRestart, "crash_on": (*runner).mCrashOn, "wait_crash": (*runner).mWaitCrash,
	"disarm": (*runner).mDisarm, "up": (*runner).mUp, "hold": (*runner).mHold, "calm": (*runner).mCalm,
	"cut": (*runner).mCut, "heal": (*runner).mHeal, "isolate": (*runner).mIsolate, "rejoin": (*runner).mRejoin,
	"partition": (*runner).mPartition, "network": (*runner).mNetwork, "reachable": (*runner).mReachable,
	"pause_apply": (*runner).mPause, "resume_apply": (*runner).mResume,
	// the service
	"command": (*runner).mCommand, "start": (*runner).mStart, "commit": (*runner).mCommit,
	"wait_applied": (*runner).mWaitApplied, "not_applied": (*runner).mNotApplied,
	"applied": (*runner).mApplied, "value": (*runner).mValue, "last_applied": (*runner).mLastApplied,
	// clients of the service
	"get": (*runner).mGet, "put": (*runner).mPut, "append": (*runner).mAppend, "test_and_set": (*runner).mTestAndSet,
	"acquire": (*runner).mAcquire, "release": (*runner).mRelease, "guarded_write": (*runner).mGuardedWrite, "guarded_read": (*runner).mGuardedRead,
	"client": (*runner).mClient,
	"reach":  (*runner).mReach, "submit": (*runner).mSubmit, "machine": (*runner).mMachine,
	// leaders and terms
	"wait_leader": (*runner).mWaitLeader, "no_leader": (*runner).mNoLeader, "leader": (*runner).mLeader,
	"stable_leader": (*runner).mStable, "term": (*runner).mTerm, "same_term": (*runner).mSameTerm,
	// what it costs, and verdicts
	"rpcs": (*runner).mRPCs, "client_rpcs": (*runner).mClientRPCs, "bytes": (*runner).mBytes, "state_size": (*runner).mStateSize, "snapshot_size": (*runner).mSnapshotSize,
	"budget": (*runner).mBudget, "fail": (*runner).mFail, "expect": (*runner).mExpect,
}

func (c *cluster) AttrNames() []string {
	names := []string{"servers", "clients", "now", "majority", "versions"}
	for n := range methods {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

func (c *cluster) Attr(name string) (starlark.Value, error) {
	r := c.r
	switch name {
	case "servers":
		return starlark.MakeInt(r.world.Servers()), nil
	case "clients":
		return starlark.MakeInt(r.world.Nodes() - r.world.Servers()), nil
	case "majority":
		return starlark.MakeInt(r.world.Servers()/2 + 1), nil
	case "versions": // whether the keys of the course's service have versions
		if r.lab.Service != "kvraft" {
			return starlark.True, nil
		}
		api, err := r.clerkAPI()
		return starlark.Bool(api == versioned), err
	case "now":
		return starlark.MakeInt64(int64(r.world.Now())), nil
	}
	m := methods[name]
	if m == nil {
		return nil, nil
	}
	return starlark.NewBuiltin(name, func(st *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
		if r.checker.Violation() != nil {
			return nil, errEnded
		}
		r.at(st)
		a := call{b.Name(), args, kw}
		if r.log != nil {
			r.log.Begin(r.world.Now(), name)
			defer func() { r.log.End(r.world.Now()) }()
			if !unlogged[name] {
				r.log.Line(r.world.Now(), r.logLine(a))
			}
		}
		do := m
		if clientCalls[name] {
			do = func(r *runner, a call) (starlark.Value, error) { return r.ask(m, a) }
		}
		v, err := do(r, a)
		if n, ok := v.(starlark.Int); ok && r.log != nil && measuring[name] {
			value, _ := n.Int64()
			r.readings = append(r.readings, reading{r.world.Now(), r.logLine(a), value})
		}
		if err == nil && r.checker.Violation() != nil {
			err = errEnded
		}
		return v, err
	}), nil
}

// span is a length of virtual time in a test: an int of ns.
type span sim.Time

// Unpack implements starlark.Unpacker.
func (d *span) Unpack(v starlark.Value) error {
	switch v := v.(type) {
	case starlark.Int:
		if n, ok := v.Int64(); ok && n >= 0 && n <= int64(3600*sim.Second) {
			*d = span(n)
			return nil
		}
	case starlark.Float:
		if v >= 0 && v <= starlark.Float(3600*sim.Second) {
			*d = span(v)
			return nil
		}
	}
	return fmt.Errorf("expected a time from 0 to 3600*s, such as 50*ms, found %s", v)
}

func (r *runner) server(n int) error {
	if n < 0 || n >= r.world.Servers() {
		return fmt.Errorf("there is no server %d: they are 0 to %d", n, r.world.Servers()-1)
	}
	return nil
}

// servers reads a list of servers; None means otherwise.
func (r *runner) servers(v starlark.Value, otherwise []int) ([]int, error) {
	if v == nil || v == starlark.None {
		return otherwise, nil
	}
	if n, err := starlark.AsInt32(v); err == nil {
		return []int{n}, r.server(n)
	}
	it, ok := v.(starlark.Iterable)
	if !ok {
		return nil, fmt.Errorf("expected servers, found %s", v.Type())
	}
	var out []int
	for x := range starlark.Elements(it) {
		n, err := starlark.AsInt32(x)
		if err != nil {
			return nil, fmt.Errorf("expected the number of a server, found %s", x)
		}
		if err := r.server(n); err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

func intList(ns []int) starlark.Value {
	l := make([]starlark.Value, len(ns))
	for i, n := range ns {
		l[i] = starlark.MakeInt(n)
	}
	return starlark.NewList(l)
}

// reachable returns the servers that are up and have two-way links with a
// majority of the servers, themselves counted: those that a leader can be of.
func (r *runner) reachable() []int {
	var out []int
	n := r.world.Servers()
	for i := 0; i < n; i++ {
		if !r.world.Up(i) {
			continue
		}
		k := 1
		for j := 0; j < n; j++ {
			if j != i && r.world.Up(j) && !r.world.LinkOf(i, j).Cut && !r.world.LinkOf(j, i).Cut {
				k++
			}
		}
		if k > n/2 {
			out = append(out, i)
		}
	}
	return out
}

// time and threads

func (r *runner) mSleep(a call) (starlark.Value, error) {
	var d span
	if err := a.unpack("d", &d); err != nil {
		return nil, err
	}
	end := r.world.Now() + sim.Time(d)
	_, err := r.wait(end, func() bool { return r.world.Now() >= end })
	return starlark.None, err
}

// mUntil waits until all that happens up to and including a time has happened.
func (r *runner) mUntil(a call) (starlark.Value, error) {
	var t span
	if err := a.unpack("t", &t); err != nil {
		return nil, err
	}
	// The clock must get there, but that is no reason to go on: what was sent
	// meanwhile may arrive at this very moment, and comes after it in the queue.
	r.world.At(sim.Time(t), func() {})
	_, err := r.wait(sim.Never, func() bool { return r.world.Now() >= sim.Time(t) && r.world.Next() > sim.Time(t) })
	return starlark.None, err
}

func (r *runner) mSpawn(a call) (starlark.Value, error) {
	if len(a.args) == 0 {
		return nil, errors.New("spawn: expected a function and its arguments")
	}
	fn, ok := a.args[0].(starlark.Callable)
	if !ok {
		return nil, fmt.Errorf("spawn: expected a function, found %s", a.args[0].Type())
	}
	if len(r.threads) >= 1000 {
		return nil, errors.New("spawn: a test has at most 1000 threads")
	}
	th := r.spawn(fn.Name(), fn, a.args[1:], a.kw)
	join := starlark.NewBuiltin("join", func(*starlark.Thread, *starlark.Builtin, starlark.Tuple, []starlark.Tuple) (starlark.Value, error) {
		if _, err := r.wait(sim.Never, func() bool { return th.done }); err != nil {
			return nil, err
		}
		if th.value == nil {
			return starlark.None, nil
		}
		return th.value, nil
	})
	return starlarkstruct.FromStringDict(starlark.String("thread"), starlark.StringDict{"join": join}), nil
}

func (r *runner) mWaitUntil(a call) (starlark.Value, error) {
	var fn starlark.Callable
	within, every := span(5*sim.Second), span(10*sim.Millisecond)
	if err := a.unpack("fn", &fn, "within?", &within, "every?", &every); err != nil {
		return nil, err
	}
	end := r.world.Now() + sim.Time(within)
	for {
		v, err := starlark.Call(r.cur.star, fn, nil, nil)
		if err != nil {
			return nil, err
		}
		if v.Truth() {
			return starlark.True, nil
		}
		if r.world.Now() >= end {
			return starlark.False, nil
		}
		next := min(r.world.Now()+max(sim.Time(every), sim.Microsecond), end)
		if _, err := r.wait(next, func() bool { return r.world.Now() >= next }); err != nil {
			return nil, err
		}
	}
}

func (r *runner) mRand(a call) (starlark.Value, error) {
	var lo, hi int64
	if err := a.unpack("lo", &lo, "hi", &hi); err != nil {
		return nil, err
	}
	if hi < lo {
		return nil, fmt.Errorf("rand: expected lo <= hi, found %d and %d", lo, hi)
	}
	return starlark.MakeInt64(lo + r.rng.N(hi-lo+1)), nil
}

func (r *runner) mChance(a call) (starlark.Value, error) {
	var p float64
	if err := a.unpack("p", &p); err != nil {
		return nil, err
	}
	return starlark.Bool(r.rng.Chance(p)), nil
}

func (r *runner) elements(a call) ([]starlark.Value, error) {
	var it starlark.Iterable
	if err := a.unpack("list", &it); err != nil {
		return nil, err
	}
	var l []starlark.Value
	for v := range starlark.Elements(it) {
		l = append(l, v)
	}
	return l, nil
}

func (r *runner) mPick(a call) (starlark.Value, error) {
	l, err := r.elements(a)
	if err != nil {
		return nil, err
	}
	if len(l) == 0 {
		return nil, errors.New("pick: nothing to pick from")
	}
	return l[r.rng.N(int64(len(l)))], nil
}

func (r *runner) mShuffle(a call) (starlark.Value, error) {
	l, err := r.elements(a)
	if err != nil {
		return nil, err
	}
	r.rng.Shuffle(len(l), func(i, j int) { l[i], l[j] = l[j], l[i] })
	return starlark.NewList(l), nil
}

// servers and network

func (r *runner) oneServer(a call) (int, error) {
	var n int
	if err := a.unpack("server", &n); err != nil {
		return 0, err
	}
	return n, r.server(n)
}

func (r *runner) mCrash(a call) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err == nil {
		r.world.Crash(n)
	}
	return starlark.None, err
}

func (r *runner) mRestart(a call) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err == nil {
		r.world.Crash(n)
		r.world.Boot(n)
	}
	return starlark.None, err
}

func (r *runner) mUp(a call) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err != nil {
		return nil, err
	}
	return starlark.Bool(r.world.Up(n)), nil
}

// points at which crash_on can put a crash.
var crashPoints = map[string]sim.CrashPoint{
	"save":  {Effect: sim.Save},
	"send":  {Effect: sim.Send},
	"reply": {Effect: sim.Send, Reply: true},
	"apply": {Effect: sim.Apply},
}

func (r *runner) mCrashOn(a call) (starlark.Value, error) {
	var n int
	var what string
	when := "after"
	var skip int
	var inStep bool
	if err := a.unpack("server", &n, "what", &what, "when?", &when, "skip?", &skip, "in_step?", &inStep); err != nil {
		return nil, err
	}
	if err := r.server(n); err != nil {
		return nil, err
	}
	p, ok := crashPoints[what]
	if !ok || when != "after" && when != "before" || skip < 0 {
		return nil, fmt.Errorf(`crash_on: expected "save", "send", "reply" or "apply", and "before" or "after", found %q and %q`, what, when)
	}
	p.Before, p.Skip, p.InStep = when == "before", skip, inStep
	r.world.Arm(n, &p)
	return starlark.None, nil
}

func (r *runner) mDisarm(a call) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err == nil {
		r.world.Arm(n, nil)
	}
	return starlark.None, err
}

func (r *runner) mWaitCrash(a call) (starlark.Value, error) {
	var n int
	within := span(5 * sim.Second)
	if err := a.unpack("server", &n, "within?", &within); err != nil {
		return nil, err
	}
	if err := r.server(n); err != nil {
		return nil, err
	}
	ok, err := r.wait(r.world.Now()+sim.Time(within), func() bool { return !r.world.Up(n) })
	return starlark.Bool(ok), err
}

// ends reads the two ends of a link: servers, or clients by c.client(i).
func (r *runner) ends(a call) (from, to int, err error) {
	if err := a.unpack("from", &from, "to", &to); err != nil {
		return 0, 0, err
	}
	for _, n := range []int{from, to} {
		if n >= r.world.Servers() && n < r.world.Nodes() {
			continue
		}
		if err := r.server(n); err != nil {
			return 0, 0, err
		}
	}
	return from, to, nil
}

func (r *runner) mCut(a call) (starlark.Value, error) {
	from, to, err := r.ends(a)
	if err == nil {
		r.world.Cut(from, to)
	}
	return starlark.None, err
}

func (r *runner) mHeal(a call) (starlark.Value, error) {
	if len(a.args)+len(a.kw) == 0 {
		clear(r.alone)
		r.world.Heal(-1, -1)
		return starlark.None, nil
	}
	from, to, err := r.ends(a)
	if err == nil {
		r.world.Heal(from, to)
	}
	return starlark.None, err
}

func (r *runner) mIsolate(a call) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err == nil {
		r.alone[n] = true
		r.world.Cut(n, -1)
		r.world.Cut(-1, n)
	}
	return starlark.None, err
}

func (r *runner) mRejoin(a call) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err == nil {
		// A link works again when neither of its ends is isolated.
		delete(r.alone, n)
		for i := 0; i < r.world.Servers(); i++ {
			if i != n && !r.alone[i] {
				r.world.Heal(n, i)
				r.world.Heal(i, n)
			}
		}
		for i := r.world.Servers(); i < r.world.Nodes(); i++ {
			r.world.Heal(n, i)
			r.world.Heal(i, n)
		}
	}
	return starlark.None, err
}

func (r *runner) mPartition(a call) (starlark.Value, error) {
	var groups [][]int
	seen := map[int]bool{}
	for _, v := range a.args {
		g, err := r.servers(v, nil)
		if err != nil {
			return nil, err
		}
		for _, n := range g {
			if seen[n] {
				return nil, fmt.Errorf("partition: server %d is in two groups", n)
			}
			seen[n] = true
		}
		groups = append(groups, g)
	}
	clear(r.alone)
	// Clients are on every side: their links stay as they are.
	side := make([]int, r.world.Servers())
	for n := range side {
		side[n] = -1 - n // in no group: alone
	}
	for g, servers := range groups {
		for _, n := range servers {
			side[n] = g
		}
	}
	for a := range side {
		for b := range side {
			switch {
			case a == b:
			case side[a] == side[b]:
				r.world.Heal(a, b)
			default:
				r.world.Cut(a, b)
			}
		}
	}
	return starlark.None, nil
}

func (r *runner) mNetwork(a call) (starlark.Value, error) {
	var l linkValue
	from, to := -1, -1
	if err := a.unpack("link", &l, "source?", &from, "target?", &to); err != nil {
		return nil, err
	}
	for _, n := range []int{from, to} {
		if n >= 0 {
			if err := r.server(n); err != nil {
				return nil, err
			}
		}
	}
	r.world.SetLink(from, to, l.Link)
	return starlark.None, nil
}

func (r *runner) mReachable(a call) (starlark.Value, error) {
	return intList(r.reachable()), a.unpack()
}

func (r *runner) control(a call, op string) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err == nil {
		r.world.Request(n, op, 0, nil, nil)
	}
	return starlark.None, err
}

func (r *runner) mPause(a call) (starlark.Value, error)  { return r.control(a, "pause") }
func (r *runner) mResume(a call) (starlark.Value, error) { return r.control(a, "resume") }

// what it costs, and verdicts

func (r *runner) sum(a call, f func(sim.Stats) uint64) (starlark.Value, error) {
	var v starlark.Value
	if err := a.unpack("server?", &v); err != nil {
		return nil, err
	}
	ns, err := r.servers(v, nil)
	if err != nil {
		return nil, err
	}
	if ns == nil {
		for i := 0; i < r.world.Servers(); i++ {
			ns = append(ns, i)
		}
	}
	total := uint64(0)
	for _, n := range ns {
		total += f(r.world.Stats(n))
	}
	return starlark.MakeUint64(total), nil
}

func (r *runner) mRPCs(a call) (starlark.Value, error) {
	return r.sum(a, func(s sim.Stats) uint64 { return s.Calls })
}

// mClientRPCs counts the calls of a client, or of all.
func (r *runner) mClientRPCs(a call) (starlark.Value, error) {
	client := -1
	if err := a.unpack("client?", &client); err != nil {
		return nil, err
	}
	if err := r.client(client); client != -1 && err != nil {
		return nil, err
	}
	total := uint64(0)
	for n := r.world.Servers(); n < r.world.Nodes(); n++ {
		if client == -1 || n == r.world.Servers()+client {
			total += r.world.Stats(n).Calls
		}
	}
	return starlark.MakeUint64(total), nil
}

func (r *runner) mBytes(a call) (starlark.Value, error) {
	return r.sum(a, func(s sim.Stats) uint64 { return s.Bytes })
}

// mStateSize is the size in bytes of what the server saved, without its snapshot.
func (r *runner) mStateSize(a call) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err != nil {
		return nil, err
	}
	d := r.world.Disk(n)
	size := len(d.State)
	for _, rec := range d.WAL {
		size += len(rec)
	}
	return starlark.MakeInt(size), nil
}

// mSnapshotSize is the size in bytes of the snapshot that the server saved last.
func (r *runner) mSnapshotSize(a call) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err != nil {
		return nil, err
	}
	return starlark.MakeInt(len(r.world.Disk(n).Snapshot)), nil
}

func (r *runner) mBudget(a call) (starlark.Value, error) {
	var prop, name, unit string
	var used, limit starlark.Value
	if err := a.unpack("property", &prop, "name", &name, "used", &used, "limit", &limit, "unit?", &unit); err != nil {
		return nil, err
	}
	p, err := propertyOf(prop)
	if err != nil {
		return nil, err
	}
	u, ok1 := starlark.AsFloat(used)
	l, ok2 := starlark.AsFloat(limit)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("budget: expected numbers, found %s and %s", used, limit)
	}
	r.out.Budgets = append(r.out.Budgets, Budget{name, u, l, unit})
	if u <= l {
		return starlark.None, nil
	}
	if r.log != nil {
		r.logBudget(prop, name, u, l, unit)
	}
	return nil, r.violate(&check.Violation{Property: p, Server: -1, Peer: -1,
		Message:  fmt.Sprintf("%s: %g %s, at most %g are allowed", name, u, unit, l),
		Expected: fmt.Sprintf("at most %g %s", l, unit), Found: fmt.Sprintf("%g %s", u, unit)})
}

func (r *runner) mFail(a call) (starlark.Value, error) {
	var prop, msg, expected, found string
	srv := -1
	if err := a.unpack("property", &prop, "message", &msg, "server?", &srv, "expected?", &expected, "found?", &found); err != nil {
		return nil, err
	}
	p, err := propertyOf(prop)
	if err != nil {
		return nil, err
	}
	return nil, r.violate(&check.Violation{Property: p, Server: srv, Peer: -1, Message: msg, Expected: expected, Found: found})
}

func (r *runner) mExpect(a call) (starlark.Value, error) {
	var cond starlark.Value
	var prop, msg, expected, found string
	srv := -1
	if err := a.unpack("condition", &cond, "property", &prop, "message", &msg, "server?", &srv, "expected?", &expected, "found?", &found); err != nil {
		return nil, err
	}
	p, err := propertyOf(prop)
	if err != nil {
		return nil, err
	}
	if cond.Truth() {
		return starlark.None, nil
	}
	return nil, r.violate(&check.Violation{Property: p, Server: srv, Peer: -1, Message: msg, Expected: expected, Found: found})
}

// describe says in a few words how the servers stand, for messages.
func (r *runner) describe(ns []int) string {
	var parts []string
	for _, n := range ns {
		st := r.world.Status(n)
		switch {
		case !r.world.Up(n):
			parts = append(parts, fmt.Sprintf("S%d down", n))
		case st.Role == sim.Leader:
			parts = append(parts, fmt.Sprintf("S%d leader of term %d", n, st.Term))
		default:
			parts = append(parts, fmt.Sprintf("S%d in term %d", n, st.Term))
		}
	}
	return strings.Join(parts, ", ")
}

func (r *runner) encode(v starlark.Value) ([]byte, error) {
	switch v := v.(type) {
	case starlark.Int:
		if n, ok := v.Int64(); ok && n == int64(int32(n)) {
			return wire.AppendCommand(nil, int(n)), nil
		}
	case starlark.String:
		return wire.AppendCommand(nil, string(v)), nil
	}
	return nil, fmt.Errorf("a command is an integer of 32 bits or a string, found %s", v)
}

func (r *runner) decode(b []byte) starlark.Value {
	switch v, _ := wire.ParseCommand(b); v := v.(type) {
	case int:
		return starlark.MakeInt(v)
	case string:
		return starlark.String(v)
	}
	return starlark.String(wire.CommandText(b))
}
