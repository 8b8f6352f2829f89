package sim

import "fmt"

// Link is how messages fare on one directed link.
type Link struct {
	// Min and Max bound the delay of a message; it is drawn uniformly in ns. A
	// delay is never below MinDelay, lest a fast cluster stops virtual time.
	Min, Max Time
	// Loss is the probability that a message is lost.
	Loss float64
	// Dup is the probability that a message arrives twice.
	Dup float64
	// Late is the probability that a message is delayed by LateMin to LateMax
	// in place of Min to Max, so that later ones overtake it.
	Late             float64
	LateMin, LateMax Time
	// LateReplies restricts Late to replies.
	LateReplies bool
	// Cut loses every message, also those under way.
	Cut bool
}

// MinDelay is the least time that a message takes.
const MinDelay = 10 * Microsecond

func (l Link) String() string {
	if l.Cut {
		return "cut"
	}
	s := fmt.Sprintf("delay %d-%dus", l.Min/Microsecond, l.Max/Microsecond)
	if l.Loss > 0 {
		s += fmt.Sprintf(" loss %g", l.Loss)
	}
	if l.Dup > 0 {
		s += fmt.Sprintf(" dup %g", l.Dup)
	}
	if l.Late > 0 {
		s += fmt.Sprintf(" late %g %d-%dus", l.Late, l.LateMin/Microsecond, l.LateMax/Microsecond)
	}
	return s
}

// Network presets. Unreliable and LongReordering are the MIT lab's modes: 0-26
// ms, a tenth of the requests and a tenth of the replies lost, and two thirds of
// the replies delayed by 200-2200 ms.
var (
	Reliable       = Link{Min: 100 * Microsecond, Max: 1 * Millisecond}
	Unreliable     = Link{Min: 100 * Microsecond, Max: 26 * Millisecond, Loss: 0.1}
	LongReordering = Link{Min: 100 * Microsecond, Max: 26 * Millisecond, Loss: 0.1,
		Late: 2.0 / 3, LateMin: 200 * Millisecond, LateMax: 2200 * Millisecond, LateReplies: true}
)

// Reasons for which a message is dropped, in RecDrop's Name.
const (
	DropLoss  = "lost"
	DropCut   = "cut"
	DropDown  = "receiver down"
	DropStale = "nobody waits for it" // a reply to an earlier life, or a second one
	DropAsked = "dropped by hand"
)

// pendingCall is a MsgCall whose sender still waits. copies counts the requests
// and replies of it that are under way or being served: when none is left, no
// answer can come, and the sender is told so.
type pendingCall struct {
	to     int
	method string
	copies int
}

// serving is a delivered MsgCall that its receiver has not answered yet.
type serving struct {
	id         uint64 // the request's message ID: what its receiver knows it by
	from, life int
	call       uint64 // what its sender knows it by
}

// send puts a message of node n on the wire.
func (w *World) send(n int, e *Effect) {
	w.msgID++
	m := e.Msg
	m.ID = w.msgID
	to := e.To
	if to < 0 || to >= len(w.nodes) {
		w.crashWith(n, FaultProtocol, fmt.Sprintf("sent a message to server %d of %d", to, len(w.nodes)))
		return
	}
	nd := &w.nodes[n]
	w.emit(Record{Kind: RecSend, Node: n, Peer: to, ID: m.ID, Call: m.Call, Term: uint64(m.Kind), Name: m.Method, Data: m.Body})
	nd.stats.Sent++
	nd.stats.Bytes += uint64(len(m.Body))
	life := nd.life
	switch m.Kind {
	case MsgCall:
		nd.stats.Calls++
		nd.calls[m.Call] = &pendingCall{to: to, method: m.Method}
	case MsgReply:
		life = -1
		for i, s := range nd.serving {
			if s.from == to && s.id == m.Call {
				life, m.Call = s.life, s.call
				nd.serving = append(nd.serving[:i], nd.serving[i+1:]...)
				break
			}
		}
		c := w.waiting(to, life, m.Call)
		if c == nil {
			w.emit(Record{Kind: RecDrop, ID: m.ID, Node: n, Peer: to, Name: DropStale})
			return
		}
		c.copies-- // the served request turns into this reply
	}
	l := &w.links[n][to]
	w.launch(n, to, life, m, l)
	if l.Dup > 0 && w.net.Chance(l.Dup) {
		w.emit(Record{Kind: RecDup, ID: m.ID, Node: n, Peer: to})
		w.launch(n, to, life, m, l)
	}
}

