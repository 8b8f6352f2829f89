package raft_test

import (
	"bytes"
	"fmt"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/raft"
)

// invariants watches a world of cores and keeps the first thing that must not
// happen: the properties of Figure 3 and those that they rest on.
type invariants struct {
	nodes     []nodeView
	leaders   map[uint64]int         // Election Safety: term -> its leader
	entries   map[slot]entry         // Log Matching: what stands at (index, term)
	committed []sim.LogEntry         // by index-1
	during    []uint64               // the term in which it was seen to be, same order
	applied   map[uint64][]byte      // State Machine Safety
	votes     map[int]map[uint64]int // node -> term -> its vote
	violation string
	elections int
	commits   uint64
	snapshots int
	sends     int // messages sent since second, which began a virtual second
	second    sim.Time
}

// storm is ten times what a cluster here sends in a virtual second at most,
// however small its messages and windows are. A storm ends the world by a
// panic: simulating it to the end would take minutes.
const storm = 20_000

type slot struct{ index, term uint64 }

type entry struct {
	prevTerm uint64
	data     []byte
}

// nodeView is what was shown of one server.
type nodeView struct {
	status   sim.Status
	seen     bool   // status is of this life
	term     uint64 // over all lives
	base     slot
	log      []sim.LogEntry // after base
	cutBelow bool           // its log was shortened since the last status
	applied  uint64
}

func newInvariants(nodes int) *invariants {
	v := &invariants{nodes: make([]nodeView, nodes), leaders: map[uint64]int{}, entries: map[slot]entry{},
		applied: map[uint64][]byte{}, votes: map[int]map[uint64]int{}}
	for n := range nodes {
		v.votes[n] = map[uint64]int{}
	}
	return v
}

func (v *invariants) broken(r *sim.Record, format string, args ...any) {
	if v.violation == "" {
		v.violation = fmt.Sprintf("at %.6f s, server %d: ", float64(r.T)/1e9, r.Node) + fmt.Sprintf(format, args...)
	}
}

func (n *nodeView) at(index uint64) (sim.LogEntry, bool) {
	if index <= n.base.index || index > n.base.index+uint64(len(n.log)) {
		return sim.LogEntry{}, false
	}
	return n.log[index-n.base.index-1], true
}

func (v *invariants) Watch(r *sim.Record) {
	if r.Node < 0 || r.Node >= len(v.nodes) {
		return
	}
	n := &v.nodes[r.Node]
	switch r.Kind {
	case sim.RecBoot:
		*n = nodeView{term: n.term}
	case sim.RecFault:
		v.broken(r, "fault: %s: %s", r.Name, r.Data)
	case sim.RecLogCompact:
		v.compact(n, r)
	case sim.RecLogWrite:
		v.write(n, r)
	case sim.RecSend:
		if r.T-v.second >= sim.Second {
			v.sends, v.second = 0, r.T
		}
		if v.sends++; v.sends > storm {
			panic(fmt.Sprintf("a storm: more than %d messages within a second", storm))
		}
		if r.Name == raft.RequestVoteReply.String() {
			v.vote(n, r)
		}
	case sim.RecObserve:
		v.observe(n, r)
	case sim.RecApply:
		v.apply(n, r)
	case sim.RecApplySnapshot:
		if r.Index <= n.applied {
			v.broken(r, "State Machine Safety: a snapshot of %d rolls the state at %d back", r.Index, n.applied)
		}
		n.applied = r.Index
		v.snapshots++
	}
}

func (v *invariants) compact(n *nodeView, r *sim.Record) {
	if r.Index < n.base.index {
		v.broken(r, "the log's beginning went back from %d to %d", n.base.index, r.Index)
	}
	if e, ok := n.at(r.Index); ok && e.Term == r.Term {
		n.log = n.log[r.Index-n.base.index:]
	} else {
		n.log = nil
	}
	n.base = slot{r.Index, r.Term}
	if c := uint64(len(v.committed)); r.Index <= c && r.Index > 0 && v.committed[r.Index-1].Term != r.Term {
		v.broken(r, "snapshot %d is of term %d, the entry committed there of term %d", r.Index, r.Term, v.committed[r.Index-1].Term)
	}
	if !n.seen {
		n.applied = r.Index
	}
}

// write checks Log Matching by induction: what stands at (index, term) is one
// command with one predecessor.
func (v *invariants) write(n *nodeView, r *sim.Record) {
	if r.Index <= n.base.index || r.Index > n.base.index+uint64(len(n.log))+1 {
		v.broken(r, "log write at %d leaves a gap after %d+%d", r.Index, n.base.index, len(n.log))
		return
	}
	keep := r.Index - n.base.index - 1
	for i := keep; i < uint64(len(n.log)); i++ {
		if i-keep >= uint64(len(r.Entries)) || r.Entries[i-keep].Term != n.log[i].Term {
			n.cutBelow = true
		}
	}
	n.log = append(n.log[:keep:keep], r.Entries...)
	prev := n.base.term
	if keep > 0 {
		prev = n.log[keep-1].Term
	}
	for i, e := range r.Entries {
		at := slot{r.Index + uint64(i), e.Term}
		if e.Term < prev {
			v.broken(r, "the term at %d is %d, before it %d", at.index, e.Term, prev)
		}
		old, ok := v.entries[at]
		if !ok {
			v.entries[at] = entry{prev, e.Data}
		} else if old.prevTerm != prev || !bytes.Equal(old.data, e.Data) {
			v.broken(r, "Log Matching: entry %d of term %d is %q after term %d here, %q after term %d elsewhere",
				at.index, at.term, e.Data, prev, old.data, old.prevTerm)
		}
		prev = e.Term
	}
}

