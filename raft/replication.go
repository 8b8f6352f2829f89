package raft

import "time"

// peer is what a leader knows of another server.
type peer struct {
	id ID
	// match is matchIndex: the follower's log equals the leader's up to there.
	// It never goes back while the leader rules. next is nextIndex: the first
	// entry not sent yet; match < next.
	match, next uint64
	// streaming: entries are sent without waiting, up to the limits, since the
	// logs agree at match and what was sent after it should arrive. Else next is
	// a guess, and one message at a time probes it; waiting says that its answer
	// is due. If that is lost, the answer to the next heartbeat serves as well.
	streaming, waiting bool
	inflight           inflight
	// told is the highest commit index sent.
	told uint64
	// beat: a message is due to this follower, even an empty one.
	beat bool
	// heard is when its last message of this term came; round is the latest
	// Round it echoed.
	heard time.Duration
	round uint64
	// sending is the snapshot under way to it, nil if none; acked is how much
	// of it the follower has. waiting then says that a chunk's answer is due.
	sending *Snapshot
	acked   uint64
}

// inflight holds the last index of each AppendEntries with entries that may be
// unanswered, oldest first, in a ring.
type inflight struct {
	limit       int
	ring        []uint64
	first, size int
}

func (f *inflight) full() bool { return f.size == f.limit }

func (f *inflight) add(last uint64) {
	if f.size == len(f.ring) { // grows up to limit, and is then reused
		ring := make([]uint64, min(max(4, 2*f.size), f.limit))
		for i := range f.size {
			ring[i] = f.ring[(f.first+i)%f.size]
		}
		f.ring, f.first = ring, 0
	}
	f.ring[(f.first+f.size)%len(f.ring)] = last
	f.size++
}

// free forgets the messages that an answer for match answers.
func (f *inflight) free(match uint64) {
	for f.size > 0 && f.ring[f.first] <= match {
		f.first = (f.first + 1) % len(f.ring)
		f.size--
	}
}

func (f *inflight) clear() { f.first, f.size = 0, 0 }

func (s *Server) peer(id ID) *peer {
	for _, p := range s.peers {
		if p.id == id {
			return p
		}
	}
	return nil
}

// beat is the leader's heartbeat: a round of messages, empty if nothing is
// pending, that prevents elections (section 5.2) and brings lost messages to
// light.
func (s *Server) beat() {
	if !s.cfg.Off.CheckQuorum && s.now-s.quorumHeard() >= s.cfg.ElectionTimeoutMax {
		// An election timeout without a majority: others may be electing
		// (dissertation, 6.2).
		s.becomeFollower(s.term, None)
		return
	}
	if s.now >= s.transferDeadline {
		s.transferee = None
	}
	s.heartbeatDeadline = s.now + s.cfg.HeartbeatInterval
	if len(s.peers) == 0 {
		s.heartbeatDeadline = Never
	}
	s.beginRound()
}

// quorumHeard returns the latest time by which a majority was heard.
func (s *Server) quorumHeard() time.Duration {
	return time.Duration(s.agreed(uint64(s.now), func(p *peer) uint64 { return uint64(p.heard) }))
}

// replicate sends a follower what is pending for it (section 5.3).
func (s *Server) replicate(p *peer) {
	if p.sending == nil && p.next <= s.log.base.Index {
		s.beginInstall(p)
	}
	if p.sending != nil {
		s.sendChunk(p)
		return
	}
	maxBytes := s.cfg.MaxMessageBytes
	if s.cfg.Off.Coalescing {
		maxBytes = 0 // one entry fits at any rate
	}
	for p.next <= s.log.last() && !p.waiting && !p.inflight.full() {
		entries := s.log.batch(p.next, maxBytes)
		s.sendAppendEntries(p, entries)
		if p.streaming {
			p.next += uint64(len(entries))
			p.inflight.add(p.next - 1)
		} else {
			p.waiting = true
		}
	}
	// The follower may know only now that it can apply what it has.
	if p.beat || !s.cfg.Off.EagerCommit && p.streaming && p.inflight.size == 0 && p.told < s.log.commit {
		s.sendAppendEntries(p, nil)
	}
}

func (s *Server) sendAppendEntries(p *peer, entries []Entry) {
	prev := p.next - 1
	prevTerm, _ := s.log.term(prev)
	s.out = append(s.out, Message{Kind: AppendEntries, From: s.id, To: p.id, Term: s.term,
		Index: prev, LogTerm: prevTerm, Entries: entries, Commit: s.log.commit, Round: s.round})
	p.told = s.log.commit
	p.beat = false
}

