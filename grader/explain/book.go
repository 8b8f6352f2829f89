package explain

import (
	"slices"

	"github.com/raftlab/raftlab/grader/sim"
)

// Book keeps of a run what an explanation may need. It is a sim.Watcher.
type Book struct {
	n      int // servers
	nodes  int // and clients
	events []event
	sends  map[uint64]int    // message -> its Send among the events
	starts map[uint64][]byte // request -> the command given to Start
	seen   []seen            // per server
}

type seen struct {
	term uint64
	lead bool
	life int
}

type event struct {
	t           sim.Time
	kind        sim.RecordKind
	msg         sim.MsgKind
	node, peer  int
	id, call    uint64
	index, term uint64
	name        string
	data        []byte
	lead        bool // Observe: became leader; Respond: says that it leads
	life        int
}

// maxEvents bounds what is kept: a run that goes on beyond it is told by its
// beginning only, which no test of ours comes near.
const maxEvents = 400_000

// NewBook returns a Book for a cluster of n servers and some clients.
func NewBook(n, clients int) *Book {
	return &Book{n: n, nodes: n + clients, sends: map[uint64]int{}, starts: map[uint64][]byte{}, seen: make([]seen, n+clients)}
}

// Watch takes in a record.
func (b *Book) Watch(r *sim.Record) {
	if r.Node < 0 || r.Node >= b.nodes || len(b.events) >= maxEvents {
		return
	}
	s := &b.seen[r.Node]
	e := event{t: r.T, kind: r.Kind, node: r.Node, peer: r.Peer, id: r.ID, call: r.Call, index: r.Index, term: r.Term, name: r.Name}
	switch r.Kind {
	case sim.RecBoot:
		*s = seen{life: int(r.ID)}
	case sim.RecSend:
		e.msg, e.data = sim.MsgKind(r.Term), r.Data
		b.sends[r.ID] = len(b.events)
	case sim.RecRequest:
		if r.Name != "start" {
			return
		}
		b.starts[r.ID], e.data = r.Data, r.Data
	case sim.RecRespond:
		if !r.Flag {
			return
		}
		e.lead, e.data = true, b.starts[r.ID]
	case sim.RecObserve:
		e.term = r.Status.Term
		e.lead = r.Status.Role == sim.Leader && !(s.lead && s.term == r.Status.Term)
		if e.term == s.term && !e.lead && s.lead == (r.Status.Role == sim.Leader) {
			return
		}
		s.term, s.lead = r.Status.Term, r.Status.Role == sim.Leader
	case sim.RecApply, sim.RecApplySnapshot:
		e.data = r.Data
	case sim.RecReceive, sim.RecTick, sim.RecCallFailed, sim.RecSave, sim.RecWriteAhead, sim.RecCrash, sim.RecFault:
	default:
		return
	}
	e.life = s.life
	b.events = append(b.events, e)
}

// last returns the last event up to time t that ok accepts, or -1.
func (b *Book) last(t sim.Time, ok func(*event) bool) int {
	for i := len(b.events) - 1; i >= 0; i-- {
		if e := &b.events[i]; e.t <= t && ok(e) {
			return i
		}
	}
	return -1
}

// first returns the first event that ok accepts, or -1.
func (b *Book) first(ok func(*event) bool) int {
	return slices.IndexFunc(b.events, func(e event) bool { return ok(&e) })
}

// began returns the event with which the step began that event i is part of.
func (b *Book) began(i int) int {
	for k := i; k >= 0 && b.events[k].t == b.events[i].t; k-- {
		if e := &b.events[k]; e.node == b.events[i].node {
			switch e.kind {
			case sim.RecReceive, sim.RecTick, sim.RecRequest, sim.RecCallFailed, sim.RecBoot:
				return k
			}
		}
	}
	return -1
}

// answer is a reply that a candidate had before it led.
type answer struct {
	peer    int
	asked   *event // the request as it was sent
	replied *event // the reply as it was sent
	arrived sim.Time
}

// election is how a server came to lead a term.
type election struct {
	server  int
	term    uint64
	stood   sim.Time // when it was first seen in that term
	led     sim.Time
	at      int // the event in which it led
	method  string
	answers []answer
}

// election tells how the leadership noticed in event i came about.
func (b *Book) election(i int) *election {
	lead := &b.events[i]
	e := &election{server: lead.node, term: lead.term, led: lead.t, stood: lead.t, at: i}
	own := func(x *event) bool { return x.node == lead.node && x.life == lead.life }
	for k := i; k >= 0; k-- {
		x := &b.events[k]
		if own(x) && x.kind == sim.RecObserve {
			if x.term < lead.term {
				break
			}
			e.stood = x.t
		}
	}
	for k := i; k >= 0; k-- {
		if x := &b.events[k]; own(x) && x.kind == sim.RecSend && x.msg == sim.MsgCall && x.t == e.stood {
			e.method = x.name
			break
		}
	}
	for k := 0; k < i; k++ {
		x := &b.events[k]
		if !own(x) || x.kind != sim.RecReceive || x.t < e.stood {
			continue
		}
		r := b.sent(x.id)
		if r == nil || r.msg != sim.MsgReply {
			continue
		}
		if ask := b.sent(r.call); ask != nil && (ask.name == e.method || e.method == "") && !slices.ContainsFunc(e.answers, func(a answer) bool { return a.peer == r.node }) {
			e.answers = append(e.answers, answer{peer: r.node, asked: ask, replied: r, arrived: x.t})
		}
	}
	return e
}

// sent returns a message as it was sent.
func (b *Book) sent(id uint64) *event {
	if i, ok := b.sends[id]; ok {
		return &b.events[i]
	}
	return nil
}

// elections lists those that were won up to event i, oldest first.
func (b *Book) elections(i int) []*election {
	var out []*election
	for k := 0; k <= i && k < len(b.events); k++ {
		if e := &b.events[k]; e.kind == sim.RecObserve && e.lead {
			out = append(out, b.election(k))
		}
	}
	return out
}

func (e *election) peers() []int {
	var out []int
	for _, a := range e.answers {
		out = append(out, a.peer)
	}
	slices.Sort(out)
	return out
}
