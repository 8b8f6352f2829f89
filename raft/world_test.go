package raft_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/reference"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/raft"
)

var (
	firstSeed = flag.Uint64("seed", 1, "first seed of TestWorld")
	seeds     = flag.Int("seeds", 60, "how many seeds TestWorld runs")
)

// TestWorld lets clusters of 5 and 7 live through crashes between any two
// effects, loss, duplication, reordering, one-way cuts, snapshots, transfers and
// changes of membership, with the invariants checked after every event; then
// everything is healed, and the cluster must work again.
func TestWorld(t *testing.T) {
	elections, commits, snapshots := 0, uint64(0), 0
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		v, err := live(seed)
		if err != "" {
			t.Fatalf("seed %d: %s\nrepeat: go test ./raft -run TestWorld -seed %d -seeds 1", seed, err, seed)
		}
		elections, commits, snapshots = elections+v.elections, commits+v.commits, snapshots+v.snapshots
	}
	t.Logf("%d seeds: %d elections, %d entries committed, %d snapshots installed", *seeds, elections, commits, snapshots)
	if *seeds >= 20 && (snapshots < *seeds/4 || commits < 20*uint64(*seeds)) {
		t.Error("too little happened: the world is too hostile to show anything")
	}
}

// drama is one seed's world and what plagues it.
type drama struct {
	*sim.World
	v       *invariants
	r       *sim.RNG
	n       int
	noop    bool
	members string
	command int
	wrong   string // what a read showed
}

// live runs the world of a seed and says what went wrong, if anything.
func live(seed uint64) (v *invariants, wrong string) {
	r := sim.NewRNG(seed, 99)
	d := &drama{r: r, n: 5 + 2*int(r.N(2)), noop: !r.Chance(0.1)}
	d.v = newInvariants(d.n)
	defer func() {
		if p := recover(); p != nil {
			v, wrong = d.v, fmt.Sprint("panic: ", p)
		}
	}()
	d.World = sim.New(sim.Config{Servers: d.n, Seed: seed, New: reference.New(reference.Options{
		Config: d.config(), OneWay: !r.Chance(0.2)})}, d.v, dbg{})
	defer d.World.Close()
	d.BootAll()
	for steps := 20 + r.N(30); steps > 0 && d.v.violation == "" && d.wrong == ""; steps-- {
		d.plague()
		for end := d.Now() + r.Between(0, 800*sim.Millisecond); d.Now() < end; {
			d.RunUntil(min(end, d.Now()+r.Between(1, 60*sim.Millisecond)))
			d.propose(int(r.N(4)))
		}
	}
	if d.v.violation == "" && d.wrong == "" {
		d.wrong = d.recoverAll()
	}
	if d.v.violation != "" {
		return d.v, d.v.violation
	}
	return d.v, d.wrong
}

// config draws limits small enough to be met, and features to leave out.
func (d *drama) config() raft.Config {
	r := d.r
	cfg := raft.Config{
		ElectionTimeoutMin: 150 * time.Millisecond,
		HeartbeatInterval:  time.Duration(20+r.N(40)) * time.Millisecond,
		MaxInflight:        1 + int(r.N(6)),
		MaxMessageBytes:    1 + int(r.N(200)),
		MaxChunkBytes:      1 + int(r.N(20)),
		LeaseReads:         r.Chance(0.5),
	}
	if r.Chance(0.3) {
		cfg.MaxUncommittedEntries = 5 + int(r.N(20))
	}
	cfg.Off = raft.Features{
		PreVote: r.Chance(0.2), NoOp: !d.noop, Pipelining: r.Chance(0.1), Coalescing: r.Chance(0.1),
		FastBackup: r.Chance(0.1), EagerCommit: r.Chance(0.1), ChunkedInstall: r.Chance(0.1),
	}
	if !cfg.LeaseReads {
		cfg.Off.CheckQuorum, cfg.Off.Stickiness = r.Chance(0.1), r.Chance(0.2)
	}
	if cfg.Off.Stickiness {
		cfg.Off.PreVote = false // else a removed server deposes leaders for ever
	}
	voters := d.n
	if d.noop { // changes of membership need the leader's entry
		voters = 3 + int(r.N(int64(d.n-2)))
	}
	for i := range voters {
		cfg.Members.Voters = append(cfg.Members.Voters, raft.ID(i+1))
	}
	return cfg
}

func (d *drama) node() int { return int(d.r.N(int64(d.n))) }

// leader returns a server that thinks it leads, rather the latest; -1 if none.
func (d *drama) leader() int {
	best := -1
	for n := range d.n {
		if d.Up(n) && d.Status(n).Role == sim.Leader && (best < 0 || d.Status(n).Term > d.Status(best).Term || d.r.Chance(0.1)) {
			best = n
		}
	}
	return best
}

func (d *drama) propose(n int) {
	to := d.leader()
	if to < 0 {
		return
	}
	for range n {
		d.command++
		d.Request(to, "start", 0, fmt.Appendf(nil, "c%d", d.command), nil)
	}
	if d.r.Chance(0.3) && d.Up(to) {
		d.read(to)
	}
	if n := d.node(); d.Up(n) && d.r.Chance(0.1) {
		d.snapshot(n)
	}
}

