package grader

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/explain"
	"github.com/raftlab/raftlab/grader/host"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// story keeps what a report tells of a run: the last events of each sort, the
// end of what each server printed, and evidence of mistakes that are not
// failures by themselves.
type story struct {
	events   []EventLine // a ring
	at       int
	messages []EventLine // a ring of its own: there are many more of them
	bodies   [][]byte    // what they carry
	mat      int
	printed  uint64
	tails    [][]byte
	sent     []string // per server: the reply sent in the step under way
	applied  []bool   // per server: since then, it has applied something
	snapshot [][]byte // per server: the one on its disk
	lead     []uint64 // per server: the term it leads in
	term     []uint64
	evidence []string
	flight   map[uint64]string
	servers  int // the nodes after them are clients
}

const (
	keepEvents   = 64
	keepMessages = 64
	keepOutput   = 2000 // bytes
	keepEvidence = 3
	keepDetail   = 64 // characters
)

func newStory(servers, clients int) *story {
	n := servers + clients
	return &story{servers: servers, tails: make([][]byte, n), sent: make([]string, n), applied: make([]bool, n), snapshot: make([][]byte, n), lead: make([]uint64, n), term: make([]uint64, n)}
}

func (s *story) add(r *sim.Record, peer int, format string, args ...any) *EventLine {
	e := EventLine{Time: r.T, Server: r.Node, Peer: peer, What: fmt.Sprintf(format, args...)}
	if len(s.events) < keepEvents {
		s.events = append(s.events, e)
		return &s.events[len(s.events)-1]
	}
	s.events[s.at] = e
	p := &s.events[s.at]
	s.at = (s.at + 1) % keepEvents
	return p
}

func (s *story) message(r *sim.Record, what string) {
	e := EventLine{Time: r.T, Server: r.Node, Peer: r.Peer, What: what}
	if len(s.messages) < keepMessages {
		s.messages, s.bodies = append(s.messages, e), append(s.bodies, r.Data)
		return
	}
	s.messages[s.mat], s.bodies[s.mat] = e, r.Data
	s.mat = (s.mat + 1) % keepMessages
}

// Watch takes in a record.
func (s *story) Watch(r *sim.Record) {
	if r.Node >= len(s.tails) {
		return
	}
	switch r.Kind {
	case sim.RecBoot:
		s.lead[r.Node], s.term[r.Node], s.sent[r.Node] = 0, 0, ""
		if r.ID > 1 {
			s.add(r, -1, "restarts")
		}
	case sim.RecTick, sim.RecReceive, sim.RecCallFailed, sim.RecRequest:
		s.sent[r.Node] = ""
		if r.Kind == sim.RecRequest && r.Name == "start" {
			s.add(r, -1, "Start(%s)", short(r.Data))
		}
	case sim.RecRespond:
		if r.Flag {
			s.add(r, -1, "Start answers: index %d, term %d, leader", int64(r.Index), int64(r.Term))
		}
	case sim.RecSend:
		what := r.Name
		if sim.MsgKind(r.Term) == sim.MsgReply {
			what += " reply"
			s.sent[r.Node], s.applied[r.Node] = what, false
		}
		s.message(r, what)
	case sim.RecDrop:
		if r.Name == sim.DropCut || r.Name == sim.DropLoss {
			s.message(r, "message "+r.Name)
		}
	case sim.RecSave:
		// The service takes a snapshot as it applies, and no reply waits for that.
		taken := s.applied[r.Node] && !bytes.Equal(s.snapshot[r.Node], r.More)
		s.snapshot[r.Node] = r.More
		if s.sent[r.Node] != "" && !taken {
			if len(s.evidence) < keepEvidence {
				s.evidence = append(s.evidence, fmt.Sprintf("at %s server %d sent its %s before it saved its state", clock(r.T), r.Node, s.sent[r.Node]))
			}
			s.sent[r.Node] = ""
		}
	case sim.RecObserve:
		switch leads := r.Status.Role == sim.Leader; {
		case leads && s.lead[r.Node] != r.Status.Term:
			s.add(r, -1, "becomes leader of term %d", r.Status.Term)
			s.lead[r.Node] = r.Status.Term
		case !leads && s.lead[r.Node] != 0:
			s.add(r, -1, "is no longer leader; term %d", r.Status.Term)
			s.lead[r.Node] = 0
		case r.Status.Term != s.term[r.Node]:
			s.add(r, -1, "term %d", r.Status.Term)
		}
		s.term[r.Node] = r.Status.Term
	case sim.RecApply:
		s.applied[r.Node] = true
		s.add(r, -1, "applies %s at index %d", short(r.Data), int64(r.Index))
	case sim.RecApplySnapshot:
		s.add(r, -1, "applies the snapshot up to index %d", int64(r.Index))
	case sim.RecCrash:
		if r.Flag {
			s.add(r, -1, "crashes in the middle of a step")
		} else {
			s.add(r, -1, "crashes")
		}
	case sim.RecCut:
		s.add(r, r.Peer, "link cut")
	case sim.RecHeal:
		s.add(r, r.Peer, "link healed")
	case sim.RecFault:
		s.add(r, -1, "ends: %s", r.Name)
	case sim.RecInvoke, sim.RecReturn:
		own := *r
		own.Node = r.Peer
		if r.Kind == sim.RecInvoke {
			s.add(&own, -1, "asks %s", cut(string(r.Data)))
		} else {
			s.add(&own, -1, "is told %s", cut(string(r.Data)))
		}
	case sim.RecViolation:
		s.add(r, r.Peer, "%s broken", r.Name).Mark = true
	case sim.RecNote:
		s.add(r, -1, "note: %s %s", r.Name, short(r.Data))
	case sim.RecPrint:
		s.printed += uint64(len(r.Data))
		if r.Node >= 0 {
			t := append(s.tails[r.Node], r.Data...)
			if len(t) > 2*keepOutput {
				t = append([]byte(nil), t[len(t)-keepOutput:]...)
			}
			s.tails[r.Node] = t
		}
	}
}

