package hunt

import (
	"slices"

	"github.com/raftlab/raftlab/grader/sim"
)

// Generate makes the random world with a seed. Each world draws, swarm-style,
// which few kinds of trouble it has at all: a world with every kind at once
// rarely gets far enough in any of them. service is script.Lab.Service, whose
// clients then give the commands; snapshots says whether it may take some.
func Generate(seed uint64, service string, snapshots bool) *World {
	g := &gen{rng: sim.NewRNG(seed, 77)}
	g.w = &World{
		Seed: g.rng.Uint64() >> 1, Servers: pick(g, 3, 3, 3, 3, 5, 5, 4, 7), Preempt: g.n(3),
		SnapshotEvery: pick(g, 0, 0, 0, 3, 5, 10), Net: pick(g, nets...),
	}
	if !snapshots {
		g.w.SnapshotEvery = 0
	}
	g.every = g.w.SnapshotEvery
	maneuvers := maneuvers
	if service != "" {
		g.serve(service)
		maneuvers = slices.Concat(maneuvers, clientManeuvers)
	}
	g.pace = pick(g, 20*sim.Millisecond, 60*sim.Millisecond, 200*sim.Millisecond, 600*sim.Millisecond)
	var kinds []func(*gen)
	for n := 1 + g.n(4); len(kinds) < n; {
		if m := pick(g, maneuvers...); g.rng.Chance(m.often) && (!m.snapshots || g.every > 0) {
			kinds = append(kinds, m.do)
			g.w.Servers = max(g.w.Servers, pick(g, 3, m.servers))
		}
	}
	g.wait(sim.Time(200+g.n(700)) * sim.Millisecond)
	for n := 4 + g.n(12); n > 0 && len(g.w.Actions) < maxActions; n-- {
		g.look()
		pick(g, kinds...)(g)
		if g.rng.Chance(0.4) {
			g.start(leader, 1+g.n(3))
		}
		if g.rng.Chance(0.25) {
			g.wait(sim.Time(300+g.n(900)) * sim.Millisecond)
		}
	}
	g.end()
	return g.w
}

// maxActions bounds the actions before the faults end.
const maxActions = 90

// nets are the networks that a world may begin with.
var nets = []sim.Link{
	sim.Reliable, sim.Reliable,
	{Min: 1 * sim.Millisecond, Max: 10 * sim.Millisecond},
	sim.Unreliable,
	sim.LongReordering,
	{Min: 1 * sim.Millisecond, Max: 20 * sim.Millisecond, Dup: 0.4},
	{Min: 1 * sim.Millisecond, Max: 30 * sim.Millisecond, Dup: 0.3, Late: 0.3, LateMin: 30 * sim.Millisecond, LateMax: 500 * sim.Millisecond},
	{Min: 20 * sim.Millisecond, Max: 200 * sim.Millisecond, Dup: 0.2},
	{Min: 1 * sim.Millisecond, Max: 15 * sim.Millisecond, Late: 0.15, LateMin: 200 * sim.Millisecond, LateMax: 1500 * sim.Millisecond},
	{Min: 100 * sim.Millisecond, Max: 450 * sim.Millisecond},
	{Min: 150 * sim.Millisecond, Max: 900 * sim.Millisecond},
}

// A maneuver is a few actions that belong together.
type maneuver struct {
	do        func(*gen)
	often     float64 // how readily it is drawn
	snapshots bool    // only with snapshots
	servers   int     // a number of servers at which it does most harm
}

var maneuvers = []maneuver{
	{do: commands, often: 0.6},
	{do: crashes, often: 0.4},
	{do: crashPoints, often: 0.4},
	{do: cuts, often: 0.3},
	{do: partitions, often: 0.3},
	{do: networks, often: 0.2},
	{do: unread, often: 0.15},
	{do: holds, often: 0.3},
	{do: allRestart, often: 0.15},
	{do: rivals, often: 0.3},
	{do: staleAnswer, often: 0.25},
	{do: deposed, often: 0.3},
	{do: oneWay, often: 0.2},
	{do: acknowledged, often: 0.25},
	{do: laggard, often: 0.3},
	{do: forgetful, often: 0.4},
	{do: tornVote, often: 0.4},
	{do: staleCandidates, often: 0.4, servers: 9},
	{do: snapshotRace, often: 0.5, snapshots: true},
}