func (d *drama) snapshot(n int) {
	if st := d.Status(n); st.Applied > 0 {
		d.Request(n, "snapshot", st.Applied-uint64(d.r.N(3)), fmt.Appendf(nil, "the state at %d", st.Applied), nil)
	}
}

// read checks that a read sees all that was committed when it began.
func (d *drama) read(n int) {
	committed := uint64(len(d.v.committed))
	d.Request(n, "read", 0, nil, func(e *sim.Effect) {
		if e.Flag && (e.Index < committed || d.v.nodes[n].status.Commit < e.Index) {
			d.wrong = fmt.Sprintf("server %d: stale read at %d when %d entries were committed", n, e.Index, committed)
		}
	})
}

// plague does one bad thing, or undoes some.
func (d *drama) plague() {
	r := d.r
	a, b := d.node(), d.node()
	switch r.N(14) {
	case 0:
		d.Cut(a, b) // one way
	case 1:
		d.Cut(a, -1)
	case 2:
		d.Cut(-1, a)
	case 3:
		var groups [2][]int
		for n := range d.n {
			g := r.N(2)
			groups[g] = append(groups[g], n)
		}
		d.Partition(groups[:]...)
	case 4, 5:
		d.Heal(-1, -1)
	case 6:
		if l := d.leader(); l >= 0 && r.Chance(0.5) {
			a = l
		}
		d.Crash(a)
	case 7:
		if l := d.leader(); l >= 0 && r.Chance(0.3) {
			a = l
		}
		effects := []sim.EffectKind{sim.WriteAhead, sim.Save, sim.Send, sim.Apply, sim.LogWrite, sim.Observe}
		d.Arm(a, &sim.CrashPoint{Effect: effects[r.N(6)], Before: r.Chance(0.5), Skip: int(r.N(4)), InStep: r.Chance(0.3)})
	case 8, 9:
		d.BootAll()
	case 10:
		d.SetLink(-1, -1, sim.Link{Min: 100 * sim.Microsecond, Max: r.Between(sim.Millisecond, 30*sim.Millisecond),
			Loss: float64(r.N(4)) / 10, Dup: float64(r.N(4)) / 10, Late: float64(r.N(3)) / 10,
			LateMin: 20 * sim.Millisecond, LateMax: r.Between(50*sim.Millisecond, 1500*sim.Millisecond)})
	case 11:
		if l := d.leader(); l >= 0 {
			d.Request(l, "transfer", uint64(a), nil, nil)
		}
	case 12:
		if l := d.leader(); l >= 0 && d.noop {
			d.change(l)
		}
	case 13: // a crash of all, and a restart
		for n := range d.n {
			if r.Chance(0.8) {
				d.Crash(n)
			}
		}
		d.BootAll()
	}
}

// change asks for a random membership.
func (d *drama) change(leader int) {
	var voters, learners []string
	for n := range d.n {
		switch d.r.N(4) {
		case 0, 1:
			voters = append(voters, fmt.Sprint(n))
		case 2:
			learners = append(learners, fmt.Sprint(n))
		}
	}
	if len(voters) > 0 {
		d.Request(leader, "members", 0, []byte(strings.Join(voters, ",")+";"+strings.Join(learners, ",")), nil)
	}
}

// recoverAll ends all faults; then a leader must be elected, commands must be
// applied by the leader and a majority, and the peace must last.
func (d *drama) recoverAll() string {
	for n := range d.n {
		d.Arm(n, nil)
	}
	d.Heal(-1, -1)
	d.SetLink(-1, -1, sim.Reliable)
	d.BootAll()
	d.RunUntil(d.Now() + 6*sim.Second)
	l := -1
	for n := range d.n {
		if d.Status(n).Role == sim.Leader && (l < 0 || d.Status(n).Term > d.Status(l).Term) {
			l = n
		}
	}
	if l < 0 {
		return "no leader 6 s after the last fault" + d.statuses()
	}
	term, ok, why := d.Status(l).Term, false, ""
	var last uint64
	for range 3 {
		d.Request(l, "start", 0, []byte("cfinal"), func(e *sim.Effect) { ok, last, why = e.Flag, e.Index, string(e.Data) })
		d.RunUntil(d.Now() + sim.Second)
	}
	if !ok {
		return fmt.Sprintf("server %d, the leader, refused a command: %s", l, why) + d.statuses()
	}
	applied := 0
	for n := range d.n {
		if d.v.nodes[n].applied >= last {
			applied++
		}
	}
	if st := d.Status(l); st.Role != sim.Leader || st.Term != term {
		return fmt.Sprintf("server %d lost its leadership of term %d without a fault", l, term)
	}
	if d.v.nodes[l].applied < last || applied < 1 {
		return fmt.Sprintf("command %d was applied by %d servers within a second; commit %d", last, applied, d.Status(l).Commit)
	}
	return ""
}

func (d *drama) statuses() string {
	text := ""
	for n := range d.n {
		text += fmt.Sprintf("\n  server %d: %+v", n, d.Status(n))
	}
	return text
}