// fieldsOf says what a message of sub's carries, on one short line.
func fieldsOf(sub *subject) func([]byte) string {
	if sub.types == nil {
		return func([]byte) string { return "" }
	}
	view := sub.viewer()
	return func(body []byte) string {
		vs, err := view.Values(body)
		if err != nil || len(vs) != 1 {
			return ""
		}
		return vs[0].Brief(keepDetail)
	}
}

// cut shortens what a client asked or was told: the end of a long value says more
// than its beginning.
func cut(t string) string {
	if r := []rune(t); len(r) > keepDetail {
		t = string(r[:keepDetail/4]) + "…" + string(r[len(r)-keepDetail*3/4:])
	}
	return t
}

func short(cmd []byte) string {
	t := wire.CommandText(cmd)
	if len(t) > 24 {
		t = t[:20] + "…"
	}
	return t
}

// clock shows a virtual time in seconds.
func clock(t sim.Time) string {
	return fmt.Sprintf("%d.%06d s", t/sim.Second, t%sim.Second/sim.Microsecond)
}

// lines returns the last n events up to the moment at, when the property broke,
// oldest first, cuts that happened at one moment as one line. What did not
// happen in time broke its property when the wait ended; the world went on for a
// little, to see who is stuck, and that is not part of the story.
//
// fields says what a message carries.
func (s *story) lines(n int, at sim.Time, fields func([]byte) string) []EventLine {
	all := append(append([]EventLine(nil), s.events[s.at:]...), s.events[:s.at]...)
	var out []EventLine
	for _, e := range all {
		if e.Mark {
			e.Time = min(e.Time, at)
		}
		if e.Time > at {
			continue
		}
		if k := len(out) - 1; k >= 0 && e.Peer >= 0 && !e.Mark {
			if l := &out[k]; l.Time == e.Time && strings.HasPrefix(l.What, strings.TrimSuffix(e.What, "")) {
				l.What += fmt.Sprintf(", S%d→S%d", e.Server, e.Peer)
				continue
			}
			e.What += fmt.Sprintf(" S%d→S%d", e.Server, e.Peer)
			e.Server, e.Peer = -1, -1
		} else if e.Peer >= 0 && !e.Mark {
			e.What += fmt.Sprintf(" S%d→S%d", e.Server, e.Peer)
			e.Server, e.Peer = -1, -1
		}
		out = append(out, e)
	}
	// The messages of the last moments, between the events that are shown.
	if len(out) > n {
		out = out[len(out)-n:]
	}
	if len(out) > 0 {
		var msgs []EventLine
		var bodies [][]byte
		for k := range s.messages {
			k = (s.mat + k) % len(s.messages)
			if m := s.messages[k]; m.Time >= out[0].Time && m.Time <= at {
				msgs, bodies = append(msgs, m), append(bodies, s.bodies[k])
			}
		}
		for k := max(0, len(msgs)-n/2); k < len(msgs); k++ {
			msgs[k].Detail = fields(bodies[k])
			out = append(out, msgs[k])
		}
		sort.SliceStable(out, func(i, j int) bool {
			return out[i].Time < out[j].Time || out[i].Time == out[j].Time && !out[i].Mark && out[j].Mark
		})
	}
	return out
}

