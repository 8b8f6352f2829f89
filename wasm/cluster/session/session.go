package session

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/lessons/toys"
)

// ErrNobody says that a name in an action (leader, follower1, ...) stands for
// nobody at present. The action was not done; it may be tried again later.
var ErrNobody = errors.New("nobody")

// Session is one live cluster.
type Session struct {
	script *Script
	world  *sim.World
	set    toys.Settings
	link   sim.Link // of pairs of servers; clients' links lose nothing

	whole *sim.Recorder // hashes the run
	chunk *sim.Recorder // keeps the records since the last Take
	rules *rules
	reads *reads
	busy  map[int]bool // clients with an operation under way
	shift map[int]int  // how often a client was told to work by itself, or to stop
	rng   *sim.RNG     // what clients that work by themselves do
	opID  uint64
}

// New makes the session that a script tells of and runs it as far as the script
// goes: to its Until, or past its last action if that is later. A script that
// would take more than maxWork steps of the world is refused: a link from a
// stranger shall not keep a page busy for minutes.
func New(script *Script) (*Session, error) {
	s := &Session{
		script: &Script{Kind: script.Kind, Servers: script.Servers, Clients: script.Clients,
			Seed: script.Seed, Exact: script.Exact, Set: script.Set, Load: script.Load},
		set: toys.Default(), link: sim.Link{Min: 10 * sim.Millisecond, Max: 20 * sim.Millisecond},
		whole: sim.NewRecorder(false), chunk: sim.NewRecorder(true), busy: map[int]bool{},
		shift: map[int]int{}, rng: sim.NewRNG(script.Seed, workStream),
	}
	for _, w := range script.Set {
		if err := s.change(w); err != nil {
			return nil, err
		}
	}
	if err := s.sane(); err != nil {
		return nil, err
	}
	s.rules, s.reads = newRules(script.Servers), newReads(script.Servers)
	s.world = sim.New(sim.Config{
		Servers: script.Servers, Clients: script.Clients, Seed: script.Seed, Exact: script.Exact,
		Link: s.link, New: toys.New(script.Kind, script.Servers, &s.set),
	}, s.whole, watcher{s}, s.rules, s.reads)
	s.links(false)
	for _, l := range script.Load {
		if err := s.load(l); err != nil {
			return nil, err
		}
	}
	s.world.BootAll()
	left := maxWork
	for _, a := range script.Actions {
		if err := s.replay(a.At, &left, script); err != nil {
			return nil, err
		}
		if _, err := s.Act(a.Line); err != nil {
			s.Close()
			return nil, err
		}
	}
	if err := s.replay(script.Until, &left, script); err != nil {
		return nil, err
	}
	return s, nil
}

// maxWork bounds the steps of the world that a script's own past may take: some
// ten seconds in a page, hours of a cluster's virtual time.
const maxWork = 3_000_000

// replay runs up to time t with the steps that are left.
func (s *Session) replay(t sim.Time, left *int, script *Script) error {
	over := false
	s.Advance(t, func() bool {
		*left -= askEvery
		over = *left <= 0
		return over
	})
	if !over {
		return nil
	}
	end := script.Until
	if n := len(script.Actions); n > 0 {
		end = max(end, script.Actions[n-1].At)
	}
	at := s.Now()
	s.Close()
	return fmt.Errorf("script: it goes on to %v of the cluster's time, and %d steps, the limit, lead only to %v: share a shorter run",
		time.Duration(end).Round(time.Second), maxWork, time.Duration(at).Round(time.Second))
}

// watcher hands records to the chunk at hand, which is replaced by every Take.
type watcher struct{ s *Session }

func (w watcher) Watch(r *sim.Record) { w.s.chunk.Watch(r) }

// Close frees the cluster.
func (s *Session) Close() { s.world.Close() }

// Now returns the virtual time.
func (s *Session) Now() sim.Time { return s.world.Now() }

