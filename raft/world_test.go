package raft_test

import (
	"bytes"
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
	wrong   string // what an answer showed
	cfg     raft.Config
	// promised is what Start answered: the command at an index in a term.
	promised map[slot][]byte
}

// live runs the world of a seed and says what went wrong, if anything.
func live(seed uint64) (v *invariants, wrong string) {
	r := sim.NewRNG(seed, 99)
	d := &drama{r: r, n: 5 + 2*int(r.N(2)), noop: !r.Chance(0.2), promised: map[slot][]byte{}}
	d.v = newInvariants(d.n)
	defer func() {
		if p := recover(); p != nil {
			v, wrong = d.v, fmt.Sprint("panic: ", p)
		}
	}()
	d.cfg = d.config()
	d.World = sim.New(sim.Config{Servers: d.n, Seed: seed, New: reference.New(reference.Options{
		Config: d.cfg, OneWay: !r.Chance(0.2)})}, d.v)
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
	for i, e := range d.v.committed {
		if command, ok := d.promised[slot{uint64(i + 1), e.Term}]; ok && d.wrong == "" && !bytes.Equal(command, e.Data) {
			d.wrong = fmt.Sprintf("index %d in term %d was promised to %q, and went to %q", i+1, e.Term, command, e.Data)
		}
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
		d.start(to)
	}
	if other := d.node(); d.Up(other) && d.r.Chance(0.2) {
		d.start(other)
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
	switch r.N(18) {
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
		if r.Chance(0.3) { // between what is promised and what is durable
			method := []raft.MessageKind{raft.RequestVoteReply, raft.AppendEntriesReply}[r.N(2)]
			d.Arm(a, &sim.CrashPoint{Effect: sim.Send, Method: method.String()})
		}
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
	case 14:
		if d.Up(a) {
			d.Request(a, []string{"pause", "resume"}[r.N(2)], 0, nil, nil)
		}
	case 15:
		d.shortReigns()
	case 16:
		d.lateVotes()
	case 17:
		d.lateAnswers()
	}
}

// shortReigns is Figure 8: leader after leader gets a command and crashes before
// or just after all have it.
func (d *drama) shortReigns() {
	d.Heal(-1, -1)
	d.SetLink(-1, -1, sim.Reliable)
	for range 4 + d.r.N(8) {
		d.BootAll()
		for waited := 0; d.leader() < 0 && waited < 20; waited++ {
			d.RunUntil(d.Now() + 50*sim.Millisecond)
		}
		l := d.leader()
		if l < 0 || d.v.violation != "" {
			return
		}
		for n := range d.n { // some do not hear it
			if n != l && d.r.Chance(0.5) {
				d.Cut(l, n)
			}
		}
		d.start(l)
		d.RunUntil(d.Now() + d.r.Between(0, 3*sim.Millisecond))
		d.Crash(l)
		d.Heal(-1, -1)
		if d.r.Chance(0.5) { // and it is not back in time for the next election
			d.RunUntil(d.Now() + d.r.Between(100*sim.Millisecond, 600*sim.Millisecond))
		}
	}
}

// lateVotes makes answers to candidates late by an election or two.
func (d *drama) lateVotes() {
	d.Heal(-1, -1)
	d.SetLink(-1, -1, sim.Link{Min: 100 * sim.Microsecond, Max: sim.Millisecond, Dup: 0.3,
		Late: 0.3 + float64(d.r.N(6))/10, LateMin: 100 * sim.Millisecond, LateMax: d.r.Between(200*sim.Millisecond, 900*sim.Millisecond)})
	for range 2 + d.r.N(4) {
		if l := d.leader(); l >= 0 {
			d.Crash(l)
		}
		d.RunUntil(d.Now() + d.r.Between(100*sim.Millisecond, 500*sim.Millisecond))
		d.BootAll()
	}
}

// lateAnswers lets a leader hear late and speak to nobody: it goes on while
// another is elected, and is asked for reads.
func (d *drama) lateAnswers() {
	l := d.leader()
	if l < 0 {
		return
	}
	d.Heal(-1, -1)
	d.SetLink(-1, l, sim.Link{Min: 50 * sim.Millisecond, Max: d.r.Between(60*sim.Millisecond, 400*sim.Millisecond)})
	d.RunUntil(d.Now() + d.r.Between(0, 400*sim.Millisecond))
	d.Cut(l, -1)
	for range 15 {
		d.RunUntil(d.Now() + 40*sim.Millisecond)
		if other := d.latestLeader(); other >= 0 && other != l {
			d.start(other)
		}
		if d.Up(l) {
			d.read(l)
		}
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

// recoverAll ends all faults; then the cluster must work again, and withstand
// what a cluster withstands.
func (d *drama) recoverAll() string {
	for n := range d.n {
		d.Arm(n, nil)
	}
	d.Heal(-1, -1)
	d.SetLink(-1, -1, sim.Reliable)
	d.BootAll()
	d.RunUntil(d.Now() + sim.Second)
	for n := range d.n {
		d.Request(n, "resume", 0, nil, nil)
	}
	d.RunUntil(d.Now() + 5*sim.Second)
	for _, phase := range []func() string{d.works, d.keepsItsLeader, d.deposedLeader, d.deafLeader, d.minorityDown} {
		if wrong := phase(); wrong != "" {
			return wrong + d.statuses()
		}
		if d.v.violation != "" {
			return d.v.violation
		}
	}
	return ""
}

// works: a leader reigns, its commands are applied by all members, and idle
// servers send heartbeats only.
func (d *drama) works() string {
	l := d.latestLeader()
	if l < 0 {
		return "no leader 6 s after the last fault"
	}
	term := d.Status(l).Term
	var last uint64
	for range 3 {
		if last = d.start(l); last == 0 {
			return fmt.Sprintf("server %d, the leader, refused a command", l)
		}
		d.RunUntil(d.Now() + sim.Second)
	}
	sent := uint64(0)
	for n := range d.n {
		sent -= d.World.Stats(n).Sent
	}
	d.RunUntil(d.Now() + sim.Second)
	for n := range d.n {
		sent += d.World.Stats(n).Sent
	}
	if most := 2 * uint64(d.n-1) * uint64(time.Second/d.cfg.HeartbeatInterval+10); sent > most {
		return fmt.Sprintf("an idle cluster sent %d messages in a second, want %d at most", sent, most)
	}
	voters, learners := d.membership()
	for _, n := range append(voters, learners...) {
		if d.v.nodes[n].applied < last {
			return fmt.Sprintf("member %d has not applied command %d a second after it was given", n, last)
		}
	}
	return d.reigns(l, term)
}

// keepsItsLeader: a follower that comes back from a partition, or from behind a
// one-way link, deposes nobody.
func (d *drama) keepsItsLeader() string {
	voters, _ := d.membership()
	if len(voters) < 3 || d.cfg.Off.PreVote || d.cfg.Off.Stickiness {
		return ""
	}
	l := d.latestLeader()
	term, f := d.Status(l).Term, voters[0]
	if f == l {
		f = voters[1]
	}
	d.Cut(f, -1)
	d.Cut(-1, f)
	d.RunUntil(d.Now() + 1500*sim.Millisecond)
	d.Heal(-1, -1)
	d.RunUntil(d.Now() + sim.Second)
	if wrong := d.reigns(l, term); wrong != "" {
		return "after a follower was alone for a while: " + wrong
	}
	d.Cut(l, f)
	d.RunUntil(d.Now() + 1500*sim.Millisecond)
	if wrong := d.reigns(l, term); wrong != "" {
		return "while a follower did not hear the leader: " + wrong
	}
	d.Heal(-1, -1)
	d.RunUntil(d.Now() + sim.Second)
	return d.reigns(l, term)
}

// deposedLeader: one that nobody could tell goes on sending, and keeps nobody
// from electing a successor of its successor.
func (d *drama) deposedLeader() string {
	voters, _ := d.membership()
	if len(voters) < 5 || !d.cfg.Off.CheckQuorum { // else it steps down by itself
		return ""
	}
	old := d.latestLeader()
	d.Cut(-1, old)
	d.Cut(old, -1)
	wrong := d.elects("while the leader was alone", func(n int) bool { return n != old })
	if wrong != "" {
		return wrong
	}
	d.Heal(old, -1)
	next := d.latestLeader()
	d.Crash(next)
	wrong = d.elects("while a deposed leader went on sending", func(n int) bool { return n != old })
	d.Heal(-1, -1)
	d.BootAll()
	d.RunUntil(d.Now() + sim.Second)
	return wrong
}

// deafLeader: a leader that sends and does not hear is replaced.
func (d *drama) deafLeader() string {
	voters, _ := d.membership()
	if len(voters) < 3 || d.cfg.Off.CheckQuorum {
		return ""
	}
	l := d.latestLeader()
	d.Cut(-1, l)
	return d.elects("while the leader was deaf", func(n int) bool { return n != l })
}

// minorityDown: a majority goes on without the rest, even if one of it does not
// read what is applied.
func (d *drama) minorityDown() string {
	d.Heal(-1, -1)
	d.RunUntil(d.Now() + sim.Second)
	voters, _ := d.membership()
	l := d.latestLeader()
	down := (len(voters) - 1) / 2
	for i, n := range voters { // the leader, and others from the end
		if down > 0 && (n == l || len(voters)-i <= down) {
			d.Crash(n)
			down--
		}
	}
	for _, n := range voters {
		if d.Up(n) {
			d.Request(n, "pause", 0, nil, nil)
			break
		}
	}
	return d.elects("with a minority down", d.Up)
}

// elects: within 6 s one of the servers that may leads, and commits some commands.
func (d *drama) elects(when string, may func(int) bool) string {
	committed := len(d.v.committed)
	for range 60 {
		d.RunUntil(d.Now() + 100*sim.Millisecond)
		if l := d.latestLeader(); l >= 0 && may(l) {
			d.start(l)
			d.RunUntil(d.Now() + 300*sim.Millisecond)
			if len(d.v.committed) >= committed+4 {
				return ""
			}
		}
	}
	return "no command could be committed within 6 s " + when
}

func (d *drama) reigns(l int, term uint64) string {
	if st := d.Status(l); st.Role != sim.Leader || st.Term != term {
		return fmt.Sprintf("server %d lost its leadership of term %d without need", l, term)
	}
	return ""
}

func (d *drama) latestLeader() int {
	l := -1
	for n := range d.n {
		if d.Up(n) && d.Status(n).Role == sim.Leader && (l < 0 || d.Status(n).Term > d.Status(l).Term) {
			l = n
		}
	}
	return l
}

// start gives server n a command, and returns its index, 0 if it was refused.
func (d *drama) start(n int) (index uint64) {
	d.command++
	command := fmt.Appendf(nil, "c%d", d.command)
	d.Request(n, "start", 0, command, func(e *sim.Effect) {
		if !e.Flag {
			return
		}
		index = e.Index
		at := slot{e.Index, e.Term}
		if _, ok := d.promised[at]; ok || e.Index == 0 || d.v.nodes[n].status.Role != sim.Leader {
			d.wrong = fmt.Sprintf("server %d promised a command index %d in term %d", n, e.Index, e.Term)
		}
		d.promised[at] = command
	})
	return index
}

// membership returns the committed membership's servers.
func (d *drama) membership() (voters, learners []int) {
	lists := [3][]int{}
	for _, id := range d.cfg.Members.Voters {
		lists[0] = append(lists[0], int(id)-1)
	}
	for _, e := range d.v.committed {
		if len(e.Data) == 0 || e.Data[0] == 'c' {
			continue
		}
		// Three lists of numbers below 128, each with its length first.
		b := e.Data
		for i := range lists {
			lists[i] = nil
			for _, id := range b[1 : 1+b[0]] {
				lists[i] = append(lists[i], int(id)-1)
			}
			b = b[1+b[0]:]
		}
	}
	return lists[0], lists[2]
}

func (d *drama) statuses() string {
	text := ""
	for n := range d.n {
		text += fmt.Sprintf("\n  server %d: %+v", n, d.Status(n))
	}
	return text
}