type gen struct {
	rng   *sim.RNG
	w     *World
	every int      // commands between snapshots, 0: none
	pace  sim.Time // pauses are up to this
	value int
	pause sim.Time // before the next action
}

var leader = Who{Rel: true}

func after(n int) Who { return Who{Rel: true, N: n} }

func pick[T any](g *gen, of ...T) T { return of[g.n(len(of))] }

func (g *gen) n(n int) int                 { return int(g.rng.N(int64(n))) }
func (g *gen) between(lo, hi int) sim.Time { return sim.Time(lo+g.n(hi-lo+1)) * sim.Millisecond }
func (g *gen) wait(t sim.Time)             { g.pause += t }
func (g *gen) any() Who                    { return after(g.n(g.w.Servers)) }
func (g *gen) follower() Who               { return after(1 + g.n(g.w.Servers-1)) }
func (g *gen) look()                       { g.do(Action{Op: Look, A: Who{N: g.n(g.w.Servers)}}) }
func (g *gen) on(op Op, a Who)             { g.do(Action{Op: op, A: a}) }
func (g *gen) link(op Op, a, b Who)        { g.do(Action{Op: op, A: a, B: b}) }
func (g *gen) revive(a Who)                { g.on(Revive, a) }
func (g *gen) beat() {
	g.wait(sim.Time(g.rng.N(int64(g.pace)))/sim.Millisecond*sim.Millisecond + sim.Millisecond)
}
func (g *gen) election()                      { g.wait(g.between(300, 1500)) }
func (g *gen) hold(a, b Who, k string, n int) { g.holdBy(a, b, k, n, g.between(50, 900)) }

func (g *gen) holdBy(a, b Who, kind string, n int, by sim.Time) {
	g.do(Action{Op: Hold, A: a, B: b, What: kind, Count: n, Skip: g.n(2), By: by})
}

func (g *gen) do(a Action) {
	a.Pause, g.pause = a.Pause+g.pause, 0
	if g.w.Service == "kvraft" {
		a.Link.Dup = 0
	}
	g.w.Actions = append(g.w.Actions, a)
}

func (g *gen) start(at Who, n int) {
	if g.w.Service != "" {
		for range n {
			g.ask(g.n(g.w.Clients))
		}
		return
	}
	g.do(Action{Op: Start, A: at, Value: g.value + 1, Count: n})
	g.value += n
}

func (g *gen) crashOn(a Who) {
	g.do(Action{Op: CrashOn, A: a, What: pick(g, "save", "save", "reply", "reply", "send", "apply"), Before: g.rng.Chance(0.4), Skip: g.n(4)})
}

// commands go to the leader, and to whoever takes himself for one.
func commands(g *gen) {
	for k := 1 + g.n(3); k > 0; k-- {
		g.start(pick(g, leader, leader, g.any()), 1+g.n(4))
		g.beat()
	}
}

func crashes(g *gen) {
	a := pick(g, leader, g.any())
	if g.rng.Chance(0.5) {
		g.start(leader, 1)
		g.beat()
	}
	g.on(Crash, a)
	g.beat()
	if g.rng.Chance(0.5) {
		g.start(g.any(), 1)
		g.election()
	}
	g.revive(a)
}

// crashPoints fall between saving, replying and applying.
func crashPoints(g *gen) {
	victims := 1 + g.n(2)
	var who []Who
	for ; victims > 0; victims-- {
		a := g.any()
		who = append(who, a)
		g.crashOn(a)
	}
	g.start(leader, 1+g.n(3))
	g.beat()
	if g.rng.Chance(0.3) {
		g.on(Restart, leader)
	}
	g.beat()
	for _, a := range who {
		g.revive(a)
		if g.rng.Chance(0.5) {
			g.on(Disarm, a)
		}
	}
}

func cuts(g *gen) {
	for k := 1 + g.n(3); k > 0; k-- {
		a := g.n(g.w.Servers)
		b := (a + 1 + g.n(g.w.Servers-1)) % g.w.Servers
		g.link(pick(g, Cut, Cut, Heal), after(a), after(b))
		g.beat()
	}
	if g.rng.Chance(0.4) {
		g.do(Action{Op: HealAll})
	}
}

