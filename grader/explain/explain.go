package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// Step is one link of a chain: at Time, Server did what Text says.
type Step struct {
	Time   sim.Time
	Server int // -1: not one server's
	Text   string
}

// Explanation is the chain of events that made a property break, oldest first.
type Explanation struct {
	Steps []Step
	// So says in a sentence what follows from them; "" if no more than what is seen.
	So string
	// Method is the RPC whose handler, or the handling of whose answers, the
	// evidence points to; "" if to none.
	Method string
	// Caller is set if it is the handling of the answers.
	Caller bool
}

// maxSteps bounds a chain.
const maxSteps = 12

// Explain tells how v came about. fields says what a message carries, or "".
func (b *Book) Explain(v *check.Violation, fields func([]byte) string) *Explanation {
	x := &explainer{Book: b, v: v, fields: fields, out: &Explanation{}}
	switch {
	case v.Server < 0 && check.KindOf(v.Property) != check.Liveness && check.KindOf(v.Property) != check.Budget:
		return x.out
	case v.Property == check.ElectionSafety:
		x.twoLeaders()
	case v.Property == check.StateMachineSafety, v.Property == check.LeaderCompleteness:
		x.lostEntry()
	case v.Property == check.CommitWithoutMajority:
		x.tooFew()
	case v.Property == check.DurableTerm:
		x.forgottenTerm()
	case check.KindOf(v.Property) == check.Liveness:
		x.nothingHappens()
	case check.KindOf(v.Property) == check.Budget:
		x.tooMuch()
	default:
		x.trigger()
	}
	slices.SortStableFunc(x.out.Steps, func(p, q Step) int { return int(max(-1, min(1, p.Time-q.Time))) })
	if k := len(x.out.Steps) - maxSteps; k > 0 {
		x.out.Steps = x.out.Steps[k:]
	}
	return x.out
}

type explainer struct {
	*Book
	v      *check.Violation
	fields func([]byte) string
	out    *Explanation
}

func (x *explainer) say(t sim.Time, server int, format string, args ...any) {
	s := Step{t, server, fmt.Sprintf(format, args...)}
	if !slices.Contains(x.out.Steps, s) {
		x.out.Steps = append(x.out.Steps, s)
	}
}

func (x *explainer) so(format string, args ...any) {
	if x.out.So == "" {
		x.out.So = fmt.Sprintf(format, args...)
	}
}

// here is the last event of the violating server when the property broke.
func (x *explainer) here(kinds ...sim.RecordKind) int {
	return x.last(x.v.Time, func(e *event) bool { return e.node == x.v.Server && slices.Contains(kinds, e.kind) })
}

// carries says what a message holds, in brackets.
func (x *explainer) carries(e *event) string {
	if s := x.fields(e.data); s != "" {
		return " (" + s + ")"
	}
	return ""
}

func servers(of []int) string {
	names := make([]string, len(of))
	for i, n := range of {
		names[i] = "S" + strconv.Itoa(n)
	}
	return strings.Join(names, ", ")
}

func span(t sim.Time) string {
	return fmt.Sprintf("%d ms", t/sim.Millisecond)
}

// crashes tells the crashes and restarts of a server between two moments, and
// returns how many there were.
func (x *explainer) crashes(server int, from, to sim.Time) int {
	n := 0
	for i := range x.events {
		e := &x.events[i]
		if e.node != server || e.t < from || e.t > to {
			continue
		}
		switch e.kind {
		case sim.RecCrash:
			n++
			x.say(e.t, server, "server %d crashes", server)
		case sim.RecBoot:
			if e.life > 1 {
				x.say(e.t, server, "server %d comes back with what its disk holds", server)
			}
		}
	}
	return n
}

// won tells how an election was won. It returns the answers that came to
// requests of before the candidate's term.
func (x *explainer) won(e *election) (stale []answer) {
	x.say(e.stood, e.server, "server %d stands for leader in term %d", e.server, e.term)
	for _, a := range e.answers {
		if a.asked.t < e.stood {
			stale = append(stale, a)
			x.say(a.asked.t, e.server, "server %d asks server %d for its vote, in an earlier term", e.server, a.peer)
			x.say(a.arrived, a.peer, "the answer of server %d to that old request arrives at server %d, %s later%s", a.peer, e.server, span(a.arrived-a.asked.t), x.carries(a.replied))
			continue
		}
		x.say(a.replied.t, a.peer, "server %d answers server %d's %s%s", a.peer, e.server, a.asked.name, x.carries(a.replied))
	}
	if len(e.answers) == 0 {
		x.say(e.led, e.server, "server %d becomes leader of term %d without any answer", e.server, e.term)
	} else {
		x.say(e.led, e.server, "server %d becomes leader of term %d with the answers of %s", e.server, e.term, servers(e.peers()))
	}
	return stale
}

