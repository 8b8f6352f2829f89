package sim

import "fmt"

// Config describes a world. The zero value of a field means its default.
type Config struct {
	Servers int // nodes 0..Servers-1
	Clients int // the nodes after them; New makes them too
	New     Factory
	Seed    uint64
	Link    Link // of every pair at the start; default Reliable

	// BootDelay bounds the seeded delay of every boot; default 10 ms.
	BootDelay Time
	// TimerLate bounds the seeded lateness of every timer; default 1 ms.
	TimerLate Time
	// Exact makes boots and timers punctual and the clocks equal, in place of
	// the two bounds above: for lessons and scripts that need round numbers.
	Exact bool
	// LossNotice bounds the time after which a call fails whose request or
	// reply was lost; default 0-26 ms, the MIT lab's.
	LossNotice [2]Time
	// CutNotice is the same for a server that cannot be reached; default 0-7 s.
	CutNotice [2]Time

	SnapshotEvery uint64 // see BootInfo
	Preempt       int    // see BootInfo
}

// Stats counts what a node did since the world began, over all its lives.
type Stats struct {
	Steps    uint64
	Sent     uint64 // messages of any kind
	Received uint64
	Calls    uint64 // messages that expect an answer: the lab's RPCs
	Bytes    uint64 // bodies of the messages sent
	Saves    uint64
	Applied  uint64
}

// World is a cluster in virtual time. It is not safe for concurrent use; many
// worlds may run side by side.
type World struct {
	cfg   Config
	now   Time
	q     queue
	seq   uint64
	nodes []node
	links [][]Link
	holds []heldLink
	watch []Watcher
	rec   Record

	net    *RNG // delays, losses
	timing *RNG // boot delays, lateness

	msgID, reqID uint64
	reqs         map[uint64]request
	ev           Event // the event being delivered: reused
	fx           []Effect
	stepping     bool
}

type request struct {
	node, life int
	done       func(*Effect)
}

type node struct {
	srv     Server
	up      bool
	booting bool
	life    int
	disk    Disk
	offset  Time
	seed    uint64

	deadline Time // as the server asked
	fire     Time // when the Tick will come
	queued   Time // earliest timer in the queue, or Never

	status  Status
	calls   map[uint64]*pendingCall
	serving []serving
	arm     *CrashPoint
	stats   Stats
	fault   string
}

// New makes a world in which no server has booted yet; see Boot and BootAll.
// It panics on a configuration without servers or factory: that is a mistake in
// the program, not in its input.
func New(cfg Config, watchers ...Watcher) *World {
	if cfg.Servers < 1 || cfg.New == nil {
		panic("sim: Config needs Servers and New")
	}
	if cfg.Link == (Link{}) {
		cfg.Link = Reliable
	}
	def := func(t *Time, v Time) {
		if *t == 0 && !cfg.Exact {
			*t = v
		}
	}
	def(&cfg.BootDelay, 10*Millisecond)
	def(&cfg.TimerLate, 1*Millisecond)
	if cfg.LossNotice[1] == 0 {
		cfg.LossNotice[1] = 26 * Millisecond
	}
	if cfg.CutNotice[1] == 0 {
		cfg.CutNotice[1] = 7 * Second
	}
	n := cfg.Servers + cfg.Clients
	w := &World{
		cfg: cfg, watch: watchers, nodes: make([]node, n), links: make([][]Link, n),
		net: NewRNG(cfg.Seed, 1), timing: NewRNG(cfg.Seed, 2), reqs: map[uint64]request{},
	}
	for i := range w.nodes {
		r := NewRNG(cfg.Seed, 1000+uint64(i))
		nd := &w.nodes[i]
		nd.seed = r.Uint64()
		if !cfg.Exact {
			nd.offset = Time(i+1) + r.Between(0, 1000)*Millisecond + r.Between(0, Millisecond)
		}
		nd.deadline, nd.fire, nd.queued = Never, Never, Never
		w.links[i] = make([]Link, n)
		for j := range w.links[i] {
			w.links[i][j] = cfg.Link
		}
	}
	return w
}

// Reseed draws what the network and the timers do from now on from another seed:
// another course that the world could have taken.
func (w *World) Reseed(seed uint64) {
	w.net, w.timing = NewRNG(seed, 1), NewRNG(seed, 2)
}