// waiting returns the call if that life of node n still waits for its answer.
func (w *World) waiting(n, life int, call uint64) *pendingCall {
	nd := &w.nodes[n]
	if nd.life != life || !nd.up {
		return nil
	}
	return nd.calls[call]
}

// launch sends one copy of m on its way. life is that of the call's sender.
func (w *World) launch(from, to, life int, m Message, l *Link) {
	caller := from
	if m.Kind == MsgReply {
		caller = to
	}
	if m.Kind != MsgOneWay {
		if c := w.waiting(caller, life, m.Call); c != nil {
			c.copies++
		}
	}
	it := queued{kind: qMessage, node: to, from: from, life: life, msg: m}
	switch {
	case l.Cut:
		w.lose(&it, DropCut)
		return
	case l.Loss > 0 && w.net.Chance(l.Loss):
		w.lose(&it, DropLoss)
		return
	}
	d := w.net.Between(l.Min, l.Max)
	if l.Late > 0 && (m.Kind == MsgReply || !l.LateReplies) && w.net.Chance(l.Late) {
		d = w.net.Between(l.LateMin, l.LateMax)
	}
	if len(w.holds) > 0 {
		d += w.heldBy(from, to, m.Kind)
	}
	w.push(w.now+max(d, MinDelay), it)
}

// lose ends one copy of a message, and the call with it if it was the last.
func (w *World) lose(it *queued, why string) {
	w.emit(Record{Kind: RecDrop, ID: it.msg.ID, Node: it.from, Peer: it.node, Name: why})
	caller := it.from
	if it.msg.Kind == MsgReply {
		caller = it.node
	}
	if it.msg.Kind != MsgOneWay {
		w.endCopy(caller, it.life, it.msg.Call, why)
	}
}

// endCopy notes that one copy of a call can bring no answer any more.
func (w *World) endCopy(caller, life int, call uint64, why string) {
	c := w.waiting(caller, life, call)
	if c == nil {
		return
	}
	if c.copies--; c.copies > 0 {
		return
	}
	// A lost packet shows soon; an unreachable server only after a time-out.
	d := w.net.Between(w.cfg.LossNotice[0], w.cfg.LossNotice[1])
	if why == DropCut || why == DropDown {
		d = w.net.Between(w.cfg.CutNotice[0], w.cfg.CutNotice[1])
	}
	w.push(w.now+max(d, MinDelay), queued{kind: qCallFailed, node: caller, from: c.to, life: life,
		msg: Message{Kind: MsgCall, Call: call, Method: c.method}})
}

// deliver brings a message to its receiver.
func (w *World) deliver(it *queued) {
	nd := &w.nodes[it.node]
	switch {
	case w.links[it.from][it.node].Cut:
		w.lose(it, DropCut)
	case !nd.up:
		w.lose(it, DropDown)
	case it.msg.Kind == MsgReply:
		c := w.waiting(it.node, it.life, it.msg.Call)
		if c == nil {
			w.lose(it, DropStale)
			return
		}
		delete(nd.calls, it.msg.Call)
		w.receive(it)
	default:
		if it.msg.Kind == MsgCall {
			nd.serving = append(nd.serving, serving{id: it.msg.ID, from: it.from, life: it.life, call: it.msg.Call})
		}
		w.receive(it)
	}
}

func (w *World) receive(it *queued) {
	nd := &w.nodes[it.node]
	nd.stats.Received++
	w.emit(Record{Kind: RecReceive, Node: it.node, Peer: it.from, ID: it.msg.ID, Call: it.msg.Call, Name: it.msg.Method})
	w.ev = Event{Kind: Receive, From: it.from, Msg: it.msg}
	if it.msg.Kind == MsgCall {
		w.ev.Msg.Call = it.msg.ID // unique also over the sender's lives
	}
	w.step(it.node, &w.ev)
}