// twoLeaders: two servers lead in one term. Somebody voted twice, an old vote
// was counted, or too few votes were enough.
func (x *explainer) twoLeaders() {
	i := x.here(sim.RecObserve, sim.RecRespond)
	if i < 0 {
		return
	}
	term := x.events[i].term
	var two []*election
	for _, e := range x.elections(i) {
		if e.term == term && (e.server == x.v.Server || e.server == x.v.Peer) && !slices.ContainsFunc(two, func(o *election) bool { return o.server == e.server }) {
			two = append(two, e)
		}
	}
	for _, e := range two {
		x.out.Method = e.method
		if stale := x.won(e); len(stale) > 0 {
			x.out.Caller = true
			x.so("So server %d counted an answer to a request of an earlier term in term %d.", e.server, term)
		}
		if len(e.answers)+1 <= x.n/2 {
			x.out.Caller = true
			x.so("So server %d led with %d of %d votes at most: not a majority.", e.server, len(e.answers)+1, x.n)
		}
	}
	if len(two) < 2 {
		return
	}
	first, second := two[0], two[1]
	for _, a := range first.answers {
		for _, c := range second.answers {
			if a.peer != c.peer {
				continue
			}
			from, to := min(a.replied.t, c.replied.t), max(a.replied.t, c.replied.t)
			if x.crashes(a.peer, from, to) > 0 {
				x.so("So server %d answered both candidates of term %d, and crashed in between: what it had promised the first did not come back from its disk.", a.peer, term)
			} else {
				x.so("So server %d answered both candidates of term %d.", a.peer, term)
			}
		}
	}
}

// lostEntry: an index was given away, or applied, again.
func (x *explainer) lostEntry() {
	i := x.here(sim.RecApply, sim.RecRespond)
	if i < 0 {
		return
	}
	at := x.events[i]
	first := x.first(func(e *event) bool { return e.kind == sim.RecApply && e.index == at.index })
	if first < 0 || first >= i {
		return
	}
	old := x.events[first]
	x.took(old.data, at.index, old.t)
	x.say(old.t, old.node, "server %d applies %s at index %d: it is committed", old.node, command(old.data), at.index)
	if k := x.last(at.t, func(e *event) bool {
		return e.kind == sim.RecRespond && e.index == at.index && string(e.data) == string(at.data) && string(e.data) != string(old.data)
	}); k >= 0 {
		lead := x.events[k]
		x.say(lead.t, lead.node, "server %d, leader of term %d, gives index %d to %s", lead.node, lead.term, at.index, command(at.data))
		for _, e := range x.elections(k) {
			if e.server != lead.node || e.term != lead.term {
				continue
			}
			x.out.Method = e.method
			x.won(e)
			for _, a := range append(e.answers, answer{peer: e.server}) {
				had := x.last(e.led, func(y *event) bool { return y.node == a.peer && y.kind == sim.RecApply && y.index == at.index })
				if had < 0 {
					continue
				}
				h := x.events[had]
				x.say(h.t, a.peer, "server %d applies %s at index %d", a.peer, command(h.data), at.index)
				lost := x.crashes(a.peer, h.t, e.led) > 0
				switch {
				case a.peer == e.server && lost:
					x.out.Method = ""
					x.so("So server %d had index %d, crashed, and led term %d without it.", a.peer, at.index, e.term)
				case a.peer == e.server:
					x.so("So server %d had index %d itself before it led term %d.", a.peer, at.index, e.term)
				case lost:
					x.so("So server %d, which had index %d and crashed, let server %d lead without it.", a.peer, at.index, e.server)
				default:
					x.so("So server %d, which had index %d, let server %d lead without it.", a.peer, at.index, e.server)
				}
			}
			break
		}
	}
	if at.kind == sim.RecApply {
		x.because(i)
		x.say(at.t, at.node, "server %d applies %s at index %d", at.node, command(at.data), at.index)
	}
}

