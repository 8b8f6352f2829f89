package script

import (
	"fmt"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// startWithin is how long Start may take: it must return at once, but a server
// may be preempted at every lock on the way.
const startWithin = 1 * sim.Second

// mCommand returns a command that no other call returns.
func (r *runner) mCommand(a call) (starlark.Value, error) {
	size := 0
	if err := a.unpack("size?", &size); err != nil {
		return nil, err
	}
	r.nextCmd++
	if size == 0 {
		return starlark.MakeInt64(r.nextCmd), nil
	}
	s := fmt.Sprintf("%d:", r.nextCmd)
	if size > 1<<20 || size < len(s) {
		return nil, fmt.Errorf("command: expected a size from %d to %d bytes, found %d", len(s), 1<<20, size)
	}
	for len(s) < size {
		s += string('a' + rune(r.rng.N(26)))
	}
	return starlark.String(s), nil
}

// started is what Start answered.
type started struct {
	index, term uint64
	leader      bool
}

// start gives a command to a server and waits for Start to return. It returns
// nil if the server is down, or goes down before it answers.
func (r *runner) start(n int, cmd []byte) (*started, error) {
	if !r.world.Up(n) {
		return nil, nil
	}
	if r.log != nil {
		r.log.Line(r.world.Now(), fmt.Sprintf("c.start(%d, %s, wait = False)", n, r.decode(cmd)))
	}
	var got *started
	begin, life := r.world.Now(), r.world.Life(n)
	if r.world.Request(n, "start", 0, cmd, func(e *sim.Effect) { got = &started{e.Index, e.Term, e.Flag} }) == 0 {
		// It is about to boot: MIT's harness would wait for Make as well.
		return nil, nil
	}
	gone := func() bool { return !r.world.Up(n) || r.world.Life(n) != life }
	if _, err := r.wait(r.world.Now()+startWithin, func() bool { return got != nil || gone() }); err != nil {
		return nil, err
	}
	if got == nil && !gone() {
		if r.log != nil {
			r.log.Line(begin, fmt.Sprintf("c.start(%d, %s)", n, r.decode(cmd)))
		}
		return nil, r.violate(&check.Violation{Property: check.StartReturns, Server: n, Peer: -1,
			Message:  fmt.Sprintf("Start(%s) on server %d has not returned for %d ms", wire.CommandText(cmd), n, startWithin/sim.Millisecond),
			Expected: "Start returns at once, without waiting for the command to be committed", Found: "it is still running"})
	}
	return got, nil
}

func (r *runner) mStart(a call) (starlark.Value, error) {
	var n int
	var v starlark.Value
	wait := true
	if err := a.unpack("server", &n, "command", &v, "wait?", &wait); err != nil {
		return nil, err
	}
	if err := r.server(n); err != nil {
		return nil, err
	}
	cmd, err := r.encode(v)
	if err != nil {
		return nil, err
	}
	if !wait {
		if r.log != nil {
			r.log.Line(r.world.Now(), fmt.Sprintf("c.start(%d, %s, wait = False)", n, r.decode(cmd)))
		}
		r.world.Request(n, "start", 0, cmd, nil) // its answer comes when it comes
		return starlark.None, nil
	}
	got, err := r.start(n, cmd)
	if err != nil || got == nil {
		return starlark.None, err
	}
	return starlarkstruct.FromStringDict(starlark.String("started"), starlark.StringDict{
		"index": starlark.MakeUint64(got.index), "term": starlark.MakeUint64(got.term), "leader": starlark.Bool(got.leader),
	}), nil
}

// having returns the servers, of those up, that have applied index.
func (r *runner) having(index uint64) []int {
	var out []int
	for n := 0; n < r.world.Servers(); n++ {
		if r.world.Up(n) && index > 0 && r.checker.Applied(n) >= index {
			out = append(out, n)
		}
	}
	return out
}

// commitWithin is how long a commit may take unless the test says otherwise.
const commitWithin = 10 * sim.Second

func commitLine(command starlark.Value, servers int, within sim.Time, retry bool) string {
	more := ""
	if within != commitWithin {
		more += ", within = " + SpanText(within)
	}
	if !retry {
		more += ", retry = False"
	}
	return fmt.Sprintf("c.commit(%s, servers = %d%s)", command, servers, more)
}

// mCommit gives a command to the leader, whoever that is, until some leader has
// accepted it and enough servers have applied it. It returns the index.
func (r *runner) mCommit(a call) (starlark.Value, error) {
	var v starlark.Value
	var servers starlark.Value
	within, retry := span(commitWithin), true
	if err := a.unpack("command?", &v, "servers?", &servers, "within?", &within, "retry?", &retry); err != nil {
		return nil, err
	}
	if v == nil || v == starlark.None {
		r.nextCmd++
		v = starlark.MakeInt64(r.nextCmd)
	}
	cmd, err := r.encode(v)
	if err != nil {
		return nil, err
	}
	reach := r.reachable()
	want := len(reach)
	if servers != nil && servers != starlark.None {
		if want, err = starlark.AsInt32(servers); err != nil {
			return nil, fmt.Errorf("commit: servers is how many must apply it, found %s", servers)
		}
	}
	if r.log != nil {
		r.log.Line(r.world.Now(), commitLine(r.decode(cmd), want, sim.Time(within), retry))
	}
	end := r.world.Now() + sim.Time(within)
	accepted := 0
	var last *started
	var lastBy int
	for r.world.Now() < end {
		for k := 0; k < r.world.Servers(); k++ {
			n := (r.lastGot + k) % r.world.Servers()
			if !contains(r.reachable(), n) {
				continue
			}
			got, err := r.start(n, cmd)
			if err != nil {
				return nil, err
			}
			if got == nil || !got.leader {
				continue
			}
			r.lastGot, last, lastBy = n, got, n
			accepted++
			// Some other leader may have taken its place: then try again.
			until := min(r.world.Now()+2*sim.Second, end)
			if !retry {
				until = end
			}
			done, err := r.wait(until, func() bool {
				b, ok := r.checker.Value(got.index)
				return ok && string(b) == string(cmd) && len(r.having(got.index)) >= want
			})
			if err != nil {
				return nil, err
			}
			if done {
				return starlark.MakeUint64(got.index), nil
			}
			if !retry {
				return nil, r.noAgreement(cmd, want, last, lastBy, accepted, sim.Time(within))
			}
			break
		}
		pause := min(r.world.Now()+20*sim.Millisecond, end)
		if _, err := r.wait(pause, func() bool { return r.world.Now() >= pause }); err != nil {
			return nil, err
		}
	}
	return nil, r.noAgreement(cmd, want, last, lastBy, accepted, sim.Time(within))
}

func contains(l []int, n int) bool {
	for _, x := range l {
		if x == n {
			return true
		}
	}
	return false
}

func (r *runner) noAgreement(cmd []byte, want int, last *started, by, accepted int, within sim.Time) error {
	reach := r.reachable()
	v := &check.Violation{Property: check.Agreement, Server: -1, Peer: -1}
	show := wire.CommandText(cmd)
	if last == nil {
		v.Message = fmt.Sprintf("no server took the command %s as leader within %d s", show, within/sim.Second)
		v.Expected, v.Found = "a leader that accepts Start", r.describe(reach)
		if len(reach) > r.world.Servers()/2 {
			v.Property = check.LeaderElected
			if r.silent() {
				v.Message = fmt.Sprintf("no server sent any RPC within %d ms, so none took the command %s as leader", r.world.Now()/sim.Millisecond, show)
				v.Expected = canvass
			}
		}
		return r.violate(v)
	}
	has := r.having(last.index)
	v.Server = by
	v.Message = fmt.Sprintf("the command %s was not agreed on within %d s: %d servers should apply it, %d did", show, within/sim.Second, want, len(has))
	if b, ok := r.checker.Value(last.index); ok && string(b) != string(cmd) {
		v.Message += fmt.Sprintf("; at index %d, which Start promised, %s was applied", last.index, wire.CommandText(b))
	}
	v.Expected = fmt.Sprintf("%d servers apply %s at index %d, or at that of a later Start", want, show, last.index)
	v.Found = fmt.Sprintf("applied up to: %s; %s", r.progress(), r.describe(reach))
	// A majority has it, and only stragglers lack it: that is catching up, not agreeing.
	if len(has) > r.world.Servers()/2 {
		v.Property = check.Recovery
		v.Message = fmt.Sprintf("the command %s is committed, but after %d s only %d of %d servers have applied it", show, within/sim.Second, len(has), want)
	}
	return r.violate(v)
}

func (r *runner) progress() string {
	var parts []string
	for n := 0; n < r.world.Servers(); n++ {
		parts = append(parts, fmt.Sprintf("S%d %d", n, r.checker.Applied(n)))
	}
	return strings.Join(parts, ", ")
}

func (r *runner) mWaitApplied(a call) (starlark.Value, error) {
	var index int
	var servers starlark.Value
	within := span(2 * sim.Second)
	prop := string(check.Agreement)
	if err := a.unpack("index", &index, "servers?", &servers, "within?", &within, "property?", &prop); err != nil {
		return nil, err
	}
	p, err := propertyOf(prop)
	if err != nil {
		return nil, err
	}
	have := func() []int { return r.having(uint64(index)) }
	need := len(r.reachable())
	var ok bool
	if n, e := starlark.AsInt32(orNone(servers)); e == nil {
		need = n
		ok, err = r.wait(r.world.Now()+sim.Time(within), func() bool { return len(have()) >= need })
	} else {
		list, e := r.servers(servers, r.reachable())
		if e != nil {
			return nil, e
		}
		need = len(list)
		have = func() []int {
			var out []int
			for _, n := range r.having(uint64(index)) {
				if contains(list, n) {
					out = append(out, n)
				}
			}
			return out
		}
		ok, err = r.wait(r.world.Now()+sim.Time(within), func() bool { return len(have()) == need })
	}
	if err != nil || ok {
		return starlark.None, err
	}
	return nil, r.violate(&check.Violation{Property: p, Server: -1, Peer: -1,
		Message:  fmt.Sprintf("index %d was applied by %d servers within %d ms, expected %d", index, len(have()), sim.Time(within)/sim.Millisecond, need),
		Expected: fmt.Sprintf("%d servers apply index %d", need, index),
		Found:    fmt.Sprintf("applied up to: %s; %s", r.progress(), r.describe(r.reachable()))})
}

func orNone(v starlark.Value) starlark.Value {
	if v == nil {
		return starlark.None
	}
	return v
}

// mNotApplied watches that nobody applies index for some time.
func (r *runner) mNotApplied(a call) (starlark.Value, error) {
	var index int
	d := span(2 * sim.Second)
	why := "no majority could be reached"
	if err := a.unpack("index", &index, "during?", &d, "why?", &why); err != nil {
		return nil, err
	}
	seen, err := r.wait(r.world.Now()+sim.Time(d), func() bool { _, ok := r.checker.Value(uint64(index)); return ok })
	if err != nil || !seen {
		return starlark.None, err
	}
	b, _ := r.checker.Value(uint64(index))
	by := r.having(uint64(index))
	srv := -1
	if len(by) > 0 {
		srv = by[0]
	}
	return nil, r.violate(&check.Violation{Property: check.CommitWithoutMajority, Server: srv, Peer: -1,
		Message:  fmt.Sprintf("%s was applied at index %d although %s", wire.CommandText(b), index, why),
		Expected: fmt.Sprintf("nothing applied at index %d", index), Found: "applied up to: " + r.progress()})
}

func (r *runner) mApplied(a call) (starlark.Value, error) {
	var index int
	if err := a.unpack("index", &index); err != nil {
		return nil, err
	}
	return intList(r.having(uint64(max(index, 0)))), nil
}

func (r *runner) mValue(a call) (starlark.Value, error) {
	var index int
	if err := a.unpack("index", &index); err != nil {
		return nil, err
	}
	b, ok := r.checker.Value(uint64(max(index, 0)))
	if !ok {
		return starlark.None, nil
	}
	return r.decode(b), nil
}

func (r *runner) mLastApplied(a call) (starlark.Value, error) {
	var v starlark.Value
	if err := a.unpack("server?", &v); err != nil {
		return nil, err
	}
	if v == nil || v == starlark.None {
		return starlark.MakeUint64(r.checker.Committed()), nil
	}
	n, err := starlark.AsInt32(v)
	if err == nil {
		err = r.server(n)
	}
	if err != nil {
		return nil, err
	}
	return starlark.MakeUint64(r.checker.Applied(n)), nil
}

// leaders and terms

// leaderOf returns the server among ns that leads in a term no other of them
// has gone beyond, or -1.
func (r *runner) leaderOf(ns []int) int {
	top, lead := uint64(0), -1
	for _, n := range ns {
		if !r.world.Up(n) {
			continue
		}
		st := r.world.Status(n)
		if st.Term > top {
			top, lead = st.Term, -1
		}
		if st.Term == top && st.Role == sim.Leader {
			lead = n
		}
	}
	return lead
}

func (r *runner) mLeader(a call) (starlark.Value, error) {
	var among starlark.Value
	var otherwise starlark.Value = starlark.None
	if err := a.unpack("among?", &among, "otherwise?", &otherwise); err != nil {
		return nil, err
	}
	ns, err := r.servers(among, r.reachable())
	if err != nil {
		return nil, err
	}
	if l := r.leaderOf(ns); l >= 0 {
		return starlark.MakeInt(l), nil
	}
	return otherwise, nil
}

func (r *runner) mWaitLeader(a call) (starlark.Value, error) {
	var among starlark.Value
	within := span(5 * sim.Second)
	if err := a.unpack("among?", &among, "within?", &within); err != nil {
		return nil, err
	}
	ns, err := r.servers(among, nil)
	if err != nil {
		return nil, err
	}
	set := func() []int {
		if ns != nil {
			return ns
		}
		return r.reachable()
	}
	ok, err := r.wait(r.world.Now()+sim.Time(within), func() bool { return r.leaderOf(set()) >= 0 })
	if err != nil {
		return nil, err
	}
	if ok {
		l := r.leaderOf(set())
		r.lastGot = l
		return starlark.MakeInt(l), nil
	}
	v := &check.Violation{Property: check.LeaderElected, Server: -1, Peer: -1,
		Message:  fmt.Sprintf("no leader for %d ms although servers %v could reach each other", sim.Time(within)/sim.Millisecond, set()),
		Expected: fmt.Sprintf("one of the servers %v becomes the leader within %d ms", set(), sim.Time(within)/sim.Millisecond),
		Found:    r.describe(set())}
	if r.silent() {
		v.Message = fmt.Sprintf("no server sent any RPC within %d ms, so none became leader", r.world.Now()/sim.Millisecond)
		v.Expected = canvass
	}
	return nil, r.violate(v)
}

// canvass is what is expected of servers that have not begun to talk.
const canvass = "a server that hears of no leader for an election timeout starts a new term and sends RequestVote to all others (§5.2)"

// silent reports whether no server has sent an RPC so far, as if elections were
// yet to be written.
func (r *runner) silent() bool {
	for n := 0; n < r.world.Servers(); n++ {
		if r.world.Stats(n).Calls > 0 {
			return false
		}
	}
	return true
}

// mNoLeader watches that none of some servers claims to lead, after a while in
// which an old leader may still find out.
func (r *runner) mNoLeader(a call) (starlark.Value, error) {
	var among starlark.Value
	d := span(2 * sim.Second)
	if err := a.unpack("among", &among, "during?", &d); err != nil {
		return nil, err
	}
	ns, err := r.servers(among, nil)
	if err != nil {
		return nil, err
	}
	seen, err := r.wait(r.world.Now()+sim.Time(d), func() bool { return r.leaderOf(ns) >= 0 })
	if err != nil || !seen {
		return starlark.None, err
	}
	return nil, r.violate(&check.Violation{Property: check.ElectionSafety, Server: r.leaderOf(ns), Peer: -1,
		Message:  fmt.Sprintf("server %d became leader, though servers %v are no majority of %d", r.leaderOf(ns), ns, r.world.Servers()),
		Expected: "no leader without the votes of a majority of all servers", Found: r.describe(ns)})
}

// mStable watches that the leader and its term stay for some time.
func (r *runner) mStable(a call) (starlark.Value, error) {
	d := span(2 * sim.Second)
	if err := a.unpack("during?", &d); err != nil {
		return nil, err
	}
	reach := r.reachable()
	l := r.leaderOf(reach)
	if l < 0 {
		return nil, r.violate(&check.Violation{Property: check.LeaderStability, Server: -1, Peer: -1,
			Message: "there is no leader any more, although nothing failed", Expected: "a leader that stays", Found: r.describe(reach)})
	}
	term := r.world.Status(l).Term
	changed, err := r.wait(r.world.Now()+sim.Time(d), func() bool {
		return r.leaderOf(reach) != l || r.world.Status(l).Term != term
	})
	if err != nil || !changed {
		return starlark.MakeInt(l), err
	}
	return nil, r.violate(&check.Violation{Property: check.LeaderStability, Server: l, Peer: -1,
		Message:  fmt.Sprintf("server %d lost its leadership of term %d although nothing failed", l, term),
		Expected: fmt.Sprintf("server %d stays the leader of term %d", l, term), Found: r.describe(reach)})
}

func (r *runner) mTerm(a call) (starlark.Value, error) {
	n, err := r.oneServer(a)
	if err != nil {
		return nil, err
	}
	return starlark.MakeUint64(r.world.Status(n).Term), nil
}

// mSameTerm waits until servers agree on a term, and returns it.
func (r *runner) mSameTerm(a call) (starlark.Value, error) {
	var among starlark.Value
	within := span(2 * sim.Second)
	if err := a.unpack("among?", &among, "within?", &within); err != nil {
		return nil, err
	}
	ns, err := r.servers(among, r.reachable())
	if err != nil {
		return nil, err
	}
	if len(ns) == 0 {
		return nil, fmt.Errorf("same_term: no server is reachable")
	}
	same := func() bool {
		for _, n := range ns {
			if r.world.Status(n).Term != r.world.Status(ns[0]).Term || r.world.Status(n).Term == 0 {
				return false
			}
		}
		return true
	}
	ok, err := r.wait(r.world.Now()+sim.Time(within), same)
	if err != nil {
		return nil, err
	}
	if ok {
		return starlark.MakeUint64(r.world.Status(ns[0]).Term), nil
	}
	return nil, r.violate(&check.Violation{Property: check.LeaderStability, Server: -1, Peer: -1,
		Message:  fmt.Sprintf("servers %v do not agree on a term of at least 1", ns),
		Expected: "one term at all connected servers, once there is a leader", Found: r.describe(ns)})
}