func partitions(g *gen) {
	k := 1 + g.n(g.w.Servers-1)
	from := g.n(g.w.Servers)
	var group []Who
	for i := range k {
		group = append(group, after((from+i)%g.w.Servers))
	}
	g.do(Action{Op: Partition, Group: group})
	g.start(leader, 1+g.n(3))
	g.beat()
	if g.rng.Chance(0.5) {
		g.election()
		g.start(g.any(), 1)
	}
	g.beat()
	if g.rng.Chance(0.7) {
		g.do(Action{Op: HealAll})
	}
}

func networks(g *gen) {
	a := Action{Op: Network, A: Any, B: Any, Link: pick(g, nets...)}
	switch g.n(3) {
	case 0:
		a.A = g.any()
	case 1:
		a.B = g.any()
	}
	g.do(a)
	g.beat()
}

// unread leaves a server's applyCh unread for a while.
func unread(g *gen) {
	a := g.any()
	g.on(Pause, a)
	g.start(leader, 2+g.n(8))
	g.wait(g.between(50, 1500))
	if g.rng.Chance(0.5) {
		g.on(pick(g, Crash, Isolate), leader)
		g.election()
	}
	g.on(Resume, a)
}

// holds keep single messages back.
func holds(g *gen) {
	for k := 1 + g.n(3); k > 0; k-- {
		a := g.n(g.w.Servers)
		b := (a + 1 + g.n(g.w.Servers-1)) % g.w.Servers
		g.hold(after(a), after(b), pick(g, "reply", "call", "any"), 1+g.n(3))
	}
	g.start(leader, 1+g.n(2))
	g.beat()
}

func allRestart(g *gen) {
	for i := range g.w.Servers {
		g.on(Crash, after(i))
	}
	g.beat()
	for i := range g.w.Servers {
		g.revive(after(i))
		if g.rng.Chance(0.3) {
			g.beat()
		}
	}
}

// rivals makes two candidates of one term that cannot hear each other, and aims
// at the voter between them: its answers arrive in the next term, or what one of
// them asks arrives late, or it crashes as it votes and comes back at once.
func rivals(g *gen) {
	v, a, b := leader, after(1), after(2)
	g.link(Cut, a, b)
	g.link(Cut, b, a)
	late, slow, dies := g.rng.Chance(0.5), g.rng.Chance(0.4), g.rng.Chance(0.5)
	if late {
		g.do(Action{Op: Hold, A: v, B: a, What: "reply", Count: 1 + g.n(4), By: g.between(250, 900)})
	}
	if slow {
		g.do(Action{Op: Hold, A: b, B: v, What: "call", Count: 1 + g.n(3), By: g.between(50, 500)})
	}
	g.on(Crash, v)
	g.wait(g.between(50, 600))
	g.revive(v)
	if dies {
		g.do(Action{Op: CrashOn, A: v, What: pick(g, "save", "save", "reply"), Before: g.rng.Chance(0.3), Skip: g.n(4)})
	}
	for k := 2 + g.n(4); k > 0; k-- {
		g.wait(g.between(20, 300))
		if dies {
			g.revive(v)
		}
		if g.rng.Chance(0.2) {
			g.on(Restart, pick(g, a, b))
		}
	}
	if dies {
		g.on(Disarm, v)
	}
	if g.rng.Chance(0.7) {
		g.do(Action{Op: HealAll})
	}
}

