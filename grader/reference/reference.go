package reference

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/raft"
)

// Options say what servers to make.
type Options struct {
	// Config is each server's, but for ID, Seed and, if it has no voters,
	// Members: then all servers of the world vote. Server n has the ID n+1.
	Config raft.Config
	// OneWay sends every message by itself. Else requests are calls and their
	// answers replies, as the lab's RPCs are: the world then delivers no answer
	// twice, nor one to a server that restarted meanwhile.
	OneWay bool
	// Service, if not nil, makes the service on top of node. Without one, the
	// server takes snapshots only when asked by a request.
	Service func(node int) Service
}

// Service is a replicated service: the state that the commands build.
type Service interface {
	Apply(index uint64, command []byte)
	// Snapshot returns the state as bytes that are not changed afterwards.
	Snapshot() []byte
	// Restore replaces the state by one that Snapshot returned.
	Restore(snapshot []byte)
}

// Lab is the configuration that the lab's rules ask for: the first command has
// index 1, so no leader's entry takes one; heartbeats at most ten a second; one
// AppendEntries at a time, so that calls that come together share one.
func Lab() raft.Config {
	return raft.Config{
		ElectionTimeoutMin:    300 * time.Millisecond,
		ElectionTimeoutMax:    600 * time.Millisecond,
		HeartbeatInterval:     100 * time.Millisecond,
		MaxInflight:           1,
		MaxUncommittedEntries: 1 << 20,
		Off:                   raft.Features{NoOp: true},
	}
}

// New returns the factory of such servers.
func New(o Options) sim.Factory {
	return func(node, life int, seed uint64) sim.Server {
		cfg := o.Config
		cfg.ID, cfg.Seed = raft.ID(node+1), seed
		s := &server{cfg: cfg, oneWay: o.OneWay}
		if o.Service != nil {
			s.service = o.Service(node)
		}
		return s
	}
}

type server struct {
	cfg    raft.Config
	core   *raft.Server
	oneWay bool

	service       Service // nil if none
	snapshotEvery uint64
	compacted     bool // the service took a snapshot in this step

	call    uint64 // number of the last call made
	readID  uint64
	reads   map[uint64]uint64 // core's number of a read -> request
	in      raft.Message      // the message being delivered: reused
	serving uint64            // the call that it is, 0 if none

	// paused: nobody reads the apply channel. held is what waits for it.
	paused  bool
	held    []sim.Effect
	applied uint64 // last index given to the service

	shown raft.Status // what was last observed
	seen  uint64      // s.applied then
	arena []byte      // encoded bytes are cut from it: the world keeps them
}

func (s *server) Close() {}

// Step is the whole driver: the event goes into the core, and what follows
// comes out.
func (s *server) Step(now sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	t := time.Duration(now)
	s.serving = 0
	var respond *sim.Effect
	switch ev.Kind {
	case sim.Boot:
		if err := s.boot(t, ev.Boot); err != nil {
			return append(fx, sim.Effect{Kind: sim.Fault, Text: sim.FaultPanic, Data: []byte(err.Error())}), sim.Never
		}
		fx = s.showLog(fx)
	case sim.Tick:
		s.core.Tick(t)
	case sim.Receive:
		if ev.Msg.Kind == sim.MsgCall {
			s.serving = ev.Msg.Call
		}
		err := raft.DecodeMessage(ev.Msg.Body, &s.in)
		if err == nil {
			err = s.core.Step(t, &s.in)
		}
		if err != nil {
			fx = append(fx, sim.Effect{Kind: sim.Note, Text: "bad message", Data: []byte(err.Error())})
		}
	case sim.CallFailed:
		// The core's own timing finds out what was lost.
	case sim.RequestOp:
		fx, respond = s.request(t, ev.Req, fx)
	}
	fx = s.effects(fx, respond)
	return fx, sim.Time(s.core.Deadline())
}

func (s *server) boot(now time.Duration, b *sim.BootInfo) error {
	if len(s.cfg.Members.Voters) == 0 {
		for n := range b.Servers {
			s.cfg.Members.Voters = append(s.cfg.Members.Voters[:n:n], raft.ID(n+1))
		}
	}
	s.snapshotEvery = b.SnapshotEvery
	s.reads = map[uint64]uint64{}
	disk, err := raft.ReadDisk(b.Disk.State, b.Disk.Snapshot, b.Disk.WAL)
	if err != nil {
		return err
	}
	if s.core, err = raft.New(s.cfg, disk, now); err != nil {
		return err
	}
	s.applied = s.core.Status().Applied
	if s.service != nil && s.applied > 0 {
		s.service.Restore(disk.Snapshot.Data)
	}
	return nil
}

