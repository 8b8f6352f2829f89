package raft

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	heartbeatInterval = 100 * time.Millisecond
	snapshotInterval  = 500 * time.Millisecond // snapshots are big: not with each heartbeat
)

func electionTimeout() time.Duration {
	return 350*time.Millisecond + rand.N(350*time.Millisecond)
}

// meet deals with the term of a message or an answer. It reports whether the
// message is of the present term.
func (rf *Raft) meet(term int) bool {
	if term > rf.hard.Term {
		rf.hard.Term, rf.hard.Vote = term, 0
		rf.save()
		rf.follow()
	}
	return term == rf.hard.Term
}

func (rf *Raft) follow() {
	if rf.status == leading {
		rf.election.Reset(electionTimeout())
	}
	rf.status = following
}

// VoteRequest asks for a vote.
type VoteRequest struct{ Term, Candidate, LastIndex, LastTerm int }

// VoteAnswer answers a VoteRequest.
type VoteAnswer struct {
	Term int
	Yes  bool
}

// RequestVote votes once per term, and for no log that is behind its own.
func (rf *Raft) RequestVote(req *VoteRequest, ans *VoteAnswer) {
	rf.do(func() {
		current := rf.meet(req.Term)
		ans.Term = rf.hard.Term
		if !current || rf.hard.Vote != 0 && rf.hard.Vote != req.Candidate+1 {
			return
		}
		last := rf.hard.last()
		behind := cmp.Or(cmp.Compare(req.LastTerm, rf.hard.term(last)), cmp.Compare(req.LastIndex, last)) < 0
		if behind {
			return
		}
		rf.hard.Vote = req.Candidate + 1
		rf.save()
		rf.election.Reset(electionTimeout())
		ans.Yes = true
	})
}

func (rf *Raft) campaign() {
	if rf.status == leading {
		return
	}
	rf.status = campaigning
	rf.hard.Term++
	rf.hard.Vote = rf.me + 1
	rf.votes = 1
	rf.save()
	rf.election.Reset(electionTimeout())
	req := &VoteRequest{rf.hard.Term, rf.me, rf.hard.last(), rf.hard.term(rf.hard.last())}
	for i := range rf.peers {
		if i == rf.me {
			continue
		}
		go func() {
			var ans VoteAnswer
			if rf.peers[i].Call("Raft.RequestVote", req, &ans) {
				rf.do(func() { rf.countVote(req, &ans) })
			}
		}()
	}
}

func (rf *Raft) countVote(req *VoteRequest, ans *VoteAnswer) {
	rf.meet(ans.Term)
	if rf.status != campaigning || req.Term != rf.hard.Term || !ans.Yes {
		return
	}
	if rf.votes++; rf.votes <= len(rf.peers)/2 {
		return
	}
	rf.status = leading
	rf.election.Stop()
	rf.heartbeat.Reset(heartbeatInterval)
	for i := range rf.followers {
		rf.followers[i] = progress{next: rf.hard.last() + 1}
	}
	rf.broadcast()
}

// AppendRequest brings entries that follow the one at Prev.
type AppendRequest struct {
	Term, Prev, PrevTerm, Commit int
	Entries                      []entry
}

// AppendAnswer answers an AppendRequest: Match is the last index up to which the
// logs agree, or with No set, where the leader may try next.
type AppendAnswer struct {
	Term, Match int
	No          bool
}

// AppendEntries makes the log agree with the leader's.
func (rf *Raft) AppendEntries(req *AppendRequest, ans *AppendAnswer) {
	rf.do(func() {
		current := rf.meet(req.Term)
		ans.Term = rf.hard.Term
		if !current {
			ans.No = true
			return
		}
		rf.follow()
		rf.election.Reset(electionTimeout())
		h := &rf.hard
		if req.Prev > h.last() {
			ans.No, ans.Match = true, h.last()
			return
		}
		if req.Prev >= h.Base && h.term(req.Prev) != req.PrevTerm {
			// Go back to the last entry whose term may be one of the leader's.
			i := req.Prev - 1
			for i > h.Base && h.term(i) > req.PrevTerm {
				i--
			}
			ans.No, ans.Match = true, max(i, h.Base)
			return
		}
		for k, e := range req.Entries {
			i := req.Prev + 1 + k
			if i <= h.Base || i <= h.last() && h.term(i) == e.Term {
				continue
			}
			h.Entries = append(h.Entries[:i-h.Base-1:i-h.Base-1], req.Entries[k:]...)
			rf.save()
			break
		}
		ans.Match = req.Prev + len(req.Entries)
		rf.commit = max(rf.commit, min(req.Commit, ans.Match))
	})
}

// SnapshotRequest brings a snapshot of everything up to Index.
type SnapshotRequest struct {
	Term, Index, IndexTerm int
	Data                   []byte
}

// InstallSnapshot takes a snapshot that is ahead of what is committed here.
func (rf *Raft) InstallSnapshot(req *SnapshotRequest, ans *AppendAnswer) {
	rf.do(func() {
		current := rf.meet(req.Term)
		ans.Term = rf.hard.Term
		if !current {
			ans.No = true
			return
		}
		rf.follow()
		rf.election.Reset(electionTimeout())
		ans.Match = req.Index
		if req.Index <= rf.commit {
			return
		}
		rf.hard.compact(req.Index, req.IndexTerm)
		rf.snapshot = req.Data
		rf.commit = req.Index
		rf.save()
	})
}

func (rf *Raft) broadcast() {
	for i := range rf.peers {
		if i != rf.me {
			rf.send(i)
		}
	}
}

func (rf *Raft) send(i int) {
	p := &rf.followers[i]
	var ans AppendAnswer
	if p.next > rf.hard.Base {
		prev := p.next - 1
		req := &AppendRequest{rf.hard.Term, prev, rf.hard.term(prev), rf.commit, rf.hard.after(prev)}
		go func() {
			if rf.peers[i].Call("Raft.AppendEntries", req, &ans) {
				rf.do(func() { rf.answered(i, req.Term, prev, &ans) })
			}
		}()
		return
	}
	req := &SnapshotRequest{rf.hard.Term, rf.hard.Base, rf.hard.BaseTerm, rf.snapshot}
	if time.Since(p.installing) < snapshotInterval {
		req = &SnapshotRequest{Term: rf.hard.Term} // a heartbeat
	} else {
		p.installing = time.Now()
	}
	go func() {
		if rf.peers[i].Call("Raft.InstallSnapshot", req, &ans) {
			rf.do(func() { rf.answered(i, req.Term, req.Index, &ans) })
		}
	}()
}

// answered takes the answer to a request that was sent in a term with the
// follower's next index at prev+1.
func (rf *Raft) answered(i, term, prev int, ans *AppendAnswer) {
	rf.meet(ans.Term)
	if rf.status != leading || rf.hard.Term != term {
		return
	}
	p := &rf.followers[i]
	if ans.No {
		if p.next == prev+1 && ans.Match < prev {
			p.next = max(ans.Match, p.match) + 1
			rf.send(i)
		}
		return
	}
	p.match = max(p.match, ans.Match)
	p.next = max(p.next, p.match+1)
	rf.advance()
}

// advance commits the newest entry of this term that a majority holds.
func (rf *Raft) advance() {
	held := []int{rf.hard.last()}
	for i, p := range rf.followers {
		if i != rf.me {
			held = append(held, p.match)
		}
	}
	slices.Sort(held)
	if n := held[(len(held)-1)/2]; n > rf.commit && rf.hard.term(n) == rf.hard.Term {
		rf.commit = n
	}
}