// staleAnswer keeps an answer back until its receiver, deposed in between, leads
// again, with a log that has lost what the answer confirms.
func staleAnswer(g *gen) {
	l, f := leader, g.follower()
	g.holdBy(f, l, "reply", 1+g.n(3), g.between(1000, 5000))
	g.do(Action{Op: Partition, Group: []Who{l, f}})
	g.start(l, 3+g.n(8))
	g.wait(g.between(50, 300))
	g.on(Isolate, l)
	if g.rng.Chance(0.7) {
		g.on(Isolate, f)
	}
	g.election()
	rest := after(1)
	if f == rest {
		rest = after(2)
	}
	for i := range g.w.Servers {
		g.start(after(i), 1)
	}
	g.beat()
	g.do(Action{Op: HealAll})
	g.wait(g.between(200, 700))
	for k := 1 + g.n(4); k > 0; k-- {
		g.on(Unseat, l)
		g.wait(g.between(300, 800))
	}
	g.link(Cut, l, f)
	if g.rng.Chance(0.6) {
		g.link(Cut, l, rest)
	}
	for k := 2 + g.n(3); k > 0; k-- {
		g.start(l, 1+g.n(4))
		g.wait(g.between(50, 700))
	}
	g.do(Action{Op: HealAll})
}

// deposed isolates a leader with entries that nobody has, and lets it return.
func deposed(g *gen) {
	g.on(Isolate, leader)
	g.start(leader, 1+g.n(6))
	g.election()
	for i := range g.w.Servers {
		g.start(after(i), 1)
	}
	g.beat()
	if g.rng.Chance(0.4) {
		g.on(Isolate, g.follower())
	}
	g.on(Rejoin, leader)
	g.beat()
	if g.rng.Chance(0.5) {
		g.on(Unseat, leader)
		g.election()
		g.start(leader, 1+g.n(3))
		g.beat()
	}
	g.do(Action{Op: HealAll})
}

// oneWay makes a server deaf, or mute.
func oneWay(g *gen) {
	a := pick(g, leader, g.any())
	mute := g.rng.Chance(0.5)
	for i := range g.w.Servers {
		switch b := after(i); {
		case b == a:
		case mute:
			g.link(Cut, a, b)
		default:
			g.link(Cut, b, a)
		}
	}
	g.start(leader, 1+g.n(3))
	g.election()
	g.start(g.any(), 1)
	g.do(Action{Op: HealAll})
}

// acknowledged crashes a follower just after it said yes, and the leader with it.
func acknowledged(g *gen) {
	f := g.follower()
	for i := 1; i < g.w.Servers; i++ {
		if i != f.N && i%2 == 0 == g.rng.Chance(0.5) {
			g.on(Isolate, after(i))
		}
	}
	g.do(Action{Op: CrashOn, A: f, What: pick(g, "reply", "reply", "save"), Before: g.rng.Chance(0.2), Skip: g.n(2)})
	g.start(leader, 1+g.n(3))
	g.wait(g.between(20, 250))
	g.on(Crash, leader)
	g.do(Action{Op: HealAll})
	g.revive(f)
	g.on(Disarm, f)
	g.election()
	g.start(g.any(), 1)
	g.beat()
	g.revive(leader)
}

// laggard lets a server fall behind, and changes the leader before it returns.
func laggard(g *gen) {
	f := g.follower()
	g.on(pick(g, Isolate, Crash), f)
	g.start(leader, 4+g.n(2*max(g.every, 4)))
	g.wait(g.between(20, 300))
	if g.rng.Chance(0.5) {
		g.on(pick(g, Restart, Crash, Isolate), leader)
		g.election()
	}
	g.on(Rejoin, f)
	g.revive(f)
	g.beat()
	g.on(Rejoin, leader)
	g.revive(leader)
}

// forgetful restarts the leader while a request of its term is still under way to
// the voter, which crashes as it writes the next term down, and comes back.
func forgetful(g *gen) {
	v, a, b := leader, after(1), after(2)
	g.link(Cut, a, b)
	g.link(Cut, b, a)
	g.do(Action{Op: Hold, A: b, B: v, What: "call", Count: 1 + g.n(2), By: g.between(250, 600)})
	g.on(Crash, v)
	g.wait(g.between(20, 200))
	g.revive(v)
	g.wait(g.between(300, 700))
	g.on(Restart, a)
	g.do(Action{Op: CrashOn, A: v, What: "save", Before: g.rng.Chance(0.2), Skip: pick(g, 0, 0, 0, 1, 2)})
	for k := 4 + g.n(4); k > 0; k-- {
		g.wait(g.between(30, 150))
		g.revive(v)
	}
	g.on(Disarm, v)
	g.do(Action{Op: HealAll})
}

