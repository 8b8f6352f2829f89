package raft

// Effects is what has to happen because of the inputs, in the order of the
// fields: a later field's effects rest on the earlier ones. A crash may fall
// between any two. The slices are the server's: they are good until the next
// call of Server.Effects, except the entries and their bytes, which never change.
type Effects struct {
	// Durable first: what Messages say rests on it (section 5.2).
	//
	// If Snapshot is not nil, it, State and Append replace all that the disk
	// holds, in one atomic write. Else State (if Save) and Append are added, in
	// one atomic write: Append stands from Append[0].Index on, and whatever the
	// disk had there or after is void.
	Snapshot *Snapshot
	Save     bool
	State    State
	Append   []Entry

	// Messages are to be sent; they may be lost, doubled and reordered.
	Messages []Message

	// Restore says that the service's state is to be replaced by Snapshot.Data.
	// Apply are committed entries, in order; the service sees the Commands, each
	// index once in a life.
	Restore bool
	Apply   []Entry

	// Reads are the answers to Server.ReadIndex. When they are reached, the
	// service's state is fresh enough for the reads that are OK.
	Reads []Read
}

// Durable reports whether there is something to write.
func (fx *Effects) Durable() bool { return fx.Snapshot != nil || fx.Save || len(fx.Append) > 0 }

// Effects collects what the inputs since the last call lead to. For a leader
// this is where whatever is pending for each follower is packed into messages.
func (s *Server) Effects() *Effects {
	if s.role == Leader {
		s.advanceCommit() // a leader alone in its cluster waits for no answer
		for _, p := range s.peers {
			s.replicate(p)
		}
		s.sentRound = s.round
	}
	fx := &s.fx
	state := State{Term: s.term, Vote: s.vote}
	fx.Save, fx.State = state != s.written, state
	s.written = state
	fx.Snapshot, fx.Restore = nil, false
	if s.saveSnap {
		snapshot := s.snapshot
		fx.Snapshot, fx.Restore, fx.Save = &snapshot, s.restore, true
		s.log.saved = s.log.base.Index
		s.saveSnap, s.restore = false, false
	}
	fx.Append = s.log.slice(s.log.saved+1, s.log.last())
	s.log.saved = s.log.last()
	fx.Messages, s.out = s.out, fx.Messages[:0]
	fx.Apply = nil
	if s.log.commit > s.log.applied {
		fx.Apply = s.log.slice(s.log.applied+1, s.log.commit)
		s.log.applied = s.log.commit
	}
	s.answerReads()
	fx.Reads, s.answered = s.answered, fx.Reads[:0]
	return fx
}