// AddWatcher makes w tell one more watcher of every record from now on.
func (w *World) AddWatcher(x Watcher) { w.watch = append(w.watch, x) }

// Now returns the virtual time.
func (w *World) Now() Time { return w.now }

// Servers and Nodes say how many servers there are, and nodes with the clients.
func (w *World) Servers() int { return w.cfg.Servers }
func (w *World) Nodes() int   { return len(w.nodes) }

// Up says whether node n runs; a node that is about to boot does.
func (w *World) Up(n int) bool { return w.nodes[n].up || w.nodes[n].booting }

// Life says how often node n has booted.
func (w *World) Life(n int) int { return w.nodes[n].life }

// Status returns what was last seen of node n's state in this life.
func (w *World) Status(n int) Status { return w.nodes[n].status }

// Stats returns node n's counters.
func (w *World) Stats(n int) Stats { return w.nodes[n].stats }

// Disk returns what is on node n's disk. It stays as it is when the node writes on.
func (w *World) Disk(n int) Disk { return w.nodes[n].disk.clip() }

// clip makes appending to the copy, or to the original, leave the other alone.
func (d Disk) clip() Disk {
	d.WAL = d.WAL[:len(d.WAL):len(d.WAL)]
	return d
}

// SetDisk replaces what is on the disk of node n, which must be down.
func (w *World) SetDisk(n int, d Disk) {
	w.nodes[n].disk = d.clip()
	w.emit(Record{Kind: RecDiskSet, Node: n, Data: d.State, More: d.Snapshot})
}

// Emit hands a record to the watchers; T is filled in. Tests, clients and
// checks use it to put their marks on the trace.
func (w *World) Emit(r Record) { w.emit(r) }

func (w *World) emit(r Record) {
	if len(w.watch) == 0 {
		return
	}
	r.T = w.now
	w.rec = r
	for _, x := range w.watch {
		x.Watch(&w.rec)
	}
}

func (w *World) push(t Time, it queued) {
	w.seq++
	it.t, it.seq = t, w.seq
	w.q.push(it)
}

// At calls fn at time t, or now if t has passed. It is not part of the trace.
func (w *World) At(t Time, fn func()) { w.push(max(t, w.now), queued{kind: qFunc, fn: fn}) }

// BootAll boots every node that is down.
func (w *World) BootAll() {
	for i := range w.nodes {
		if !w.Up(i) {
			w.Boot(i)
		}
	}
}

// Boot starts node n, after its seeded delay, from what its disk holds. It does
// nothing to a node that is up.
func (w *World) Boot(n int) {
	nd := &w.nodes[n]
	if nd.up || nd.booting {
		return
	}
	nd.booting = true
	nd.life++
	nd.fault = ""
	w.push(w.now+w.timing.Between(0, w.cfg.BootDelay), queued{kind: qBoot, node: n, life: nd.life})
}

func (w *World) boot(n int) {
	nd := &w.nodes[n]
	nd.booting, nd.up = false, true
	nd.status = Status{Vote: -1, Lead: -1}
	nd.calls = map[uint64]*pendingCall{}
	nd.serving = nil
	nd.deadline, nd.fire, nd.queued = Never, Never, Never
	seed := NewRNG(nd.seed, uint64(nd.life)).Uint64()
	nd.srv = w.cfg.New(n, nd.life, seed)
	w.emit(Record{Kind: RecBoot, Node: n, Peer: -1, ID: uint64(nd.life), Index: uint64(nd.offset)})
	w.ev = Event{Kind: Boot, Boot: &BootInfo{
		Me: n, Servers: w.cfg.Servers, ClockOffset: nd.offset, Disk: nd.disk.clip(),
		SnapshotEvery: w.cfg.SnapshotEvery, Preempt: w.cfg.Preempt,
	}}
	w.step(n, &w.ev)
}

// Crash ends node n at once: its memory is gone, its disk stays.
func (w *World) Crash(n int) {
	if nd := &w.nodes[n]; nd.up || nd.booting {
		w.emit(Record{Kind: RecCrash, Node: n, Peer: -1})
		w.bury(n)
	}
}

