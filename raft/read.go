package raft

import "time"

// Read is the answer to a ReadIndex.
type Read struct {
	ID uint64
	// Index is the commit index when the read was asked for: a state that has
	// applied it is fresh enough. OK is false if leadership was lost meanwhile:
	// ask again, elsewhere.
	Index uint64
	OK    bool
}

// readState is what a leader keeps for linearizable reads (section 8;
// dissertation, 6.4).
type readState struct {
	// round is the current round of messages; sentRound is the latest that went
	// out, so round is sentRound or the next.
	round, sentRound uint64
	// pending are the reads that wait for a majority to echo their round, in
	// order; their rounds never decrease.
	pending  []pendingRead
	answered []Read
	// A lease lasts until leaseUntil. leaseRound is the round that will renew
	// it, begun at leaseStart; 0 if none is out. noLease: leadership was offered
	// to another in this term, who may be elected in spite of the lease.
	leaseUntil, leaseStart time.Duration
	leaseRound             uint64
	noLease                bool
}

type pendingRead struct {
	id, index, round uint64
}

func (r *readState) begin(now time.Duration) {
	r.round, r.sentRound, r.leaseRound = 0, 0, 0
	r.leaseUntil, r.noLease = now, false
}

// ReadIndex asks for a linearizable read without an entry in the log
// (dissertation, 6.4). The answer comes in Effects.Reads under the same id,
// once a majority has confirmed that this server still leads; or at once while
// its lease lasts.
func (s *Server) ReadIndex(now time.Duration, id uint64) error {
	s.advance(now)
	if s.role != Leader {
		return ErrNotLeader
	}
	if s.firstOfTerm == 0 {
		return ErrNotReady // it cannot know what is committed
	}
	// Before an entry of its term is committed, a leader's commit index may lag
	// behind what an earlier leader committed: wait for that entry.
	r := pendingRead{id: id, index: max(s.log.commit, s.firstOfTerm)}
	if !s.cfg.LeaseReads || s.noLease || s.now >= s.leaseUntil {
		s.beginRound()
		r.round = s.round
	}
	s.pending = append(s.pending, r)
	return nil
}

// beginRound makes a message to everyone due; what is due already is the same round.
func (s *Server) beginRound() {
	if s.round == s.sentRound {
		s.round++
		if s.leaseRound == 0 {
			s.leaseRound, s.leaseStart = s.round, s.now
		}
	}
	for _, p := range s.peers {
		p.beat = true
	}
}

// confirmed returns the latest round that a majority has echoed.
func (s *Server) confirmed() uint64 {
	return s.agreed(s.round, func(p *peer) uint64 { return p.round })
}

// renewLease: those who echoed a round gave no vote for ElectionTimeoutMin after
// it was sent, by their clocks (dissertation, 6.4.1).
func (s *Server) renewLease() {
	if s.cfg.LeaseReads && s.leaseRound != 0 && s.confirmed() >= s.leaseRound {
		timeout := s.cfg.ElectionTimeoutMin
		s.leaseUntil = s.leaseStart + timeout - timeout/time.Duration(s.cfg.ClockDrift)
		s.leaseRound = 0
	}
}

// answerReads answers the reads that are confirmed and applied.
func (s *Server) answerReads() {
	if len(s.pending) == 0 {
		return
	}
	confirmed := s.confirmed()
	n := 0
	for n < len(s.pending) && s.pending[n].round <= confirmed && s.pending[n].index <= s.log.applied {
		s.answered = append(s.answered, Read{ID: s.pending[n].id, Index: s.pending[n].index, OK: true})
		n++
	}
	s.pending = append(s.pending[:0], s.pending[n:]...)
}

// failReads gives up what a leader can no longer confirm.
func (s *Server) failReads() {
	for _, r := range s.pending {
		s.answered = append(s.answered, Read{ID: r.id, Index: r.index})
	}
	s.pending = s.pending[:0]
}