// callFailed tells a sender that its call has failed.
func (w *World) callFailed(it *queued) {
	c := w.waiting(it.node, it.life, it.msg.Call)
	if c == nil || c.copies > 0 {
		return
	}
	delete(w.nodes[it.node].calls, it.msg.Call)
	w.emit(Record{Kind: RecCallFailed, Node: it.node, Peer: it.from, Call: it.msg.Call, Name: it.msg.Method})
	w.ev = Event{Kind: CallFailed, From: it.from, Msg: it.msg}
	w.step(it.node, &w.ev)
}

// SetLink changes the directed link from one node to another; -1 means every node.
func (w *World) SetLink(from, to int, l Link) {
	w.emit(Record{Kind: RecLink, Node: from, Peer: to, Data: []byte(l.String())})
	w.eachLink(from, to, func(a, b int) {
		cut := w.links[a][b].Cut
		w.links[a][b] = l
		w.links[a][b].Cut = cut || l.Cut
	})
}

// LinkOf returns the directed link between two nodes.
func (w *World) LinkOf(from, to int) Link { return w.links[from][to] }

// Cut cuts the directed link from one node to another; -1 means every node.
// Messages under way on it are lost.
func (w *World) Cut(from, to int) { w.setCut(from, to, true, RecCut) }

// Heal undoes Cut.
func (w *World) Heal(from, to int) { w.setCut(from, to, false, RecHeal) }

func (w *World) setCut(from, to int, cut bool, kind RecordKind) {
	w.eachLink(from, to, func(a, b int) {
		if w.links[a][b].Cut != cut {
			w.links[a][b].Cut = cut
			w.emit(Record{Kind: kind, Node: a, Peer: b})
		}
	})
}

func (w *World) eachLink(from, to int, f func(a, b int)) {
	for a := range w.nodes {
		for b := range w.nodes {
			if a != b && (from < 0 || from == a) && (to < 0 || to == b) {
				f(a, b)
			}
		}
	}
}

// Partition leaves only the links within each group; a node in no group is alone.
func (w *World) Partition(groups ...[]int) {
	group := make([]int, len(w.nodes))
	for i := range group {
		group[i] = -1 - i
	}
	for g, nodes := range groups {
		for _, n := range nodes {
			group[n] = g
		}
	}
	w.eachLink(-1, -1, func(a, b int) {
		if group[a] == group[b] {
			w.Heal(a, b)
		} else {
			w.Cut(a, b)
		}
	})
}

// Flight is a message under way.
type Flight struct {
	From, To int
	Msg      Message
	Arrives  Time
}

// InFlight lists the messages under way, in the order of their arrival.
func (w *World) InFlight() []Flight {
	var fl []Flight
	for _, it := range w.q.sorted() {
		if it.kind == qMessage {
			fl = append(fl, Flight{it.from, it.node, it.msg, it.t})
		}
	}
	return fl
}

// DropMessage loses the copies under way of the message with that ID; it says
// whether there was one.
func (w *World) DropMessage(id uint64) bool {
	return w.onFlight(id, func(it queued) { w.lose(&it, DropAsked) })
}

// DelayMessage makes the copies under way of a message arrive later by d.
func (w *World) DelayMessage(id uint64, d Time) bool {
	return w.onFlight(id, func(it queued) { w.push(max(it.t+d, w.now+MinDelay), it) })
}

// DuplicateMessage makes a message under way arrive once more, after d.
func (w *World) DuplicateMessage(id uint64, d Time) bool {
	done := false
	return w.onFlight(id, func(it queued) {
		w.push(it.t, it)
		if done {
			return
		}
		done = true
		w.emit(Record{Kind: RecDup, ID: id, Node: it.from, Peer: it.node})
		caller := it.from
		if it.msg.Kind == MsgReply {
			caller = it.node
		}
		if it.msg.Kind != MsgOneWay {
			if c := w.waiting(caller, it.life, it.msg.Call); c != nil {
				c.copies++
			}
		}
		w.push(it.t+max(d, MinDelay), it)
	})
}

func (w *World) onFlight(id uint64, f func(it queued)) bool {
	hits := w.q.remove(func(it *queued) bool { return it.kind == qMessage && it.msg.ID == id })
	for _, it := range hits {
		f(it)
	}
	return len(hits) > 0
}