// Script returns the text that leads to the present state.
func (s *Session) Script() string {
	c := *s.script
	c.Until = s.world.Now()
	return c.String()
}

// Hash identifies the run so far.
func (s *Session) Hash() string { return s.whole.Hash().String() }

// askEvery is how many steps pass between two questions of Advance's.
const askEvery = 64

// Advance runs the cluster up to and including time t. If stop, asked now and
// then, says so, it ends earlier, but never in the midst of an instant: what is
// done next is done after everything that happens at Now.
func (s *Session) Advance(t sim.Time, stop func() bool) {
	for n := 1; s.world.Next() <= t; n++ {
		s.world.Step()
		s.tellBroken()
		if stop != nil && n%askEvery == 0 && stop() {
			s.finishInstant()
			return
		}
	}
	s.world.RunUntil(t) // nothing happens any more: only the clock moves
}

// Step runs the cluster through the next instant at which something happens.
func (s *Session) Step() {
	if s.world.Next() == sim.Never {
		return
	}
	s.world.Step()
	s.tellBroken()
	s.finishInstant()
}

func (s *Session) finishInstant() {
	for s.world.Next() <= s.world.Now() {
		s.world.Step()
		s.tellBroken()
	}
}

// tellBroken puts the properties that have just broken on the trace.
func (s *Session) tellBroken() {
	for _, v := range s.rules.take() {
		s.world.Emit(v)
	}
	for _, v := range s.reads.take() {
		s.world.Emit(v)
	}
}

// Take returns the records since the last Take in the trace format; the first
// of them has its time counted from 0.
func (s *Session) Take() []byte {
	if s.chunk.Records() == 0 {
		return nil
	}
	b := s.chunk.Kept()
	s.chunk = sim.NewRecorder(true)
	return b
}

// Flights lists the messages under way: ID and time of arrival in ns, in turn.
func (s *Session) Flights() []float64 {
	var list []float64
	for _, f := range s.world.InFlight() {
		list = append(list, float64(f.Msg.ID), float64(f.Arrives))
	}
	return list
}

// load starts a client's repeated operation.
func (s *Session) load(l Load) error {
	client, err := s.resolve(l.Client)
	if err != nil || client < s.script.Servers {
		return errors.New("script: load " + l.Client + ": expected a client")
	}
	var again func()
	again = func() {
		if !s.invoke(client, l.Op, l.Value, -1, func() { s.world.At(s.world.Now()+l.Every, again) }) {
			s.world.At(s.world.Now()+l.Every, again) // the learner's own operation is under way
		}
	}
	s.world.At(100*sim.Millisecond, again)
	return nil
}

// invoke makes a client begin an operation; false: it has one under way.
func (s *Session) invoke(client int, op, arg string, hint int, done func()) bool {
	if s.busy[client] || !s.world.Up(client) {
		return false
	}
	s.opID++
	id := s.opID
	s.busy[client] = true
	s.world.Emit(sim.Record{Kind: sim.RecInvoke, Node: -1, Peer: client, ID: id, Name: op, Data: []byte(arg)})
	s.world.Request(client, op, uint64(hint+1), []byte(arg), func(e *sim.Effect) {
		s.busy[client] = false
		s.world.Emit(sim.Record{Kind: sim.RecReturn, Node: -1, Peer: client, ID: id, Data: e.Data})
		if done != nil {
			done()
		}
	})
	return true
}

// Trace returns the run as a trace file. It must come before any Take.
func (s *Session) Trace() []byte {
	var b bytes.Buffer
	head := sim.Header{Engine: Engine, Lab: s.script.Kind, Seed: s.script.Seed, Servers: s.script.Servers, Clients: s.script.Clients}
	if err := s.chunk.WriteTrace(&b, head); err != nil {
		panic(err) // a Recorder that keeps, and a Buffer: neither fails
	}
	return b.Bytes()
}
