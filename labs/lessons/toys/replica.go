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

	// The service. done is the last serial number applied for each client.
	values map[string]string
	done   map[string]string
	// waiting are the clients' operations that this server, as leader, has put
	// into its log, by index; none once it leads no more.
	waiting map[uint64]waiter
}

type waiter struct {
	client int
	serial string
	term   uint64
}

func newReplica(node, servers int, seed uint64, set *Settings) sim.Server {
	c := set.config()
	c.ID, c.Seed = raft.ID(node+1), seed
	for n := range servers {
		c.Members.Voters = append(c.Members.Voters, raft.ID(n+1))
	}
	return &replica{set: set, cfg: c, rng: sim.NewRNG(seed, 7),
		values: map[string]string{}, done: map[string]string{}, waiting: map[uint64]waiter{}}
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
			fx = s.operate(now, ev.From, string(ev.Msg.Body), fx)
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
func (s *replica) operate(now time.Duration, client int, body string, fx []sim.Effect) []sim.Effect {
	serial, op, _ := strings.Cut(body, " ")
	for _, w := range s.waiting {
		if w.client == client && w.serial == serial {
			return fx // asked again: it is on its way
		}
	}
	// The entry ends with who asked for it, so that it is carried out once.
	entry := op + " #" + clientName(client, len(s.cfg.Members.Voters)) + "." + serial
	index, term, err := s.core.Propose(now, []byte(entry))
	switch err {
	case nil:
		s.waiting[index] = waiter{client, serial, term}
		return fx
	case raft.ErrNotLeader:
		answer := "nobody"
		if lead := s.core.Status().Lead; lead != raft.None {
			answer = "ask " + serverName(int(lead)-1)
		}
		return append(fx, message(client, methodReply, serial+" "+answer))
	default:
		return append(fx, message(client, methodReply, serial+" busy"))
	}
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
	words := strings.SplitN(op, " ", 3)
	result := "ok"
	switch {
	case len(words) == 3 && words[0] == "put":
		// A client has one operation at a time, so its last serial is enough.
		if s.done[client] != serial {
			s.values[words[1]] = words[2]
		}
	case len(words) == 2 && words[0] == "get":
		result = s.values[words[1]]
	}
	s.done[client] = serial
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
