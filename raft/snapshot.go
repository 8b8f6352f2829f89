package raft

// incoming is a snapshot being received; from the leader of term only.
type incoming struct {
	term uint64
	at   position
	data []byte // what has come so far, without a gap
}

// Compact replaces the log up to index, which must be applied, by the service's
// state (section 7). The server keeps data: it must not change any more.
func (s *Server) Compact(index uint64, data []byte) error {
	if index <= s.log.base.Index || index > min(s.log.applied, s.log.commit) {
		return ErrNotApplied
	}
	term, _ := s.log.term(index)
	s.snapshot = Snapshot{Index: index, Term: term, Members: s.membersAt(index), Data: data}
	s.log.compact(position{index, term})
	s.forgetOldMemberships()
	s.saveSnap = true
	return nil
}

// forgetOldMemberships drops those that were replaced before the base.
func (s *Server) forgetOldMemberships() {
	for len(s.memberships) > 1 && s.memberships[1].index <= s.log.base.Index {
		s.memberships = s.memberships[1:]
	}
}

// beginInstall starts to send the snapshot to a follower whose next entry is
// gone from the log (section 7).
func (s *Server) beginInstall(p *peer) {
	snapshot := s.snapshot
	p.sending, p.acked = &snapshot, 0
	p.streaming, p.waiting = false, false
	p.inflight.clear()
}

// sendChunk sends the next chunk, one at a time. While its answer is due, a
// heartbeat is a chunk without data: its answer says what the follower has.
func (s *Server) sendChunk(p *peer) {
	data := p.sending.Data[p.acked:]
	switch {
	case p.waiting && !p.beat:
		return
	case p.waiting:
		data = nil
	case !s.cfg.Off.ChunkedInstall:
		data = data[:min(len(data), s.cfg.MaxChunkBytes)]
	}
	done := !p.waiting && p.acked+uint64(len(data)) == uint64(len(p.sending.Data))
	s.out = append(s.out, Message{Kind: InstallSnapshot, From: s.id, To: p.id, Term: s.term,
		Index: p.sending.Index, LogTerm: p.sending.Term, Members: &p.sending.Members,
		Offset: p.acked, Data: data, Done: done,
		Round: s.round})
	p.waiting, p.beat = true, false
}

// onInstallSnapshot is the receiver's side of InstallSnapshot (Figure 13).
func (s *Server) onInstallSnapshot(m *Message) {
	s.follow(m.From)
	r := Message{Kind: InstallSnapshotReply, Index: m.Index, LogTerm: m.LogTerm, Round: m.Round}
	at := position{m.Index, m.LogTerm}
	if at.Index <= s.log.commit {
		// Old news: what it covers is here already, and must not be rolled back.
		r.Done = true
		s.reply(m, r)
		return
	}
	in := &s.incoming
	if in.term != m.Term || in.at != at {
		*in = incoming{term: m.Term, at: at}
	}
	if m.Offset == uint64(len(in.data)) {
		in.data = append(in.data, m.Data...)
		if m.Done && m.Members != nil {
			s.install(Snapshot{Index: m.Index, Term: m.LogTerm, Members: *m.Members, Data: in.data})
			*in = incoming{}
			r.Done = true
		}
	}
	r.Offset = uint64(len(in.data))
	s.reply(m, r)
}

// install makes a received snapshot the server's own. Entries after it are kept
// if the log agrees with it, and are void if not (Figure 13, rules 6 and 7).
func (s *Server) install(snapshot Snapshot) {
	at := position{snapshot.Index, snapshot.Term}
	memberships := []membershipAt{{at.Index, snapshot.Members}}
	if s.log.matches(at) {
		s.log.compact(at)
		s.log.commit, s.log.applied = at.Index, at.Index
		for _, m := range s.memberships {
			if m.index > at.Index {
				memberships = append(memberships, m)
			}
		}
	} else {
		s.log.reset(at)
	}
	s.memberships = memberships
	s.snapshot = snapshot
	s.saveSnap, s.restore = true, true
	s.membersChanged()
}

// onInstallSnapshotReply is the leader's side.
func (s *Server) onInstallSnapshotReply(m *Message) {
	p := s.noteReply(m)
	if p == nil || p.sending == nil || m.Index != p.sending.Index {
		return
	}
	if !m.Done {
		// Also when it lost the beginning by a restart: it says where to go on.
		p.acked = min(m.Offset, uint64(len(p.sending.Data)))
		p.waiting = false
		return
	}
	p.match = max(p.match, m.Index)
	p.next = p.match + 1
	p.sending, p.waiting, p.streaming = nil, false, true
	s.advanceCommit()
	s.handOver(p)
}