// request does an operation that was asked of this server. The answer is
// returned, unless it has been or will be appended to fx.
func (s *server) request(now time.Duration, r *sim.Request, fx []sim.Effect) ([]sim.Effect, *sim.Effect) {
	answer := &sim.Effect{Kind: sim.Respond, ID: r.ID}
	var err error
	switch r.Op {
	case "start":
		answer.Index, answer.Term, err = s.core.Propose(now, r.Data)
	case "snapshot":
		err = s.core.Compact(r.Index, r.Data)
	case "pause":
		s.paused = true
	case "resume":
		s.paused = false
		for i := range s.held {
			fx = s.give(fx, s.held[i])
		}
		s.held = nil
	case "dump":
		answer.Data = fmt.Appendf(nil, "%+v", s.core.Status())
	case "read":
		s.readID++
		if err = s.core.ReadIndex(now, s.readID); err == nil {
			s.reads[s.readID] = r.ID
			return fx, nil
		}
	case "transfer":
		err = s.core.TransferLeadership(now, raft.ID(r.Index+1))
	case "members":
		var voters, learners []raft.ID
		if voters, learners, err = parseMembers(string(r.Data)); err == nil {
			err = s.core.ChangeMembership(now, voters, learners)
		}
	default:
		err = fmt.Errorf("reference: unknown request %q", r.Op)
	}
	answer.Flag = err == nil
	if err != nil {
		answer.Data = []byte(err.Error())
	}
	return fx, answer
}

// parseMembers reads "0,1,2" or, with learners, "0,1,2;3,4".
func parseMembers(text string) (voters, learners []raft.ID, err error) {
	v, l, _ := strings.Cut(text, ";")
	lists := []*[]raft.ID{&voters, &learners}
	for i, part := range []string{v, l} {
		for _, word := range strings.FieldsFunc(part, func(r rune) bool { return r == ',' || r == ' ' }) {
			n, err := strconv.ParseUint(word, 10, 16)
			if err != nil {
				return nil, nil, fmt.Errorf("reference: members are numbers of servers, like 0,1,2;3: %q is none", word)
			}
			*lists[i] = append(*lists[i], raft.ID(n+1))
		}
	}
	return voters, learners, nil
}

// effects turns what the core wants done into the world's effects, in order.
func (s *server) effects(fx []sim.Effect, respond *sim.Effect) []sim.Effect {
	for {
		out := s.core.Effects()
		fx = s.durable(fx, out)
		fx = s.observe(fx)
		if respond != nil {
			fx = append(fx, *respond)
			respond = nil
		}
		for i := range out.Messages {
			fx = s.send(fx, &out.Messages[i])
		}
		if out.Restore {
			fx = s.deliver(fx, sim.Effect{Kind: sim.ApplySnapshot,
				Index: out.Snapshot.Index, Term: out.Snapshot.Term, Data: out.Snapshot.Data})
		}
		for i := range out.Apply {
			e := &out.Apply[i]
			if e.Kind == raft.Command {
				fx = s.deliver(fx, sim.Effect{Kind: sim.Apply, Index: e.Index, Term: e.Term, Data: e.Data})
			}
		}
		for _, r := range out.Reads {
			fx = append(fx, sim.Effect{Kind: sim.Respond, ID: s.reads[r.ID], Index: r.Index, Flag: r.OK})
			delete(s.reads, r.ID)
		}
		if !s.compacted {
			return s.observe(fx)
		}
		s.compacted = false
	}
}

