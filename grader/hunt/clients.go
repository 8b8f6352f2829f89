package hunt

import (
	"fmt"

	"github.com/raftlab/raftlab/grader/sim"
)

// Worlds of a service: its clients give the commands, and in the end each of them
// must have its answers.

// shortLog is the least that the log of a service may take, in bytes; an entry
// takes some 40.
const shortLog = 800

// serve makes the world one of a service.
func (g *gen) serve(service string) {
	g.w.Service, g.w.Clients = service, 1+g.n(4)
	if service == "kvraft" {
		// The course's network loses messages and has them late, but doubles none: its
		// clerks may take the answer to the second of two for that to the first.
		g.w.Net.Dup = 0
	}
	// A command takes some hundred bytes of the log.
	if g.every > 0 {
		g.w.SnapshotEvery = pick(g, shortLog, 1500, 3000)
		g.every = g.w.SnapshotEvery / 200
	}
}

var clientManeuvers = []maneuver{
	{do: unheard, often: 0.5},
	{do: oldLeader, often: 0.5},
	{do: restartedUnheard, often: 0.5},
}

// keys are few, so that clients meet; locks are as many.
var keys = []string{"a", "a", "b"}

// ask gives a client something to do.
func (g *gen) ask(client int) {
	key := fmt.Sprintf("%q", pick(g, keys...))
	a := Action{Op: Ask, A: Who{N: client}, What: "get", Text: key}
	g.value++
	text := fmt.Sprintf(`"<%d>"`, g.value)
	switch k := g.n(10); {
	case g.w.Service == "lock":
		// A release by who has no lock is left out as the world runs.
		a.What = pick(g, "acquire", "release")
	case k < 5:
		a.What, a.Text = "append", key+", "+text
	case k == 5 && g.w.Service == "kv":
		a.What, a.Text = "test_and_set", fmt.Sprintf(`%s, "", %s`, key, text)
	case k == 6:
		a.What, a.Text = "put", fmt.Sprintf("%s, %s, %d", key, text, g.n(4))
	}
	g.do(a)
}

// unheard lets a client's answers get lost, so that it asks again.
func unheard(g *gen) {
	client := Who{N: g.n(g.w.Clients)}
	for i := range g.w.Servers {
		g.link(Deaf, Who{N: i}, client)
	}
	for k := 1 + g.n(2); k > 0; k-- {
		g.ask(client.N)
	}
	g.beat()
	if g.rng.Chance(0.4) {
		g.on(pick(g, Restart, Isolate), leader)
		g.election()
	}
	for i := range g.w.Servers {
		g.link(Hear, Who{N: i}, client)
	}
	g.beat()
}

// restartedUnheard has what a client asked done, unheard, and all servers restart.
func restartedUnheard(g *gen) {
	client := Who{N: g.n(g.w.Clients)}
	for i := range g.w.Servers {
		g.link(Deaf, Who{N: i}, client)
	}
	g.ask(client.N)
	g.start(leader, g.n(2*max(g.every, 1)))
	g.wait(g.between(50, 500))
	allRestart(g)
	for i := range g.w.Servers {
		g.link(Hear, Who{N: i}, client)
	}
	g.beat()
}

// oldLeader cuts the leader off from the other servers, not from the clients:
// one that hears of it alone asks it, after others have written elsewhere.
func oldLeader(g *gen) {
	reader := Who{N: g.n(g.w.Clients)}
	g.ask(reader.N)
	g.beat()
	g.do(Action{Op: Partition, Group: []Who{leader}})
	g.ask(reader.N)
	g.election()
	g.start(leader, 1+g.n(3))
	g.wait(g.between(50, 400))
	g.ask(reader.N)
	g.beat()
	if g.rng.Chance(0.5) {
		g.on(Restart, leader)
	}
	g.do(Action{Op: HealAll})
}

// answers says what must hold when the faults have ended: each client gets its
// answers. It may have much to do first, and may wait for leases.
func (g *gen) answers() {
	g.do(Action{Op: HasLeader, By: 6 * sim.Second})
	const within = 15 * sim.Second
	if g.w.Service == "lock" {
		g.locks(within)
		return
	}
	for i := range g.w.Clients {
		g.answer(i, "append", fmt.Sprintf(`"a", "<end %d>"`, i), within)
		g.answer(i, "get", `"a"`, within)
		g.answer(i, "get", `"b"`, within)
	}
	if g.w.Service == "kv" && g.w.SnapshotEvery == shortLog {
		// Enough that the log of who makes no snapshots shows it.
		g.do(Action{Op: Ask, A: Who{N: 0}, What: "append", Text: `"b", "<more.%d>" % i`, Count: 3 * shortLog / 40})
		g.answer(0, "get", `"b"`, within)
		g.wait(sim.Second)
		// Twice what was asked for is what the lab's tests allow; and an entry or two.
		g.do(Action{Op: ShortLog, Value: 2*g.w.SnapshotEvery + 500})
	}
}

// locks is what answers asks of a lock.
func (g *gen) locks(within sim.Time) {
	for i := range g.w.Clients {
		g.do(Action{Op: Ask, A: Who{N: i}, What: "release", Text: `"a"`})
		g.do(Action{Op: Ask, A: Who{N: i}, What: "release", Text: `"b"`})
	}
	for i := range g.w.Clients {
		g.answer(i, "acquire", `"a"`, within)
		g.answer(i, "release", `"a"`, within)
	}
	// Now nobody holds anything. A lock that was given back is free, and who holds
	// one lock keeps nobody from another: not even for a lease, of 2 s.
	const free = 1500 * sim.Millisecond
	for i := range g.w.Clients {
		g.answer(i, "acquire", `"a"`, free)
		g.answer(i, "release", `"a"`, free)
		g.answer(i, "acquire", fmt.Sprintf(`"own %d"`, i), free)
	}
}

func (g *gen) answer(client int, what, words string, within sim.Time) {
	g.do(Action{Op: Answer, A: Who{N: client}, What: what, Text: words, By: within})
}