// bury takes a node down. Calls that it was serving are lost; so are its own.
func (w *World) bury(n int) {
	nd := &w.nodes[n]
	if nd.srv != nil {
		nd.srv.Close()
	}
	nd.srv, nd.up, nd.booting, nd.calls, nd.arm = nil, false, false, nil, nil
	nd.status = Status{Vote: -1, Lead: -1}
	nd.deadline, nd.fire, nd.queued = Never, Never, Never
	served := nd.serving
	nd.serving = nil
	for _, s := range served {
		w.endCopy(s.from, s.life, s.call, DropDown)
	}
}

func (w *World) crashWith(n int, fault, msg string) {
	w.emit(Record{Kind: RecFault, Node: n, Peer: -1, Name: fault, Data: []byte(msg)})
	w.bury(n)
	w.nodes[n].fault = fault
}

// CrashPoint is a crash that waits for an effect of its server.
type CrashPoint struct {
	Effect EffectKind // the effect that sets it off
	Before bool       // the effect itself does not happen any more
	Skip   int        // let so many such effects pass first
	Method string     // for Send: only messages with this Method; "" any
	Reply  bool       // for Send: only replies
	// InStep asks for one more effect after this one in the same step, so that
	// the crash really falls between two effects that belong together.
	InStep bool
}

// Arm makes node n crash at the next effect that p describes. A later Arm
// replaces it; nil disarms.
func (w *World) Arm(n int, p *CrashPoint) {
	if w.nodes[n].arm = nil; p != nil {
		own := *p // Skip counts down
		w.nodes[n].arm = &own
		w.emit(Record{Kind: RecArm, Node: n, Peer: -1, Name: p.String()})
	}
}

// Armed says whether node n still waits for its crash point.
func (w *World) Armed(n int) bool { return w.nodes[n].arm != nil }

func (p *CrashPoint) String() string {
	when := "after"
	if p.Before {
		when = "before"
	}
	return fmt.Sprintf("%s effect %d %s skip %d", when, p.Effect, p.Method, p.Skip)
}

// hit returns how many of the step's effects happen if the crash falls into it.
func (p *CrashPoint) hit(fx []Effect) (int, bool) {
	for i := range fx {
		e := &fx[i]
		if e.Kind != p.Effect || p.Method != "" && e.Msg.Method != p.Method || p.Reply && e.Msg.Kind != MsgReply {
			continue
		}
		if p.InStep && i+1 == len(fx) {
			continue
		}
		if p.Skip > 0 {
			p.Skip--
			continue
		}
		if p.Before {
			return i, true
		}
		return i + 1, true
	}
	return 0, false
}

// Request asks node n to do an operation now; done, if not nil, is called with
// its Respond effect. A server that is down, crashes or never answers never
// calls done. It returns the request's number, 0 if the node is down.
func (w *World) Request(n int, op string, index uint64, data []byte, done func(*Effect)) uint64 {
	nd := &w.nodes[n]
	if !nd.up {
		return 0
	}
	w.reqID++
	id := w.reqID
	if done != nil {
		w.reqs[id] = request{n, nd.life, done}
	}
	w.emit(Record{Kind: RecRequest, Node: n, Peer: -1, ID: id, Name: op, Index: index, Data: data})
	ev := Event{Kind: RequestOp, Req: &Request{ID: id, Op: op, Index: index, Data: data}}
	w.step(n, &ev)
	return id
}

// step delivers one event and lets its effects happen.
func (w *World) step(n int, ev *Event) {
	if w.stepping {
		panic("sim: a watcher or a callback of Request may not cause a step: use At")
	}
	nd := &w.nodes[n]
	nd.stats.Steps++
	w.stepping = true
	defer func() { w.stepping = false }()
	fx, deadline := nd.srv.Step(w.now, ev, w.fx[:0])
	happen, cut := len(fx), false
	if nd.arm != nil {
		if k, ok := nd.arm.hit(fx); ok {
			happen, cut = k, true
		}
	}
	life := nd.life
	for i := 0; i < happen; i++ {
		w.effect(n, &fx[i])
		if !nd.up || nd.life != life {
			break // it faulted
		}
	}
	clear(fx)
	w.fx = fx[:0]
	if !nd.up || nd.life != life {
		return
	}
	if cut {
		w.emit(Record{Kind: RecCrash, Node: n, Peer: -1, Index: uint64(happen), Flag: true})
		w.bury(n)
		return
	}
	w.setTimer(n, deadline)
}

