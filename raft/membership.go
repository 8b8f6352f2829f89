package raft

import (
	"cmp"
	"errors"
	"slices"
	"time"
)

// Membership says who belongs to the cluster (section 6). Its slices are sorted
// and never changed.
type Membership struct {
	// Voters are the servers of C_new, or of the only configuration there is.
	Voters []ID
	// Outgoing are the servers of C_old while C_old,new is in force: elections
	// and commitment then need a majority of Voters and one of Outgoing.
	Outgoing []ID
	// Learners receive the log and count in no majority (dissertation, 4.2.1).
	Learners []ID
}

// Joint reports whether this is a C_old,new.
func (m Membership) Joint() bool { return len(m.Outgoing) > 0 }

// IsVoter reports whether id counts in some majority.
func (m Membership) IsVoter(id ID) bool {
	return slices.Contains(m.Voters, id) || slices.Contains(m.Outgoing, id)
}

// Contains reports whether id is a voter or a learner.
func (m Membership) Contains(id ID) bool { return m.IsVoter(id) || slices.Contains(m.Learners, id) }

func (m Membership) check() error {
	for _, list := range [][]ID{m.Voters, m.Outgoing, m.Learners} {
		for i, id := range list {
			if id == None || i > 0 && list[i-1] >= id {
				return errors.New("raft: membership: the IDs of a list must be above 0, sorted and without repetition")
			}
		}
	}
	for _, id := range m.Learners {
		if slices.Contains(m.Voters, id) {
			return errors.New("raft: membership: a server is both voter and learner")
		}
	}
	if len(m.Voters) == 0 && len(m.Outgoing)+len(m.Learners) > 0 {
		return errors.New("raft: membership: no voters")
	}
	return nil
}

// membershipAt is a membership and the index of the entry that set it.
type membershipAt struct {
	index uint64
	Membership
}

// members is the membership in force: the latest in the log, committed or not
// (section 6: "a server always uses the latest configuration in its log").
func (s *Server) members() *membershipAt { return &s.memberships[len(s.memberships)-1] }

// membersAt is the membership in force at index, which is not below the base.
func (s *Server) membersAt(index uint64) Membership {
	i := len(s.memberships) - 1
	for i > 0 && s.memberships[i].index > index {
		i--
	}
	return s.memberships[i].Membership
}

// noteMemberships takes up the memberships among entries, which were just
// appended to the log.
func (s *Server) noteMemberships(entries []Entry) error {
	for i := range entries {
		e := &entries[i]
		if e.Kind != MembershipChange {
			continue
		}
		m, err := decodeMembership(e.Data)
		if err != nil {
			return err
		}
		s.memberships = append(s.memberships, membershipAt{e.Index, m})
		s.membersChanged()
	}
	return nil
}

// forgetMemberships drops those set at index or later: the log was truncated.
func (s *Server) forgetMemberships(index uint64) {
	for n := len(s.memberships); n > 1 && s.memberships[n-1].index >= index; n-- {
		s.memberships = s.memberships[:n-1]
		s.membersChanged()
	}
}

// membersChanged fits a leader's peers and a follower's timer to the membership
// now in force.
func (s *Server) membersChanged() {
	m := s.members()
	if s.role != Leader {
		s.resetElectionTimer()
		return
	}
	s.peers = slices.DeleteFunc(s.peers, func(p *peer) bool { return !m.Contains(p.id) })
	for _, list := range [][]ID{m.Voters, m.Outgoing, m.Learners} {
		for _, id := range list {
			if id != s.id && s.peer(id) == nil {
				s.peers = append(s.peers, &peer{id: id, next: s.log.last() + 1, heard: s.now,
					inflight: inflight{limit: s.cfg.MaxInflight}})
			}
		}
	}
	slices.SortFunc(s.peers, func(a, b *peer) int { return cmp.Compare(a.id, b.id) })
	s.heartbeatDeadline = min(s.heartbeatDeadline, s.now+s.cfg.HeartbeatInterval)
	if len(s.peers) == 0 {
		s.heartbeatDeadline = Never
	}
}

// ChangeMembership begins a change to the given voters and learners (section
// 6). A change of voters goes through C_old,new; the leader appends C_new by
// itself once C_old,new is committed. The change is complete when
// Status.Members is no longer joint and Status.MembersIndex is committed.
func (s *Server) ChangeMembership(now time.Duration, voters, learners []ID) error {
	s.advance(now)
	next := Membership{Voters: sorted(voters), Learners: sorted(learners)}
	if len(next.Voters) == 0 {
		return errors.New("raft: membership: no voters")
	}
	if err := next.check(); err != nil {
		return err
	}
	current := s.members()
	switch {
	case s.role != Leader:
		return ErrNotLeader
	case s.transferee != None:
		return ErrTransferring
	case current.Joint() || current.index > s.log.commit:
		return ErrChanging
	case !s.committedInTerm():
		// Else two leaders in turn could each change a majority without
		// knowing of the other (the bug of 2015 in single-server changes).
		return ErrNotReady
	}
	if !slices.Equal(next.Voters, current.Voters) {
		next.Outgoing = current.Voters
	}
	s.appendMembership(next)
	return nil
}

func (s *Server) appendMembership(m Membership) {
	index := s.appendOwn(MembershipChange, encodeMembership(nil, m))
	s.memberships = append(s.memberships, membershipAt{index, m})
	s.membersChanged()
}

// settleMembership is what a leader does after commit has advanced: it appends
// C_new once C_old,new is committed, and gives up its office once a C_new
// without it is committed (section 6).
func (s *Server) settleMembership() {
	m := s.members()
	if m.index > s.log.commit {
		return
	}
	switch {
	case m.Joint():
		s.appendMembership(Membership{Voters: m.Voters, Learners: m.Learners})
	case !m.IsVoter(s.id):
		s.becomeFollower(s.term, None)
	}
}

// committedInTerm reports whether an entry of the server's own term is
// committed: a leader then knows of everything committed before it (section 8).
func (s *Server) committedInTerm() bool {
	t, ok := s.log.term(s.log.commit)
	return ok && t == s.term && s.log.commit > 0
}

// hasQuorum reports whether the servers for which has is true are a majority;
// of both configurations, while the membership is joint.
func (m *Membership) hasQuorum(has func(ID) bool) bool {
	count := func(ids []ID) bool {
		n := 0
		for _, id := range ids {
			if has(id) {
				n++
			}
		}
		return n > len(ids)/2
	}
	return count(m.Voters) && (!m.Joint() || count(m.Outgoing))
}

// agreed returns the greatest v such that a majority has a value of v or more
// (of both configurations, while the membership is joint). own is this server's
// value, of the others'.
func (s *Server) agreed(own uint64, of func(*peer) uint64) uint64 {
	m := s.members()
	v := s.majority(m.Voters, own, of)
	if m.Joint() {
		v = min(v, s.majority(m.Outgoing, own, of))
	}
	return v
}

func (s *Server) majority(ids []ID, own uint64, of func(*peer) uint64) uint64 {
	if len(ids) == 0 {
		return 0
	}
	var few [9]uint64
	values := few[:0]
	for _, id := range ids {
		v := own
		if id != s.id {
			v = of(s.peer(id))
		}
		values = append(values, v)
	}
	slices.Sort(values)
	return values[(len(values)-1)/2]
}

func sorted(ids []ID) []ID {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return ids
}