// tornVote has the voter crash between two effects of the step in which it hears
// of the next term: it comes back in the old one, for which another request is
// still under way. The next term begins as soon as the first candidate has won.
func tornVote(g *gen) {
	v, a, b := leader, after(1), after(2)
	g.link(Cut, a, b)
	g.link(Cut, b, a)
	g.do(Action{Op: Hold, A: b, B: v, What: "call", Count: 1 + g.n(2), By: g.between(300, 1000)})
	g.on(Crash, v)
	g.wait(g.between(10, 300))
	g.revive(v)
	g.do(Action{Op: Elected, A: v, By: 1500 * sim.Millisecond})
	g.on(Unseat, v)
	g.do(Action{Op: CrashOn, A: v, What: pick(g, "save", "save", "save", "reply"), Before: g.rng.Chance(0.2), InStep: g.rng.Chance(0.8), Skip: pick(g, 0, 0, 0, 1)})
	g.do(Action{Op: KeepUp, A: v, By: g.between(600, 1500)})
	g.on(Disarm, v)
	g.do(Action{Op: HealAll})
}

// staleCandidates leaves one server with the newest log among just enough others
// that cannot win, and asks for a leader among them.
func staleCandidates(g *gen) {
	n := g.w.Servers
	stale := n / 2
	core := []Who{after(1)}
	for i := range stale {
		g.on(Isolate, after(n-1-i))
		core = append(core, after(n-1-i))
	}
	g.start(leader, 1+g.n(3))
	g.wait(g.between(150, 400))
	g.do(Action{Op: HealAll})
	for i := range n - stale {
		if i != 1 {
			g.on(pick(g, Crash, Isolate), after(i))
		}
	}
	g.do(Action{Op: Calm, Group: core})
	g.do(Action{Op: HasLeader, Group: core, By: 6 * sim.Second})
	g.do(Action{Op: Calm})
	g.election()
}

// snapshotRace brings a server that needs a snapshot back over a slow link, so
// that snapshots and entries come late, twice and out of order.
func snapshotRace(g *gen) {
	f := g.follower()
	g.on(Isolate, f)
	g.start(leader, g.every+1+g.n(2*g.every))
	g.wait(g.between(50, 300))
	g.do(Action{Op: Network, A: pick(g, Any, leader), B: f, Link: sim.Link{Min: 10 * sim.Millisecond, Max: g.between(50, 500), Dup: pick(g, 0, 0.5)}})
	if g.rng.Chance(0.4) {
		g.crashOn(f)
	}
	if g.rng.Chance(0.3) {
		g.on(Unseat, g.follower())
		g.election()
	}
	g.on(Rejoin, f)
	for k := 1 + g.n(4); k > 0; k-- {
		g.start(leader, 1+g.n(g.every))
		g.beat()
	}
	g.revive(f)
	g.on(Disarm, f)
	g.do(Action{Op: Network, A: Any, B: Any, Link: g.w.Net})
}

// end stops the faults and says what must hold then: first among a core, which
// may be a bare majority, then of all.
func (g *gen) end() {
	n := g.w.Servers
	var core []Who
	if g.rng.Chance(0.4) {
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		g.rng.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order[:n/2+1+g.n(n-n/2)] {
			core = append(core, Who{N: i})
		}
	}
	if core != nil {
		g.do(Action{Op: Calm, Group: core})
		g.do(Action{Op: HasLeader, Group: core, By: 6 * sim.Second})
		if g.w.Service == "" {
			g.do(Action{Op: Commit, Group: core, Value: 9001, By: 10 * sim.Second})
		}
	}
	g.wait(g.between(0, 500))
	g.do(Action{Op: Calm})
	if g.w.Service != "" {
		g.answers()
		return
	}
	g.do(Action{Op: Commit, Value: 9002, By: 10 * sim.Second})
	g.wait(2500 * sim.Millisecond) // what was late has arrived
	g.do(Action{Op: Commit, Value: 9003, By: 10 * sim.Second})
	g.do(Action{Op: Stable, By: 1 * sim.Second})
	g.do(Action{Op: Quiet, Value: 30 * (n - 1)})
	if g.w.SnapshotEvery > 0 {
		g.do(Action{Op: ShortLog, Value: 2000})
	}
}