// vote notes a vote when it is sent: it binds the server from then on, over
// crashes too.
func (v *invariants) vote(n *nodeView, r *sim.Record) {
	var m raft.Message
	if err := raft.DecodeMessage(r.Data, &m); err != nil || m.Reject {
		return
	}
	n.term = max(n.term, m.Term)
	if old, ok := v.votes[r.Node][m.Term]; ok && old != r.Peer {
		v.broken(r, "sent a vote to %d after one for %d in term %d", r.Peer, old, m.Term)
	}
	v.votes[r.Node][m.Term] = r.Peer
}

func (v *invariants) observe(n *nodeView, r *sim.Record) {
	s := *r.Status
	if s.Term < n.term {
		v.broken(r, "the term went back from %d to %d", n.term, s.Term)
	}
	n.term = max(n.term, s.Term)
	if old, ok := v.votes[r.Node][s.Term]; ok && old != s.Vote {
		v.broken(r, "voted for %d and then for %d in term %d", old, s.Vote, s.Term)
	}
	if s.Vote >= 0 {
		v.votes[r.Node][s.Term] = s.Vote
	}
	was := n.status
	if n.seen && s.Commit < was.Commit {
		v.broken(r, "the commit index went back from %d to %d", was.Commit, s.Commit)
	}
	if s.Applied > s.Commit || s.Commit > s.Last || s.First > s.Commit+1 {
		v.broken(r, "out of order: first %d, applied %d, commit %d, last %d", s.First, s.Applied, s.Commit, s.Last)
	}
	led := n.seen && was.Role == sim.Leader && was.Term == s.Term
	if led && s.Role == sim.Leader && n.cutBelow {
		v.broken(r, "Leader Append-Only: the leader of term %d shortened its log", s.Term)
	}
	n.status, n.seen, n.cutBelow = s, true, false
	if s.Role == sim.Leader && !led {
		v.elections++
		if other, ok := v.leaders[s.Term]; ok {
			v.broken(r, "Election Safety: it leads in term %d, as server %d did", s.Term, other)
		}
		v.leaders[s.Term] = r.Node
		for i := range v.committed {
			if v.during[i] < s.Term {
				v.mustHave(n, r, uint64(i+1))
			}
		}
	}
	for i := max(n.base.index+1, was.Commit+1); i <= s.Commit; i++ {
		e, ok := n.at(i)
		if !ok {
			v.broken(r, "commit index %d is beyond the log", i)
			return
		}
		if i <= uint64(len(v.committed)) {
			if c := v.committed[i-1]; c.Term != e.Term || !bytes.Equal(c.Data, e.Data) {
				v.broken(r, "State Machine Safety: it committed %q of term %d at %d, where %q of term %d is committed", e.Data, e.Term, i, c.Data, c.Term)
			}
			continue
		}
		if i != uint64(len(v.committed))+1 {
			v.broken(r, "it committed %d when only %d entries are known to be", i, len(v.committed))
			return
		}
		v.committed, v.during = append(v.committed, e), append(v.during, s.Term)
		v.commits++
		for m := range v.nodes {
			if o := &v.nodes[m]; o.seen && o.status.Role == sim.Leader && o.status.Term > s.Term {
				v.mustHave(o, r, i)
			}
		}
	}
}

// mustHave is Leader Completeness for the committed entry at index.
func (v *invariants) mustHave(n *nodeView, r *sim.Record, index uint64) {
	if index <= n.base.index {
		return
	}
	if e, ok := n.at(index); !ok || e.Term != v.committed[index-1].Term {
		v.broken(r, "Leader Completeness: the leader of term %d lacks entry %d, committed in term %d", n.status.Term, index, v.committed[index-1].Term)
	}
}

func (v *invariants) apply(n *nodeView, r *sim.Record) {
	if r.Index <= n.applied {
		v.broken(r, "applied %d after %d", r.Index, n.applied)
	}
	for i := n.applied + 1; i < r.Index; i++ {
		if e, ok := n.at(i); ok && bytes.HasPrefix(e.Data, []byte("c")) {
			v.broken(r, "applied %d after %d, and so never %d", r.Index, n.applied, i)
		}
	}
	n.applied = r.Index
	old, ok := v.applied[r.Index]
	if !ok {
		v.applied[r.Index] = r.Data
	} else if !bytes.Equal(old, r.Data) {
		v.broken(r, "State Machine Safety: applied %q at %d, another applied %q", r.Data, r.Index, old)
	}
	if r.Index > uint64(len(v.committed)) || !bytes.Equal(v.committed[r.Index-1].Data, r.Data) {
		v.broken(r, "applied %q at %d, which is not what is committed there", r.Data, r.Index)
	}
}