// follow is what hearing from the leader of the term means: a candidate gives
// up, and the timer starts anew (section 5.2).
func (s *Server) follow(lead ID) {
	s.becomeFollower(s.term, lead)
	s.heard = s.now
}

// onAppendEntries is the receiver's side of AppendEntries (Figure 2).
func (s *Server) onAppendEntries(m *Message) error {
	s.follow(m.From)
	prev, entries := position{m.Index, m.LogTerm}, m.Entries
	// What the snapshot covers is committed, so it agrees (section 7).
	for prev.Index < s.log.base.Index && len(entries) > 0 {
		prev = position{entries[0].Index, entries[0].Term}
		entries = entries[1:]
	}
	if prev.Index < s.log.base.Index {
		prev = s.log.base
	}
	if !s.log.matches(prev) {
		// The consistency check failed; help the leader to skip what cannot agree.
		hint := s.log.lastAtMost(prev.Index-1, prev.Term)
		s.reply(m, Message{Kind: AppendEntriesReply, Reject: true, Index: m.Index,
			HintIndex: hint.Index, HintTerm: hint.Term, Round: m.Round})
		return nil
	}
	lastNew := prev.Index + uint64(len(entries))
	// Only a conflict removes entries: an old message, overtaken by a newer one,
	// must not shorten the log.
	if n := s.log.conflict(entries); n < len(entries) {
		if from := entries[n].Index; from <= s.log.last() {
			s.log.truncate(from)
			s.forgetMemberships(from)
		}
		s.log.append(entries[n:]...)
		if err := s.noteMemberships(entries[n:]); err != nil {
			return err
		}
	}
	// Beyond lastNew the log may still differ from the leader's.
	s.log.commit = max(s.log.commit, min(m.Commit, lastNew))
	s.reply(m, Message{Kind: AppendEntriesReply, Index: lastNew, Round: m.Round})
	return nil
}

// onAppendEntriesReply is the leader's side (section 5.3).
func (s *Server) onAppendEntriesReply(m *Message) {
	p := s.noteReply(m)
	if p == nil || p.sending != nil {
		return
	}
	if m.Reject {
		s.backUp(p, m)
		return
	}
	if m.Index >= p.match {
		if !p.streaming {
			p.streaming, p.waiting, p.next = true, false, m.Index+1
		}
		p.match = m.Index
		p.next = max(p.next, p.match+1)
	}
	p.inflight.free(m.Index)
	s.advanceCommit()
	s.handOver(p)
}

// noteReply finds the peer that sent a reply of the leader's term, and notes
// that it lives. It returns nil for anyone else.
func (s *Server) noteReply(m *Message) *peer {
	if s.role != Leader {
		return nil
	}
	p := s.peer(m.From)
	if p != nil {
		p.heard = s.now
		p.round = max(p.round, m.Round)
		s.renewLease()
	}
	return p
}

// backUp finds the place from which to send again after the follower refused
// (end of section 5.3). Answers that time has overtaken change nothing.
func (s *Server) backUp(p *peer, m *Message) {
	if s.cfg.Unsafe.Persistence {
		p.match = min(p.match, m.HintIndex) // it forgot what it had acknowledged
	}
	if m.Index <= p.match || !p.streaming && m.Index != p.next-1 {
		return
	}
	p.next = m.Index
	if !s.cfg.Off.FastBackup {
		// A hint before the base stays: the follower needs the snapshot.
		p.next = min(m.HintIndex, s.log.lastAtMost(m.HintIndex, m.HintTerm).Index) + 1
	}
	p.next = max(p.match+1, min(p.next, m.Index))
	p.streaming, p.waiting = false, false
	p.inflight.clear()
}

// advanceCommit commits what a majority has. Only entries of the leader's own
// term are counted; those before them are committed with them (section 5.4.2).
func (s *Server) advanceCommit() {
	for s.role == Leader {
		n := s.agreed(s.log.last(), func(p *peer) uint64 { return p.match })
		if n <= s.log.commit {
			return
		}
		if t, _ := s.log.term(n); t != s.term && !s.cfg.Unsafe.CommitCurrentTermOnly {
			return
		}
		for _, e := range s.log.slice(s.log.commit+1, n) {
			s.uncommitted -= len(e.Data)
		}
		s.log.commit = n
		s.settleMembership()
	}
}
