package toys

import (
	"strings"
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/raft"
)

// Requests that a replica of the core understands.
const (
	OpStart   = "start"   // propose Data; answered at once
	OpTimeOut = "timeOut" // let the election timer fire
	OpTune    = "tune"    // the shared Settings have changed
)

// replica is a server of the core with a key/value service on top.
type replica struct {
	set  *Settings
	cfg  raft.Config
	core *raft.Server
	rng  *sim.RNG
	in   raft.Message

	shown    raft.Status
	observed bool
	applied  uint64

	service service
	// waiting are the clients' operations that this server, as leader, has put
	// into its log, by index; none once it leads no more.
	waiting map[uint64]waiter
	// reading are the reads for which a majority is being asked whether this
	// server still leads, by number.
	reading map[uint64]waiter
	reads   uint64
}

type waiter struct {
	client int
	serial string
	term   uint64
	key    string // of a read
}

func newReplica(node, servers int, seed uint64, set *Settings) sim.Server {
	c := set.config()
	c.ID, c.Seed = raft.ID(node+1), seed
	for n := range servers {
		c.Members.Voters = append(c.Members.Voters, raft.ID(n+1))
	}
	return &replica{set: set, cfg: c, rng: sim.NewRNG(seed, 7),
		service: newService(), waiting: map[uint64]waiter{}, reading: map[uint64]waiter{}}
}

func (s *replica) Close() {}

func (s *replica) Step(at sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	now := time.Duration(at)
	var respond *sim.Effect
	switch ev.Kind {
	case sim.Boot:
		disk, err := raft.ReadDisk(ev.Boot.Disk.State, ev.Boot.Disk.Snapshot, ev.Boot.Disk.WAL)
		if err == nil {
			s.core, err = raft.New(s.cfg, disk, now)
		}
		if err != nil {
			return append(fx, sim.Effect{Kind: sim.Fault, Text: sim.FaultPanic, Data: []byte(err.Error())}), sim.Never
		}
		if st := s.core.Status(); st.Last > 0 {
			fx = logWrite(fx, 1, s.core.Entries(1, st.Last))
		}
	case sim.Tick:
		s.core.Tick(now)
	case sim.Receive:
		switch ev.Msg.Method {
		case methodPut, methodGet:
			fx = s.operate(now, ev.From, ev.Msg.Method, string(ev.Msg.Body), fx)
		default:
			if err := raft.DecodeMessage(ev.Msg.Body, &s.in); err == nil {
				_ = s.core.Step(now, &s.in) // misdirected: impossible here
			}
		}
	case sim.RequestOp:
		switch ev.Req.Op {
		case OpStart:
			index, term, err := s.core.Propose(now, ev.Req.Data)
			respond = &sim.Effect{Kind: sim.Respond, ID: ev.Req.ID, Index: index, Term: term, Flag: err == nil}
			if err != nil {
				respond.Data = []byte(err.Error())
			}
		case OpTimeOut:
			timeOut(s.core, now)
		case OpTune:
			tune(s.core, s.set.config(), now, s.rng.Uint64())
		}
	}
	fx = s.effects(fx, respond)
	return fx, sim.Time(s.core.Deadline())
}

// operate takes in a client's "serial op key value".
func (s *replica) operate(now time.Duration, client int, method, body string, fx []sim.Effect) []sim.Effect {
	serial, op, _ := strings.Cut(body, " ")
	for _, pending := range []map[uint64]waiter{s.waiting, s.reading} {
		for _, w := range pending {
			if w.client == client && w.serial == serial {
				return fx // asked again: it is on its way
			}
		}
	}
	if key, isGet := strings.CutPrefix(op, "get "); method == methodGet && isGet {
		switch {
		case s.set.Reads == ReadsAny, s.set.Reads == ReadsLeader && s.shown.Role == raft.Leader:
			return append(fx, message(client, methodReply, serial+" = "+s.service.values[key]))
		case s.set.Reads == ReadsIndex:
			s.reads++
			err := s.core.ReadIndex(now, s.reads)
			if err == nil {
				s.reading[s.reads] = waiter{client: client, serial: serial, key: key}
				return fx
			}
			if err == raft.ErrNotLeader {
				return append(fx, s.elsewhere(client, serial))
			}
			// It does not know what is committed before an entry of its own term
			// is; the read, put into the log, is that entry.
		}
	}
	// The entry ends with who asked for it, so that it is carried out once.
	entry := op + " #" + clientName(client, len(s.cfg.Members.Voters)) + "." + serial
	index, term, err := s.core.Propose(now, []byte(entry))
	switch err {
	case nil:
		s.waiting[index] = waiter{client: client, serial: serial, term: term}
		return fx
	case raft.ErrNotLeader:
		return append(fx, s.elsewhere(client, serial))
	default:
		return append(fx, message(client, methodReply, serial+" busy"))
	}
}

