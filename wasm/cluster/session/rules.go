package session

import (
	"bytes"
	"fmt"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/sim"
)

// rules watches the properties of Figure 3 of the paper, and that a server votes
// once a term, on servers that show their whole state. Each property is told
// once: what follows from a broken one is no news.
type rules struct {
	servers []watched
	leaders map[uint64]int // who led in a term
	votes   map[ballot]int
	slots   map[slot]held // every entry ever seen in a log
	// committed holds, from index 1 on, the entries that were committed, with
	// the greatest term seen by then.
	committed []fixed
	applied   map[uint64]applied
	maxTerm   uint64

	told map[check.Property]bool
	news []sim.Record
}

type watched struct {
	role   sim.Role
	term   uint64
	commit uint64
	log    []entry // log[0] has index 1: nothing is compacted here
	// overwrote is the index at which a leader has changed its own log in the
	// step under way, 0 if it has not. It may be no leader any more.
	overwrote uint64
}

type entry struct {
	term uint64
	data []byte
}

type ballot struct {
	node int
	term uint64
}

type slot struct{ index, term uint64 }

type held struct {
	by       int
	prevTerm uint64
	data     []byte
}

type fixed struct {
	term, byTerm uint64
}

type applied struct {
	by   int
	data []byte
}

func newRules(servers int) *rules {
	return &rules{servers: make([]watched, servers), leaders: map[uint64]int{}, votes: map[ballot]int{},
		slots: map[slot]held{}, applied: map[uint64]applied{}, told: map[check.Property]bool{}}
}

// take returns the records of what has broken since the last call.
func (c *rules) take() []sim.Record {
	news := c.news
	c.news = nil
	return news
}

func (c *rules) broke(p check.Property, node, peer int, index, term uint64, format string, args ...any) {
	if c.told[p] {
		return
	}
	c.told[p] = true
	c.news = append(c.news, sim.Record{Kind: sim.RecViolation, Node: node, Peer: peer, Index: index, Term: term,
		Name: string(p), Data: fmt.Appendf(nil, format, args...)})
}

func name(node int) string { return fmt.Sprintf("S%d", node+1) }

// Watch takes a record in.
func (c *rules) Watch(r *sim.Record) {
	if r.Node < 0 || r.Node >= len(c.servers) {
		return
	}
	s := &c.servers[r.Node]
	switch r.Kind {
	case sim.RecBoot:
		*s = watched{}
	case sim.RecTick, sim.RecReceive, sim.RecRequest:
		c.settle(r.Node, s)
	case sim.RecLogWrite:
		c.write(r, s)
	case sim.RecObserve:
		if r.Status.Full {
			c.observe(r, s)
		}
	case sim.RecApply:
		c.apply(r)
	}
}

// settle judges, when a step has ended, a log that was changed in it.
func (c *rules) settle(node int, s *watched) {
	if s.overwrote > 0 && s.role == sim.Leader {
		c.broke(check.LeaderAppendOnly, node, -1, s.overwrote, s.term,
			"%s, leader of term %d, changed its own entry %d", name(node), s.term, s.overwrote)
	}
	s.overwrote = 0
}

func (c *rules) write(r *sim.Record, s *watched) {
	n := int(r.Index) - 1
	if n < 0 || n > len(s.log) {
		return
	}
	if s.role == sim.Leader && n < len(s.log) {
		s.overwrote = r.Index
	}
	s.log = s.log[:n]
	for i, e := range r.Entries {
		prev := uint64(0)
		if len(s.log) > 0 {
			prev = s.log[len(s.log)-1].term
		}
		at := slot{r.Index + uint64(i), e.Term}
		if h, ok := c.slots[at]; !ok {
			c.slots[at] = held{r.Node, prev, e.Data}
		} else if h.prevTerm != prev || !bytes.Equal(h.data, e.Data) {
			c.broke(check.LogMatching, r.Node, h.by, at.index, at.term,
				"entry %d of term %d is not the same, or follows another one, at %s and at %s", at.index, at.term, name(h.by), name(r.Node))
		}
		s.log = append(s.log, entry{e.Term, e.Data})
	}
}

func (c *rules) observe(r *sim.Record, s *watched) {
	st := r.Status
	became := st.Role == sim.Leader && (s.role != sim.Leader || s.term != st.Term)
	if st.Role != sim.Leader || st.Term != s.term {
		s.overwrote = 0
	}
	s.role, s.term = st.Role, st.Term
	c.maxTerm = max(c.maxTerm, st.Term)
	if st.Vote >= 0 {
		b := ballot{r.Node, st.Term}
		if before, ok := c.votes[b]; !ok {
			c.votes[b] = st.Vote
		} else if before != st.Vote {
			c.broke(check.VoteOnce, r.Node, st.Vote, 0, st.Term,
				"%s voted for %s and for %s in term %d", name(r.Node), name(before), name(st.Vote), st.Term)
		}
	}
	if became {
		c.lead(r.Node, s)
	}
	// The commit index is volatile; only what is new counts.
	for i := s.commit + 1; i <= st.Commit && i <= uint64(len(s.log)); i++ {
		e := s.log[i-1]
		switch {
		case i == uint64(len(c.committed))+1:
			c.committed = append(c.committed, fixed{e.term, c.maxTerm})
		case i <= uint64(len(c.committed)) && c.committed[i-1].term != e.term:
			c.broke(check.StateMachineSafety, r.Node, -1, i, e.term,
				"%s takes entry %d of term %d for committed, but that of term %d was", name(r.Node), i, e.term, c.committed[i-1].term)
		}
	}
	s.commit = st.Commit
}

// lead checks what a new leader must be and have.
func (c *rules) lead(node int, s *watched) {
	if other, ok := c.leaders[s.term]; ok && other != node {
		c.broke(check.ElectionSafety, node, other, 0, s.term, "%s and %s both led in term %d", name(other), name(node), s.term)
	}
	c.leaders[s.term] = node
	for i, f := range c.committed {
		if f.byTerm >= s.term {
			continue
		}
		if i >= len(s.log) || s.log[i].term != f.term {
			c.broke(check.LeaderCompleteness, node, -1, uint64(i+1), s.term,
				"%s leads in term %d without entry %d of term %d, which was committed", name(node), s.term, i+1, f.term)
			return
		}
	}
}

func (c *rules) apply(r *sim.Record) {
	if a, ok := c.applied[r.Index]; !ok {
		c.applied[r.Index] = applied{r.Node, r.Data}
	} else if !bytes.Equal(a.data, r.Data) {
		c.broke(check.StateMachineSafety, r.Node, a.by, r.Index, r.Term,
			"%s applied another command at index %d than %s did", name(r.Node), r.Index, name(a.by))
	}
}