func (s *server) durable(fx []sim.Effect, out *raft.Effects) []sim.Effect {
	if !out.Durable() {
		return fx
	}
	if out.Snapshot == nil {
		from := len(s.reserve())
		s.arena = raft.AppendRecord(s.arena, out)
		fx = append(fx, sim.Effect{Kind: sim.WriteAhead, Data: s.cut(from)})
		if len(out.Append) == 0 {
			return fx
		}
		return s.logWrite(fx, out.Append[0].Index, out.Append)
	}
	from := len(s.reserve())
	s.arena = raft.AppendImage(s.arena, out)
	fx = append(fx, sim.Effect{Kind: sim.Save, Data: s.cut(from), More: out.Snapshot.Data})
	fx = append(fx, sim.Effect{Kind: sim.LogCompact, Index: out.Snapshot.Index, Term: out.Snapshot.Term})
	return s.logWrite(fx, out.Snapshot.Index+1, out.Append)
}

func (s *server) logWrite(fx []sim.Effect, index uint64, entries []raft.Entry) []sim.Effect {
	shown := make([]sim.LogEntry, len(entries))
	for i, e := range entries {
		shown[i] = sim.LogEntry{Term: e.Term, Data: e.Data}
	}
	return append(fx, sim.Effect{Kind: sim.LogWrite, Index: index, Entries: shown})
}

// showLog shows the log that a server boots with.
func (s *server) showLog(fx []sim.Effect) []sim.Effect {
	st := s.core.Status()
	if st.Applied > 0 {
		fx = append(fx, sim.Effect{Kind: sim.LogCompact, Index: st.Applied, Term: s.core.Snapshot().Term})
	}
	if st.Last >= st.First {
		fx = s.logWrite(fx, st.First, s.core.Entries(st.First, st.Last))
	}
	return fx
}

var roles = [...]sim.Role{raft.Follower: sim.Follower, raft.PreCandidate: sim.PreCandidate,
	raft.Candidate: sim.Candidate, raft.Leader: sim.Leader}

func (s *server) observe(fx []sim.Effect) []sim.Effect {
	st := s.core.Status()
	if st == s.shown && s.applied == s.seen {
		return fx
	}
	s.shown, s.seen = st, s.applied
	role := roles[st.Role]
	if role == sim.Follower && !st.Voter {
		role = sim.Learner
	}
	return append(fx, sim.Effect{Kind: sim.Observe, Status: sim.Status{
		Term: st.Term, Role: role, Full: true, Vote: int(st.Vote) - 1, Lead: int(st.Lead) - 1,
		Commit: st.Commit, Applied: s.applied, First: st.First, Last: st.Last, Deadline: sim.Time(st.Deadline)}})
}

func (s *server) send(fx []sim.Effect, m *raft.Message) []sim.Effect {
	from := len(s.reserve())
	s.arena = raft.AppendMessage(s.arena, m)
	msg := sim.Message{Kind: sim.MsgOneWay, Method: m.Kind.String(), Body: s.cut(from)}
	switch {
	case s.oneWay || m.Kind == raft.TimeoutNow:
	case m.Kind.IsReply():
		msg.Kind, msg.Call = sim.MsgReply, s.serving
	default:
		s.call++
		msg.Kind, msg.Call = sim.MsgCall, s.call
	}
	return append(fx, sim.Effect{Kind: sim.Send, To: int(m.To) - 1, Msg: msg})
}

// deliver gives the service a command or a snapshot, or keeps it until somebody
// reads the apply channel again.
func (s *server) deliver(fx []sim.Effect, e sim.Effect) []sim.Effect {
	if s.paused {
		s.held = append(s.held, e)
		return fx
	}
	return s.give(fx, e)
}

func (s *server) give(fx []sim.Effect, e sim.Effect) []sim.Effect {
	s.applied = e.Index
	if s.service != nil {
		if e.Kind == sim.Apply {
			s.service.Apply(e.Index, e.Data)
			if s.snapshotEvery > 0 && e.Index%s.snapshotEvery == 0 {
				s.compacted = s.core.Compact(e.Index, s.service.Snapshot()) == nil
			}
		} else {
			s.service.Restore(e.Data)
		}
	}
	return append(fx, e)
}

// reserve returns the arena with room for a usual message; its content belongs
// to the world already.
func (s *server) reserve() []byte {
	const usual, size = 128, 16 << 10
	if cap(s.arena)-len(s.arena) < usual {
		s.arena = make([]byte, 0, size)
	}
	return s.arena
}

// cut returns what was appended to the arena after from. If that outgrew the
// arena, append has moved it, with what stood before, to a new one.
func (s *server) cut(from int) []byte {
	return s.arena[from:len(s.arena):len(s.arena)]
}