// took tells who took a command as leader, for an index.
func (x *explainer) took(cmd []byte, index uint64, before sim.Time) int {
	k := x.last(before, func(e *event) bool {
		return e.kind == sim.RecRespond && e.index == index && string(e.data) == string(cmd)
	})
	if k >= 0 {
		e := x.events[k]
		x.say(e.t, e.node, "server %d, leader of term %d, gives index %d to %s", e.node, e.term, index, command(cmd))
	}
	return k
}

func command(b []byte) string {
	t := wire.CommandText(b)
	if len(t) > 24 {
		t = t[:20] + "…"
	}
	return t
}

// because tells what set off the step of event i. It returns the message, or nil.
func (x *explainer) because(i int) *event {
	k := x.began(i)
	if k < 0 {
		return nil
	}
	e := x.events[k]
	switch e.kind {
	case sim.RecReceive:
		m := x.sent(e.id)
		if m == nil {
			return nil
		}
		x.out.Method, x.out.Caller = m.name, m.msg == sim.MsgReply
		what := m.name
		if m.msg == sim.MsgReply {
			x.say(m.t, m.node, "server %d answers server %d's %s%s", m.node, e.node, what, x.carries(m))
			if ask := x.sent(m.call); ask != nil && e.t-ask.t > 100*sim.Millisecond {
				x.say(ask.t, e.node, "server %d sends server %d the %s which is answered only %s later%s", e.node, m.node, what, span(m.t-ask.t), x.carries(ask))
			}
			x.say(e.t, e.node, "server %d gets the answer of server %d to its %s", e.node, m.node, what)
			return m
		}
		x.say(m.t, m.node, "server %d sends server %d a %s%s", m.node, e.node, what, x.carries(m))
		x.say(e.t, e.node, "server %d gets the %s of server %d, %s after it was sent", e.node, what, m.node, span(e.t-m.t))
		return m
	case sim.RecTick:
		x.say(e.t, e.node, "a timer or a sleep of server %d ends", e.node)
	case sim.RecBoot:
		x.say(e.t, e.node, "server %d comes back with what its disk holds", e.node)
	}
	return nil
}

// tooFew: an entry was applied that no majority can have heard of.
func (x *explainer) tooFew() {
	i := x.here(sim.RecApply)
	if i < 0 {
		return
	}
	at := x.events[i]
	took := x.took(at.data, at.index, at.t)
	m := x.because(i)
	x.say(at.t, at.node, "server %d applies %s at index %d", at.node, command(at.data), at.index)
	if m == nil || took < 0 || m.msg != sim.MsgReply {
		return
	}
	if ask := x.sent(m.call); ask != nil && ask.t < x.events[took].t {
		x.so("So an answer to what server %d had sent before it had the command counted for it.", at.node)
	}
}

// forgottenTerm: a server came back in an older term than it had told others of.
func (x *explainer) forgottenTerm() {
	i := x.here(sim.RecObserve)
	if i < 0 {
		return
	}
	at := x.events[i]
	boot := x.last(at.t, func(e *event) bool { return e.node == at.node && e.kind == sim.RecBoot })
	knew := -1
	for k := 0; k < boot; k++ {
		if e := &x.events[k]; e.node == at.node && e.kind == sim.RecObserve && e.term > at.term && (knew < 0 || e.term > x.events[knew].term) {
			knew = k
		}
	}
	if knew < 0 {
		return
	}
	k := x.events[knew]
	x.because(knew)
	x.say(k.t, at.node, "server %d is in term %d", at.node, k.term)
	saves := 0
	for j := knew; j < boot; j++ {
		e := &x.events[j]
		if e.node != at.node {
			continue
		}
		switch {
		case e.kind == sim.RecSave || e.kind == sim.RecWriteAhead:
			saves++
		case e.kind == sim.RecSend && e.t > k.t:
			x.say(e.t, at.node, "server %d sends server %d a message in that term: %s%s", at.node, e.peer, e.name, x.carries(e))
			k.t = sim.Never // the first is enough
		}
	}
	x.crashes(at.node, x.events[knew].t, at.t)
	x.say(at.t, at.node, "server %d is in term %d", at.node, at.term)
	if saves == 0 {
		x.so("So server %d saved nothing between the moment it was in term %d and its crash.", at.node, x.events[knew].term)
	} else {
		x.so("So what server %d saved since did not hold term %d, or it was not read back.", at.node, x.events[knew].term)
	}
}