// elsewhere tells a client whom to ask in place of this server.
func (s *replica) elsewhere(client int, serial string) sim.Effect {
	answer := "nobody"
	if lead := s.core.Status().Lead; lead != raft.None && lead != s.cfg.ID {
		answer = "ask " + serverName(int(lead)-1)
	}
	return message(client, methodReply, serial+" "+answer)
}

// answer gives the reads that a majority has confirmed their values, and sends
// those away that it has not.
func (s *replica) answer(fx []sim.Effect, reads []raft.Read) []sim.Effect {
	for _, r := range reads {
		w := s.reading[r.ID]
		delete(s.reading, r.ID)
		if r.OK {
			fx = append(fx, message(w.client, methodReply, w.serial+" = "+s.service.values[w.key]))
		} else {
			fx = append(fx, s.elsewhere(w.client, w.serial))
		}
	}
	return fx
}

// effects turns what the core wants done into the world's effects, in order.
func (s *replica) effects(fx []sim.Effect, respond *sim.Effect) []sim.Effect {
	out := s.core.Effects()
	if out.Durable() {
		fx = append(fx, sim.Effect{Kind: sim.WriteAhead, Data: raft.AppendRecord(nil, out)})
		if len(out.Append) > 0 {
			fx = logWrite(fx, out.Append[0].Index, out.Append)
		}
	}
	fx = s.observe(fx)
	if s.shown.Role != raft.Leader {
		clear(s.waiting)
	}
	if respond != nil {
		fx = append(fx, *respond)
	}
	for i := range out.Messages {
		m := &out.Messages[i]
		fx = append(fx, sim.Effect{Kind: sim.Send, To: int(m.To) - 1,
			Msg: sim.Message{Kind: sim.MsgOneWay, Method: m.Kind.String(), Body: raft.AppendMessage(nil, m)}})
	}
	for i := range out.Apply {
		fx = s.apply(fx, &out.Apply[i])
	}
	fx = s.answer(fx, out.Reads)
	return s.observe(fx)
}

func (s *replica) apply(fx []sim.Effect, e *raft.Entry) []sim.Effect {
	s.applied = e.Index
	fx = append(fx, sim.Effect{Kind: sim.Apply, Index: e.Index, Term: e.Term, Data: e.Data})
	op, who, byClient := strings.Cut(string(e.Data), " #")
	if !byClient {
		return fx
	}
	client, serial, _ := strings.Cut(who, ".")
	result := s.service.do(client, serial, op)
	if w, ok := s.waiting[e.Index]; ok {
		delete(s.waiting, e.Index)
		if w.term == e.Term && w.serial == serial {
			fx = append(fx, message(w.client, methodReply, serial+" = "+result))
		}
	}
	return fx
}

var roles = [...]sim.Role{raft.Follower: sim.Follower, raft.PreCandidate: sim.PreCandidate,
	raft.Candidate: sim.Candidate, raft.Leader: sim.Leader}

func (s *replica) observe(fx []sim.Effect) []sim.Effect {
	st := s.core.Status()
	st.Applied = s.applied
	if s.observed && st == s.shown {
		return fx
	}
	s.shown, s.observed = st, true
	return append(fx, sim.Effect{Kind: sim.Observe, Status: sim.Status{
		Term: st.Term, Role: roles[st.Role], Full: true, Vote: int(st.Vote) - 1, Lead: int(st.Lead) - 1,
		Commit: st.Commit, Applied: st.Applied, First: st.First, Last: st.Last, Deadline: sim.Time(st.Deadline)}})
}

func logWrite(fx []sim.Effect, index uint64, entries []raft.Entry) []sim.Effect {
	shown := make([]sim.LogEntry, len(entries))
	for i, e := range entries {
		shown[i] = sim.LogEntry{Term: e.Term, Data: e.Data}
	}
	return append(fx, sim.Effect{Kind: sim.LogWrite, Index: index, Entries: shown})
}