// explain makes the Failure of a run.
// An instructor's limit says how many steps of hints there are; with 0 the
// property is named and nothing more is explained.
func (sub *subject) explain(o *Options, j *job, out *script.Outcome, s *story, book *explain.Book, hints Hints, limit int) *Failure {
	v := out.Violation
	h := hints[string(v.Property)]
	f := &Failure{
		Kind: failureKinds[check.KindOf(v.Property)], Property: string(v.Property), Section: h.Section, Seed: j.seed,
		Time: v.Time, Server: v.Server, Message: v.Message, Expected: v.Expected, Found: v.Found,
		Test: out.Line, Source: out.Source, Events: s.lines(14, v.Time, fieldsOf(sub)), Hints: h.Hints, Evidence: s.evidence,
		Replay: fmt.Sprintf("grade --run %s/%s --seed %d --seeds 1", j.test.Part.Name, j.test.Name, j.seed),
	}
	for _, o := range v.History {
		l := HistoryLine{ID: o.ID, Who: o.Who, Call: o.Call, Return: o.Return, Ask: o.Ask, Answer: o.Answer}
		if o.Return == sim.Never {
			l.Return = -1
		}
		f.History = append(f.History, l)
	}
	if o.OnCore {
		f.Replay += CoreRaft.Flag()
	}
	if sub.module == "" {
		f.Replay = "grade reference" + strings.TrimPrefix(f.Replay, "grade")
	}
	f.Stack = sub.own(v.Stack)
	if v.Property == check.NoDeadlock { // the dump of a server
		f.Stack = sub.own(host.Dump([]byte(v.Stack)))
	}
	f.Code = sub.place(v.Stack)
	if limit != 0 {
		sub.chain(f, book.Explain(v, fieldsOf(sub)))
	}
	if limit >= 0 {
		f.Hints = f.Hints[:min(limit, len(f.Hints))]
	}
	if j.test.Clients > 0 {
		f.Servers = j.test.Servers
		f.nameClients(j.test.Servers + j.test.Clients)
	}
	if v.Server >= 0 && v.Server < len(s.tails) {
		t := s.tails[v.Server]
		if len(t) > keepOutput {
			t = t[len(t)-keepOutput:]
		}
		f.Output = string(t)
	}
	return f
}

// nameClients gives the nodes from f.Servers on, which are clients, their own
// names in what is told of them.
func (f *Failure) nameClients(nodes int) {
	name := func(text string) string {
		return nodeName.ReplaceAllStringFunc(text, func(m string) string {
			at := strings.LastIndexAny(m, " S") + 1
			n, err := strconv.Atoi(m[at:])
			switch {
			case err != nil || n < f.Servers || n >= nodes:
				return m
			case m[0] == 'S':
				return fmt.Sprintf("C%d", n-f.Servers)
			}
			return fmt.Sprintf("client %d", n-f.Servers)
		})
	}
	for _, s := range []*string{&f.Message, &f.Expected, &f.So} {
		*s = name(*s)
	}
	for i := range f.Chain {
		f.Chain[i].What = name(f.Chain[i].What)
	}
	for i := range f.Events {
		f.Events[i].What = name(f.Events[i].What)
	}
	f.Evidence = slices.Clone(f.Evidence)
	for i := range f.Evidence {
		f.Evidence[i] = name(f.Evidence[i])
	}
}

var nodeName = regexp.MustCompile(`\bserver \d+\b|\bS\d+\b`)

// chain puts an explanation into f: what led to the violation, and as the last
// hint the place that it points to.
func (sub *subject) chain(f *Failure, x *explain.Explanation) {
	for _, s := range x.Steps {
		f.Chain = append(f.Chain, EventLine{Time: s.Time, Server: s.Server, Peer: -1, What: s.Text})
	}
	f.So = x.So
	if x.Method == "" || sub.places == nil {
		return
	}
	key, en, zh := x.Method, "The evidence points to the handler of %s: %s", "证据指向 %s 的处理函数：%s"
	if x.Caller {
		key, en, zh = "call "+x.Method, "The evidence points to where the answers to %s are dealt with: %s", "证据指向处理 %s 的回复之处：%s"
	}
	if at := sub.places()[key]; at != "" {
		// Clipped: the list is the lab's.
		f.Hints = append(f.Hints[:len(f.Hints):len(f.Hints)], Text{"en": fmt.Sprintf(en, x.Method, at), "zh": fmt.Sprintf(zh, x.Method, at)})
	}
}

var stackLine = regexp.MustCompile(`([^\s()]+\.go):(\d+)`)

// own rewrites a stack's file names to those the student knows.
func (sub *subject) own(stack string) string {
	return stackLine.ReplaceAllStringFunc(stack, func(m string) string {
		i := strings.LastIndexByte(m, ':')
		if p, ok := sub.sources[m[:i]]; ok {
			return p + m[i:]
		}
		return m
	})
}

// place returns the first line of the student's own code in a stack.
func (sub *subject) place(stack string) string {
	for _, m := range stackLine.FindAllStringSubmatch(stack, -1) {
		if p, ok := sub.sources[m[1]]; ok {
			return p + ":" + m[2]
		}
	}
	return ""
}