// setTimer keeps one timer a node in the queue: a deadline that moves later
// leaves it, and it goes back into the queue when it comes up too early.
func (w *World) setTimer(n int, deadline Time) {
	nd := &w.nodes[n]
	if deadline == nd.deadline {
		return
	}
	nd.deadline = deadline
	if deadline == Never {
		nd.fire = Never
		return
	}
	nd.fire = max(deadline, w.now) + w.timing.Between(0, w.cfg.TimerLate)
	if nd.fire < nd.queued {
		nd.queued = nd.fire
		w.push(nd.fire, queued{kind: qTimer, node: n, life: nd.life})
	}
}

func (w *World) timer(it *queued) {
	nd := &w.nodes[it.node]
	if !nd.up || nd.life != it.life || it.t != nd.queued {
		return
	}
	nd.queued = Never
	if nd.fire > w.now {
		if nd.fire != Never {
			nd.queued = nd.fire
			w.push(nd.fire, queued{kind: qTimer, node: it.node, life: nd.life})
		}
		return
	}
	nd.deadline, nd.fire = Never, Never
	w.emit(Record{Kind: RecTick, Node: it.node, Peer: -1})
	w.ev = Event{Kind: Tick}
	w.step(it.node, &w.ev)
}

func (w *World) effect(n int, e *Effect) {
	nd := &w.nodes[n]
	r := Record{Node: n, Peer: -1, Index: e.Index, Term: e.Term, Data: e.Data}
	switch e.Kind {
	case Send:
		w.send(n, e)
		return
	case Save:
		nd.stats.Saves++
		nd.disk = Disk{State: e.Data, Snapshot: e.More}
		r.Kind, r.More = RecSave, e.More
	case WriteAhead:
		nd.stats.Saves++
		nd.disk.WAL = append(nd.disk.WAL, e.Data)
		r.Kind = RecWriteAhead
	case Apply:
		nd.stats.Applied++
		r.Kind = RecApply
	case ApplySnapshot:
		r.Kind = RecApplySnapshot
	case Respond:
		r.Kind, r.ID, r.Flag = RecRespond, e.ID, e.Flag
		w.emit(r)
		if q, ok := w.reqs[e.ID]; ok && q.node == n && q.life == nd.life {
			delete(w.reqs, e.ID)
			q.done(e)
		}
		return
	case Observe:
		nd.status = e.Status
		r.Kind, r.Status = RecObserve, &e.Status
	case LogWrite:
		r.Kind, r.Entries = RecLogWrite, e.Entries
	case LogCompact:
		r.Kind = RecLogCompact
	case Print:
		r.Kind, r.Flag = RecPrint, e.Flag
	case Note:
		r.Kind, r.Name = RecNote, e.Text
	case Fault:
		r.Kind, r.Name = RecFault, e.Text
		w.emit(r)
		w.bury(n)
		nd.fault = e.Text
		return
	default:
		panic(fmt.Sprintf("sim: node %d: unknown effect kind %d", n, e.Kind))
	}
	w.emit(r)
}

// FaultOf returns the Fault constant that ended node n's last life, or "".
func (w *World) FaultOf(n int) string { return w.nodes[n].fault }

// Next returns the time of the next thing to happen, or Never.
func (w *World) Next() Time {
	if len(w.q.h) == 0 {
		return Never
	}
	return w.q.h[0].t
}

// Step lets the next thing happen. It returns false if there is none.
func (w *World) Step() bool {
	if len(w.q.h) == 0 {
		return false
	}
	it := w.q.pop()
	w.now = it.t
	switch it.kind {
	case qMessage:
		w.deliver(&it)
	case qCallFailed:
		w.callFailed(&it)
	case qTimer:
		w.timer(&it)
	case qBoot:
		if nd := &w.nodes[it.node]; nd.booting && nd.life == it.life {
			w.boot(it.node)
		}
	case qFunc:
		it.fn()
	}
	return true
}

// RunUntil lets everything happen up to and including time t.
func (w *World) RunUntil(t Time) {
	for w.Next() <= t {
		w.Step()
	}
	w.now = max(w.now, t)
}

// Close ends all servers and frees what they hold. The world is of no use after.
func (w *World) Close() {
	for i := range w.nodes {
		if s := w.nodes[i].srv; s != nil {
			s.Close()
			w.nodes[i].srv, w.nodes[i].up = nil, false
		}
	}
}
