package check

import (
	"bytes"
	"fmt"
	"math/bits"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// Settings say what is checked beyond what always is.
type Settings struct {
	// TicksPerSecond bounds how often a server's timers may fire in a virtual
	// second: more is polling without end. 0: 20,000.
	TicksPerSecond int
	// CallsPerSecond bounds the RPCs that one server starts in a virtual
	// second: more is a storm, whatever a test allows. 0: 3,000.
	CallsPerSecond int
}

// Checker watches a world and keeps the first violation.
type Checker struct {
	n   int
	set Settings

	servers []server
	leaders map[uint64]int // who led in a term

	maxTerm uint64 // highest term seen anywhere
	log     []committed
	starts  map[string]*command // by command
	slots   map[slot]string     // (term, index) -> command that Start promised it to
	open    map[uint64]openStart

	causal causality
	first  *Violation
	hold   func(*Violation) // called once, at the first violation
}

// committed is what the cluster applied at one index.
type committed struct {
	cmd    []byte
	by     int
	term   uint64      // highest term seen anywhere by then
	digest wire.Digest // of the state after it
}

type slot struct{ term, index uint64 }

// command is what is known of the Starts of one command.
type command struct {
	asked    int      // Starts sent
	pending  int      // of these, not answered (or lost with their server)
	refused  int      // answered: not the leader
	promised []uint64 // indexes that Start answered with
	applied  []uint64 // indexes at which it was applied
}

type openStart struct {
	server int
	cmd    string
}

// server is what is known of one server.
type server struct {
	term      uint64
	leader    bool
	observed  bool
	since     sim.Time // when term was first seen
	told      uint64   // highest term this server must have made durable
	ledTerm   uint64   // highest term it led in, over all lives
	applied   uint64
	atBoot    uint64 // index of the snapshot it booted from
	ticks     int
	tickStart sim.Time
	calls     int
	callStart sim.Time
}

// durableAfter is how long a term must have been seen before a message sent
// counts as having told it to others. It is longer than any seeded pause
// between changing the term and saving it.
const durableAfter = 50 * sim.Millisecond

// New returns a Checker of a cluster of n servers. onFirst, if not nil, is
// called at the first violation.
func New(n int, set Settings, onFirst func(*Violation)) *Checker {
	if set.TicksPerSecond == 0 {
		set.TicksPerSecond = 20000
	}
	if set.CallsPerSecond == 0 {
		set.CallsPerSecond = 3000
	}
	return &Checker{
		n: n, set: set, servers: make([]server, n), leaders: map[uint64]int{},
		starts: map[string]*command{}, slots: map[slot]string{}, open: map[uint64]openStart{},
		causal: causality{n: n}, hold: onFirst,
	}
}

// Violation returns the first violation, or nil.
func (c *Checker) Violation() *Violation { return c.first }

// Report makes v the first violation unless there was one.
func (c *Checker) Report(v *Violation) {
	if c.first != nil {
		return
	}
	c.first = v
	if c.hold != nil {
		c.hold(v)
	}
}

func (c *Checker) broke(r *sim.Record, p Property, peer int, format string, args ...any) *Violation {
	v := &Violation{Property: p, Time: r.T, Server: r.Node, Peer: peer, Message: fmt.Sprintf(format, args...)}
	c.Report(v)
	return v
}

// Committed returns how many indexes have been applied by some server.
func (c *Checker) Committed() uint64 { return uint64(len(c.log)) }

// Value returns the command applied at index, and false if none was.
func (c *Checker) Value(index uint64) ([]byte, bool) {
	if index < 1 || index > uint64(len(c.log)) {
		return nil, false
	}
	return c.log[index-1].cmd, true
}

// Applied returns the last index that server n has applied in this life.
func (c *Checker) Applied(n int) uint64 { return c.servers[n].applied }

// MaxTerm returns the highest term seen anywhere.
func (c *Checker) MaxTerm() uint64 { return c.maxTerm }

// Watch takes in a record.
func (c *Checker) Watch(r *sim.Record) {
	if r.Node < 0 || r.Node >= c.n && r.Kind != sim.RecFault {
		return
	}
	if r.Node >= c.n { // a client died
		own := *r
		c.fault(&own)
		return
	}
	own := *r // reporting emits a record, and the world reuses r
	r = &own
	s := &c.servers[r.Node]
	switch r.Kind {
	case sim.RecBoot:
		*s = server{told: s.told, ledTerm: s.ledTerm, atBoot: s.atBoot, applied: s.atBoot}
	case sim.RecSave:
		s.atBoot = 0
		if d, err := wire.ParseDigest(r.More); err == nil {
			s.atBoot = d.Index
		}
	case sim.RecTick:
		c.tick(r, s)
	case sim.RecObserve:
		c.observe(r, s)
	case sim.RecSend:
		if s.observed && r.T-s.since >= durableAfter {
			s.told = max(s.told, s.term)
		}
		c.causal.send(r.Node, r.ID)
		if sim.MsgKind(r.Term) == sim.MsgCall {
			c.call(r, s)
		}
	case sim.RecReceive:
		c.causal.receive(r.Node, r.ID)
	case sim.RecRequest:
		if r.Name == "start" {
			c.asked(r)
		}
	case sim.RecRespond:
		c.answered(r, s)
	case sim.RecApply:
		c.apply(r, s)
	case sim.RecApplySnapshot:
		c.applySnapshot(r, s)
	case sim.RecCrash:
		c.ended(r.Node)
	case sim.RecFault:
		c.ended(r.Node)
		c.fault(r)
	}
}

// tick tells polling without end: timers that fire all the time.
func (c *Checker) tick(r *sim.Record, s *server) {
	if r.T-s.tickStart >= sim.Second/10 {
		s.tickStart, s.ticks = r.T, 0
	}
	if s.ticks++; s.ticks > c.set.TicksPerSecond/10 {
		c.broke(r, NoBusyLoop, -1, "server %d woke up %d times within %d ms: it polls with sleeps that are far too short",
			r.Node, s.ticks, (r.T-s.tickStart)/sim.Millisecond)
	}
}

// call tells a storm of RPCs: calls that each cause the next at once.
func (c *Checker) call(r *sim.Record, s *server) {
	if r.T-s.callStart >= sim.Second {
		s.callStart, s.calls = r.T, 0
	}
	if s.calls++; s.calls > c.set.CallsPerSecond {
		v := c.broke(r, RPCBudget, -1, "server %d made %d RPCs within %d ms, the last a %s: each answer seems to cause the next call at once",
			r.Node, s.calls, (r.T-s.callStart)/sim.Millisecond+1, r.Name)
		v.Expected, v.Found = fmt.Sprintf("at most %d RPCs a second, even while logs are repaired", c.set.CallsPerSecond), fmt.Sprintf("%d", s.calls)
	}
}

func (c *Checker) observe(r *sim.Record, s *server) {
	st := r.Status
	if s.observed && st.Term < s.term {
		v := c.broke(r, TermMonotonicity, -1, "server %d's term went back from %d to %d without a restart", r.Node, s.term, st.Term)
		v.Expected, v.Found = fmt.Sprintf("term >= %d", s.term), fmt.Sprintf("term %d", st.Term)
	}
	if !s.observed && st.Term < max(s.told, s.ledTerm) {
		v := c.broke(r, DurableTerm, -1, "server %d restarted in term %d, but before the crash it had told others of term %d", r.Node, st.Term, max(s.told, s.ledTerm))
		v.Expected, v.Found = fmt.Sprintf("term >= %d read back from the persister", max(s.told, s.ledTerm)), fmt.Sprintf("term %d", st.Term)
	}
	if !s.observed || st.Term != s.term {
		s.since = r.T
	}
	was := s.leader && s.term == st.Term
	s.term, s.leader, s.observed = st.Term, st.Role == sim.Leader, true
	c.maxTerm = max(c.maxTerm, s.term)
	if s.leader && !was {
		c.lead(r, s, s.term, "says that it is the leader")
	}
}

// lead notes that a server claims to lead in term.
func (c *Checker) lead(r *sim.Record, s *server, term uint64, how string) {
	if other, ok := c.leaders[term]; ok && other != r.Node {
		v := c.broke(r, ElectionSafety, other, "two leaders in term %d: server %d, and now server %d %s", term, other, r.Node, how)
		v.Expected, v.Found = "at most one leader in a term", fmt.Sprintf("servers %d and %d lead in term %d", other, r.Node, term)
		return
	}
	c.leaders[term] = r.Node
	s.ledTerm = max(s.ledTerm, term)
}

func (c *Checker) asked(r *sim.Record) {
	k := string(r.Data)
	cmd := c.starts[k]
	if cmd == nil {
		cmd = &command{}
		c.starts[k] = cmd
	}
	cmd.asked++
	cmd.pending++
	c.open[r.ID] = openStart{r.Node, k}
	c.causal.start(k, r.Node)
}

func (c *Checker) answered(r *sim.Record, s *server) {
	o, ok := c.open[r.ID]
	if !ok {
		return
	}
	delete(c.open, r.ID)
	cmd := c.starts[o.cmd]
	cmd.pending--
	show := wire.CommandText([]byte(o.cmd))
	if !r.Flag {
		cmd.refused++
		return
	}
	if int64(r.Index) < 1 || int64(r.Term) < 1 {
		v := c.broke(r, StartContract, -1, "Start(%s) on server %d answered index %d and term %d; both count from 1", show, r.Node, int64(r.Index), int64(r.Term))
		v.Expected, v.Found = "index >= 1, term >= 1; a server that does not lead answers isLeader = false", fmt.Sprintf("index %d, term %d", int64(r.Index), int64(r.Term))
		return
	}
	c.maxTerm = max(c.maxTerm, r.Term)
	if l, ok := c.leaders[r.Term]; ok && l != r.Node && !(s.leader && s.term == r.Term) {
		v := c.broke(r, StartContract, l, "Start(%s) on server %d answered that it is the leader of term %d, but that is server %d", show, r.Node, r.Term, l)
		v.Expected, v.Found = "isLeader = false", "isLeader = true"
		return
	}
	c.lead(r, s, r.Term, fmt.Sprintf("answered Start(%s) as the leader", show))
	k := slot{r.Term, r.Index}
	if other, ok := c.slots[k]; ok && other != o.cmd {
		v := c.broke(r, StartContract, -1, "Start promised index %d in term %d twice: to %s and to %s", r.Index, r.Term, wire.CommandText([]byte(other)), show)
		v.Expected, v.Found = "a new index for each command of a term", fmt.Sprintf("index %d twice", r.Index)
		return
	}
	c.slots[k] = o.cmd
	cmd.promised = append(cmd.promised, r.Index)
	if r.Index <= uint64(len(c.log)) {
		// A deposed leader may promise an index that others have filled. One
		// that was elected after the index was committed must have that entry.
		if e := &c.log[r.Index-1]; !bytes.Equal(e.cmd, []byte(o.cmd)) && r.Term > e.term {
			v := c.broke(r, LeaderCompleteness, e.by, "the leader of term %d, server %d, gave index %d to %s, but %s was committed there before that term began",
				r.Term, r.Node, r.Index, show, wire.CommandText(e.cmd))
			v.Expected = fmt.Sprintf("every leader of a later term has %s at index %d", wire.CommandText(e.cmd), r.Index)
			v.Found = fmt.Sprintf("server %d's log did not reach index %d", r.Node, r.Index)
		}
	}
	c.checkPromise(r, cmd, show)
}

// checkPromise holds a command's applied indexes against those promised.
func (c *Checker) checkPromise(r *sim.Record, cmd *command, show string) {
	if cmd.pending > 0 {
		return // an open Start may promise that index yet
	}
	for _, i := range cmd.applied {
		found := false
		for _, p := range cmd.promised {
			found = found || p == i
		}
		if !found {
			v := c.broke(r, StartContract, -1, "%s was applied at index %d, which no Start had promised to it", show, i)
			v.Expected, v.Found = fmt.Sprintf("index %v, as Start answered", cmd.promised), fmt.Sprintf("index %d", i)
		}
	}
}

func (c *Checker) apply(r *sim.Record, s *server) {
	show := wire.CommandText(r.Data)
	if r.Index != s.applied+1 {
		v := c.broke(r, ApplyOrder, -1, "server %d applied index %d right after index %d", r.Node, int64(r.Index), s.applied)
		v.Expected, v.Found = fmt.Sprintf("index %d: each index once, in order, without a gap", s.applied+1), fmt.Sprintf("index %d (%s)", int64(r.Index), show)
		return
	}
	s.applied = r.Index
	if r.Index <= uint64(len(c.log)) {
		if e := &c.log[r.Index-1]; !bytes.Equal(e.cmd, r.Data) {
			v := c.broke(r, StateMachineSafety, e.by, "two commands at index %d: server %d applied %s, server %d had applied %s", r.Index, r.Node, show, e.by, wire.CommandText(e.cmd))
			v.Expected, v.Found = wire.CommandText(e.cmd), show
		}
		return
	}
	digest := wire.NewDigest()
	if n := len(c.log); n > 0 {
		digest = c.log[n-1].digest
	}
	digest.Apply(r.Data)
	c.log = append(c.log, committed{cmd: r.Data, by: r.Node, term: c.maxTerm, digest: digest})
	cmd := c.starts[string(r.Data)]
	if cmd == nil {
		v := c.broke(r, ApplyIntegrity, -1, "server %d applied %s at index %d, which nobody had given to Start", r.Node, show, r.Index)
		v.Expected, v.Found = "a command that was given to Start", show
		return
	}
	cmd.applied = append(cmd.applied, r.Index)
	if len(cmd.applied) > cmd.asked-cmd.refused {
		v := c.broke(r, ApplyIntegrity, -1, "%s was applied at %v, but only %d Start accepted it", show, cmd.applied, cmd.asked-cmd.refused)
		v.Expected, v.Found = "each accepted command at one index", fmt.Sprintf("indexes %v", cmd.applied)
		return
	}
	c.checkPromise(r, cmd, show)
	if know, tracked := c.causal.knowers(string(r.Data), r.Node); tracked && know < c.n/2+1 {
		v := c.broke(r, CommitWithoutMajority, -1, "server %d applied %s at index %d although only %d of %d servers can have heard of it", r.Node, show, r.Index, know, c.n)
		v.Expected, v.Found = fmt.Sprintf("at least %d servers have the entry", c.n/2+1), fmt.Sprintf("%d", know)
	}
	c.causal.done(string(r.Data))
}

func (c *Checker) applySnapshot(r *sim.Record, s *server) {
	digest, err := wire.ParseDigest(r.Data)
	idx := digest.Index
	switch {
	case err != nil:
		c.broke(r, SnapshotIntegrity, -1, "server %d delivered a snapshot that the service never made: %v", r.Node, err)
	case idx != r.Index:
		v := c.broke(r, SnapshotIntegrity, -1, "server %d delivered a snapshot of the state up to index %d as one up to index %d", r.Node, idx, int64(r.Index))
		v.Expected, v.Found = fmt.Sprintf("SnapshotIndex = %d", idx), fmt.Sprintf("SnapshotIndex = %d", int64(r.Index))
	case idx > uint64(len(c.log)) || idx > 0 && c.log[idx-1].digest != digest:
		c.broke(r, SnapshotIntegrity, -1, "server %d delivered a snapshot up to index %d whose state is not that of the commands applied up to there", r.Node, idx)
	case idx < s.applied:
		v := c.broke(r, ApplyOrder, -1, "server %d delivered the snapshot up to index %d after it had applied index %d: the service would go back", r.Node, idx, s.applied)
		v.Expected, v.Found = fmt.Sprintf("a snapshot beyond index %d, or none", s.applied), fmt.Sprintf("index %d", idx)
	default:
		s.applied = idx
	}
}

// ended closes the Starts that died with their server: they may or may not take effect.
func (c *Checker) ended(n int) {
	for id, o := range c.open {
		if o.server == n {
			delete(c.open, id) // pending stays: its index is not known
		}
	}
}

func (c *Checker) fault(r *sim.Record) {
	stack := r.Data // reporting emits a record, and the world reuses r
	p, ok := ofFault[r.Name]
	if !ok {
		v := c.broke(r, Property("Engine"), -1, "the grader itself failed: %s", firstLine(stack))
		v.Stack = string(stack)
		return
	}
	what := map[string]string{
		sim.FaultPanic:    "panicked",
		sim.FaultStack:    "ran out of stack: recursion without end",
		sim.FaultProtocol: "broke a rule of the framework",
		sim.FaultExit:     fmt.Sprintf("ended the program with exit code %d", r.Index),
		sim.FaultSpin:     "span without waiting: a loop without Sleep, channel or lock that another goroutine could use",
		sim.FaultMemory:   "ran out of memory",
		sim.FaultDeadlock: "is deadlocked: every goroutine waits",
		sim.FaultOutput:   "printed without end",
	}[r.Name]
	v := c.broke(r, p, -1, "server %d %s", r.Node, what) // or a client: the report has its name
	v.Stack = string(stack)
	v.Found = firstLine(stack)
}

func firstLine(b []byte) string {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// causality tracks, for commands not yet committed, which servers can have
// heard of them: those that a chain of messages reaches from the server that
// was given the command, after it was given. A commit needs a majority of such
// servers, and the one that applies must have heard of them all: this needs no
// look into any message.
type causality struct {
	n      int
	cmds   []tracked
	flight map[uint64][]uint64 // message -> per tracked command: servers known to have heard
	base   uint64              // number of the first tracked command
}

// tracked is one command: know[s] has a bit for each server that, as far as
// server s can know, has heard of it.
type tracked struct {
	cmd  string
	know []uint64
	over bool
}

// maxTracked bounds the commands tracked; the oldest are given up first.
const maxTracked = 64

// maxFlight bounds the messages remembered while commands are tracked.
const maxFlight = 1 << 16

func (x *causality) start(cmd string, at int) {
	for i := range x.cmds {
		if x.cmds[i].cmd == cmd {
			x.cmds[i].know[at] |= 1 << at
			return
		}
	}
	if len(x.cmds) == maxTracked {
		x.cmds = append(x.cmds[:0:0], x.cmds[1:]...)
		x.base++
	}
	t := tracked{cmd: cmd, know: make([]uint64, x.n)}
	t.know[at] = 1 << at
	x.cmds = append(x.cmds, t)
}

func (x *causality) send(from int, id uint64) {
	if len(x.cmds) == 0 {
		return
	}
	know := make([]uint64, len(x.cmds)+1)
	know[0] = x.base
	any := uint64(0)
	for i := range x.cmds {
		know[i+1] = x.cmds[i].know[from]
		any |= know[i+1]
	}
	if any == 0 {
		return
	}
	if len(x.flight) == maxFlight {
		// Forgetting a message could only lead to a false alarm: give up the
		// commands instead.
		x.base += uint64(len(x.cmds))
		x.cmds, x.flight = nil, nil
		return
	}
	if x.flight == nil {
		x.flight = map[uint64][]uint64{}
	}
	x.flight[id] = know
}

func (x *causality) receive(at int, id uint64) {
	know := x.flight[id]
	if know == nil {
		return
	}
	// Kept for a second copy of the message; forgotten with the commands.
	for i, k := range know[1:] {
		j := int(know[0]) + i - int(x.base)
		if k != 0 && j >= 0 && j < len(x.cmds) {
			x.cmds[j].know[at] |= k | 1<<at
		}
	}
}

func (x *causality) knowers(cmd string, at int) (int, bool) {
	for i := range x.cmds {
		if x.cmds[i].cmd == cmd {
			return bits.OnesCount64(x.cmds[i].know[at]), true
		}
	}
	return 0, false
}

// done stops tracking a committed command, and forgets messages when none is left.
func (x *causality) done(cmd string) {
	left := 0
	for i := range x.cmds {
		if x.cmds[i].cmd == cmd {
			x.cmds[i].over = true
		}
		if !x.cmds[i].over {
			left++
		}
	}
	for len(x.cmds) > 0 && x.cmds[0].over {
		x.cmds = x.cmds[1:]
		x.base++
	}
	if left == 0 {
		x.base += uint64(len(x.cmds))
		x.cmds = nil
		x.flight = nil
	}
}
