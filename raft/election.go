package raft

import (
	"math/bits"
	"slices"
	"time"
)

// rng is splitmix64: a seed repeats a run on every machine.
type rng uint64

func newRNG(seed, id uint64) rng {
	r := rng(seed)
	r = rng(r.next() ^ bits.RotateLeft64(id*0x9e3779b97f4a7c15, 31))
	r.next()
	return r
}

func (r *rng) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number in [0, n).
func (r *rng) below(n uint64) uint64 {
	hi, _ := bits.Mul64(r.next(), n)
	return hi
}

// resetElectionTimer chooses the next election timeout at random, so that split
// votes are rare and soon resolved (section 5.2). A server that may not campaign
// has no timer, nor has a leader.
func (s *Server) resetElectionTimer() {
	if s.role == Leader || !s.mayCampaign() {
		s.electionDeadline = Never
		return
	}
	timeout := s.cfg.ElectionTimeoutMin
	if spread := s.cfg.ElectionTimeoutMax - timeout; !s.cfg.Unsafe.RandomTimeouts {
		timeout += time.Duration(s.rng.below(uint64(spread) + 1))
	}
	s.electionDeadline = s.now + timeout
}

// ballot is the answer of one voter to a (pre-)candidate.
type ballot struct {
	from    ID
	granted bool
}

// mayCampaign: voters may; and so may a server that a C_new not yet committed
// removes, since it may be the only one whose log is up-to-date (dissertation,
// 4.2.2).
func (s *Server) mayCampaign() bool {
	m := s.members()
	if m.IsVoter(s.id) {
		return true
	}
	n := len(s.memberships)
	return m.index > s.log.commit && n > 1 && s.memberships[n-2].IsVoter(s.id)
}

// campaign is what the election timeout starts (section 5.2).
func (s *Server) campaign() {
	if !s.mayCampaign() { // a change of membership was committed meanwhile
		s.electionDeadline = Never
		return
	}
	if s.cfg.Off.PreVote {
		s.becomeCandidate(false)
	} else {
		s.becomePreCandidate()
	}
}

// becomePreCandidate asks whether an election could be won, without disturbing
// the term (dissertation, 9.6): a server that returns from a partition does not
// depose a working leader.
func (s *Server) becomePreCandidate() {
	s.role, s.lead = PreCandidate, None
	s.askForVotes(PreVote, s.term+1, false)
}

// becomeCandidate starts an election (section 5.2): a new term, a vote for
// itself, and RequestVote to all. force says that the leader asked for it.
func (s *Server) becomeCandidate(force bool) {
	s.role, s.lead = Candidate, None
	s.term++
	s.vote = s.id
	s.askForVotes(RequestVote, s.term, force)
}

func (s *Server) askForVotes(kind MessageKind, term uint64, force bool) {
	s.resetElectionTimer()
	s.ballots = s.ballots[:0]
	end := s.log.end()
	m := s.members()
	ask := func(id ID) {
		if id != s.id {
			s.out = append(s.out, Message{Kind: kind, From: s.id, To: id, Term: term,
				Index: end.Index, LogTerm: end.Term, Force: force})
		}
	}
	for _, id := range m.Voters {
		ask(id)
	}
	for _, id := range m.Outgoing {
		if !slices.Contains(m.Voters, id) {
			ask(id)
		}
	}
	s.countBallot(s.id, true)
}

// countBallot takes down a vote; one server's vote counts once, however often
// it arrives. A majority of votes wins.
func (s *Server) countBallot(from ID, granted bool) {
	for i := range s.ballots {
		if s.ballots[i].from == from {
			return
		}
	}
	s.ballots = append(s.ballots, ballot{from, granted})
	if !s.members().hasQuorum(s.votedForMe) {
		return
	}
	if s.role == PreCandidate {
		s.becomeCandidate(false)
	} else {
		s.becomeLeader()
	}
}

func (s *Server) votedForMe(id ID) bool {
	for _, b := range s.ballots {
		if b.from == id {
			return b.granted
		}
	}
	return false
}

// sticky reports whether a leader was heard within the minimum election
// timeout: then no vote is given, lest a removed or returning server disturbs
// the cluster (end of section 6; dissertation, 4.2.3 and 9.6).
func (s *Server) sticky() bool {
	return !s.cfg.Off.Stickiness && (s.role == Leader || s.now < s.heard+s.cfg.ElectionTimeoutMin)
}

// mayElect is the election restriction: the candidate's log holds all that is
// committed if it is at least as up-to-date as a majority's (section 5.4.1).
func (s *Server) mayElect(m *Message) bool {
	return s.cfg.Unsafe.ElectionRestriction || position{m.Index, m.LogTerm}.upToDate(s.log.end())
}

// onPreVote answers whether RequestVote would be granted; nothing is promised,
// so nothing is remembered.
func (s *Server) onPreVote(m *Message) {
	if m.Term > s.term && s.mayElect(m) && !s.sticky() {
		s.reply(m, Message{Kind: PreVoteReply, Term: m.Term})
		return
	}
	s.refuse(m)
}

func (s *Server) onPreVoteGranted(m *Message) {
	if s.role == PreCandidate && m.Term == s.term+1 {
		s.countBallot(m.From, true)
	}
}

// onRequestVote: one vote a term, first come first served, to a candidate that
// may be elected (section 5.2, 5.4.1). Only a vote that is given restarts the
// timer.
func (s *Server) onRequestVote(m *Message) {
	if s.vote != None && s.vote != m.From || !s.mayElect(m) {
		s.refuse(m)
		return
	}
	s.vote = m.From
	s.resetElectionTimer()
	s.reply(m, Message{Kind: RequestVoteReply})
}

func (s *Server) onRequestVoteReply(m *Message) {
	if s.role == Candidate {
		s.countBallot(m.From, !m.Reject)
	}
}

// becomeLeader: nextIndex starts after the leader's last entry, matchIndex at 0
// (Figure 2), and the entry of no effect lets the leader learn what is
// committed (section 8).
func (s *Server) becomeLeader() {
	s.role, s.lead = Leader, s.id
	s.electionDeadline = Never
	s.peers = s.peers[:0]
	s.firstOfTerm, s.uncommitted, s.transferee = 0, 0, None
	for _, e := range s.log.slice(s.log.commit+1, s.log.last()) {
		s.uncommitted += len(e.Data)
	}
	s.readState.begin(s.now)
	s.membersChanged()
	if !s.cfg.Off.NoOp {
		s.appendOwn(NoOp, nil)
	}
	s.beat()
}
