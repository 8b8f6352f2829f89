package raft

import (
	"slices"
	"time"
)

// TransferLeadership hands the leader's office to another voter (dissertation,
// 3.10): once that has the whole log, it is told to start an election at once.
// Until then, and for an election timeout at most, proposals are refused.
func (s *Server) TransferLeadership(now time.Duration, to ID) error {
	s.advance(now)
	switch {
	case s.role != Leader:
		return ErrNotLeader
	case s.transferee != None:
		return ErrTransferring
	case to == s.id || !slices.Contains(s.members().Voters, to):
		return ErrNoVoter
	}
	s.transferee = to
	s.transferDeadline = s.now + s.cfg.ElectionTimeoutMax
	s.handOver(s.peer(to))
	return nil
}

// handOver sends TimeoutNow to the transferee once its log is complete.
func (s *Server) handOver(p *peer) {
	if s.role != Leader || p.id != s.transferee || p.match != s.log.last() {
		return
	}
	// It may win against voters that promised this leader to wait.
	s.noLease = true
	s.out = append(s.out, Message{Kind: TimeoutNow, From: s.id, To: p.id, Term: s.term})
}

// onTimeoutNow starts an election that the leader asked for.
func (s *Server) onTimeoutNow(*Message) {
	if s.role != Leader && s.mayCampaign() {
		s.becomeCandidate(true)
	}
}