// trigger: what set off the step in which it happened, and what was applied before.
func (x *explainer) trigger() {
	i := x.last(x.v.Time, func(e *event) bool { return e.node == x.v.Server })
	if i < 0 {
		return
	}
	n := 0
	for k := i; k >= 0 && n < 3; k-- {
		switch e := &x.events[k]; {
		case e.node != x.v.Server:
		case e.kind == sim.RecApply:
			n++
			x.say(e.t, e.node, "server %d applies %s at index %d", e.node, command(e.data), int64(e.index))
		case e.kind == sim.RecApplySnapshot:
			n++
			x.say(e.t, e.node, "server %d applies the snapshot up to index %d", e.node, int64(e.index))
		case e.kind == sim.RecBoot:
			n = 3
			if e.life > 1 {
				x.say(e.t, e.node, "server %d comes back with what its disk holds", e.node)
			}
		}
	}
	x.because(i)
}

// waited is how far back is looked when something did not happen.
const waited = 5 * sim.Second

// nothingHappens: who tried what while something was waited for.
func (x *explainer) nothingHappens() {
	from := max(0, x.v.Time-waited)
	for s := range x.n {
		var terms, calls, answers, got int
		var method string
		to := -1
		down := false
		var quiet sim.Time
		for i := range x.events {
			e := &x.events[i]
			if e.t > x.v.Time || e.node != s {
				continue
			}
			switch e.kind {
			case sim.RecCrash, sim.RecFault:
				down = true
			case sim.RecBoot:
				down = false
			case sim.RecReceive:
				quiet = e.t
			}
			if e.t < from {
				continue
			}
			switch e.kind {
			case sim.RecObserve:
				terms++
			case sim.RecSend:
				if e.msg == sim.MsgCall {
					calls++
					method, to = e.name, e.peer
				}
			case sim.RecReceive:
				if m := x.sent(e.id); m != nil && m.msg == sim.MsgReply {
					answers++
				} else {
					got++
				}
			}
		}
		switch {
		case down:
			x.say(x.v.Time, s, "server %d is down", s)
		case calls > 0:
			x.say(x.v.Time, s, "within %s server %d made %d calls, the last a %s to server %d; %d were answered; its term or role changed %d times",
				span(x.v.Time-from), s, calls, method, to, answers, terms)
		case got > 0:
			x.say(x.v.Time, s, "within %s server %d only answered: %d calls; its term or role changed %d times", span(x.v.Time-from), s, got, terms)
		default:
			x.say(x.v.Time, s, "server %d has heard nothing since %d ms", s, quiet/sim.Millisecond)
		}
	}
}

// tooMuch: who sent most of what was sent in the last second.
func (x *explainer) tooMuch() {
	from := max(0, x.v.Time-sim.Second)
	type kind struct {
		from, to int
		name     string
	}
	count := map[kind]int{}
	bytes := map[kind]int{}
	for i := range x.events {
		if e := &x.events[i]; e.t >= from && e.t <= x.v.Time && e.kind == sim.RecSend && e.msg == sim.MsgCall {
			k := kind{e.node, e.peer, e.name}
			count[k]++
			bytes[k] += len(e.data)
		}
	}
	var kinds []kind
	for k := range count {
		kinds = append(kinds, k)
	}
	slices.SortFunc(kinds, func(a, b kind) int {
		if d := count[b] - count[a]; d != 0 {
			return d
		}
		if d := a.from - b.from; d != 0 {
			return d
		}
		if d := a.to - b.to; d != 0 {
			return d
		}
		return strings.Compare(a.name, b.name)
	})
	for i, k := range kinds {
		if i == 3 {
			break
		}
		x.say(x.v.Time, k.from, "within the last %s server %d made %d calls of %s to server %d, %d bytes", span(x.v.Time-from), k.from, count[k], k.name, k.to, bytes[k])
		if i == 0 {
			x.out.Method, x.out.Caller = k.name, true
		}
	}
}
