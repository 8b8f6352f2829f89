package coreraft

import "github.com/raftlab/raftlab/raft"

// The RPCs are those of Figures 2 and 13, with the core's numbers of rounds, and
// with the place at which a follower that refuses may still agree.

// Entry is an entry of the log, as it is sent and saved.
type Entry struct {
	Term    int
	Command interface{}
}

// RequestVoteArgs asks for a vote.
type RequestVoteArgs struct {
	Term         int
	CandidateId  int
	LastLogIndex int
	LastLogTerm  int
}

// RequestVoteReply is the answer. Like the others, it has Term 0 if there is none.
type RequestVoteReply struct {
	Term        int
	VoteGranted bool
}

// AppendEntriesArgs brings entries, or is a heartbeat.
type AppendEntriesArgs struct {
	Term         int
	LeaderId     int
	PrevLogIndex int
	PrevLogTerm  int
	Entries      []Entry
	LeaderCommit int
	Round        int
}

// AppendEntriesReply says up to which index the logs match, or which PrevLogIndex
// is refused and where they may match.
type AppendEntriesReply struct {
	Term      int
	Success   bool
	Index     int
	HintIndex int
	HintTerm  int
	Round     int
}

// InstallSnapshotArgs brings a snapshot. Without Done it brings nothing of it: a
// heartbeat to a follower whose answer to the snapshot is due.
type InstallSnapshotArgs struct {
	Term              int
	LeaderId          int
	LastIncludedIndex int
	LastIncludedTerm  int
	Offset            int
	Data              []byte
	Done              bool
	Round             int
}

// InstallSnapshotReply says how much of the snapshot is there.
type InstallSnapshotReply struct {
	Term              int
	LastIncludedIndex int
	LastIncludedTerm  int
	Offset            int
	Done              bool
	Round             int
}

// RequestVote handles the RPC.
func (rf *Raft) RequestVote(args *RequestVoteArgs, reply *RequestVoteReply) {
	m := rf.step(raft.Message{Kind: raft.RequestVote, From: id(args.CandidateId), Term: uint64(args.Term),
		Index: uint64(args.LastLogIndex), LogTerm: uint64(args.LastLogTerm)})
	*reply = RequestVoteReply{Term: int(m.Term), VoteGranted: m.Term > 0 && !m.Reject}
}

// AppendEntries handles the RPC.
func (rf *Raft) AppendEntries(args *AppendEntriesArgs, reply *AppendEntriesReply) {
	m := rf.step(raft.Message{Kind: raft.AppendEntries, From: id(args.LeaderId), Term: uint64(args.Term),
		Index: uint64(args.PrevLogIndex), LogTerm: uint64(args.PrevLogTerm), Commit: uint64(args.LeaderCommit), Round: uint64(args.Round)}, args.Entries...)
	*reply = AppendEntriesReply{Term: int(m.Term), Success: m.Term > 0 && !m.Reject,
		Index: int(m.Index), HintIndex: int(m.HintIndex), HintTerm: int(m.HintTerm), Round: int(m.Round)}
}

// InstallSnapshot handles the RPC.
func (rf *Raft) InstallSnapshot(args *InstallSnapshotArgs, reply *InstallSnapshotReply) {
	m := rf.step(raft.Message{Kind: raft.InstallSnapshot, From: id(args.LeaderId), Term: uint64(args.Term),
		Index: uint64(args.LastIncludedIndex), LogTerm: uint64(args.LastIncludedTerm), Members: members(len(rf.peers)),
		Offset: uint64(args.Offset), Data: args.Data, Done: args.Done, Round: uint64(args.Round)})
	*reply = InstallSnapshotReply{Term: int(m.Term), LastIncludedIndex: int(m.Index), LastIncludedTerm: int(m.LogTerm),
		Offset: int(m.Offset), Done: m.Done, Round: int(m.Round)}
}

// send makes the RPC that a message of the core's stands for. Its answer, if one
// comes, goes to the core; what was lost the core finds out by its own timing.
func (rf *Raft) send(m *raft.Message) {
	to := m.To
	call := func(method string, args, reply interface{}, answer func() raft.Message) {
		if !rf.peers[server(to)].Call(method, args, reply) {
			return
		}
		if m := answer(); m.Term > 0 {
			m.From = to
			rf.step(m)
		}
	}
	switch m.Kind {
	case raft.RequestVote:
		args, reply := &RequestVoteArgs{int(m.Term), rf.me, int(m.Index), int(m.LogTerm)}, &RequestVoteReply{}
		go call("Raft.RequestVote", args, reply, func() raft.Message {
			return raft.Message{Kind: raft.RequestVoteReply, Term: uint64(reply.Term), Reject: !reply.VoteGranted}
		})
	case raft.AppendEntries:
		args, reply := &AppendEntriesArgs{int(m.Term), rf.me, int(m.Index), int(m.LogTerm), rf.entries(m.Entries), int(m.Commit), int(m.Round)}, &AppendEntriesReply{}
		go call("Raft.AppendEntries", args, reply, func() raft.Message {
			return raft.Message{Kind: raft.AppendEntriesReply, Term: uint64(reply.Term), Reject: !reply.Success,
				Index: uint64(reply.Index), HintIndex: uint64(reply.HintIndex), HintTerm: uint64(reply.HintTerm), Round: uint64(reply.Round)}
		})
	case raft.InstallSnapshot:
		args, reply := &InstallSnapshotArgs{int(m.Term), rf.me, int(m.Index), int(m.LogTerm), int(m.Offset), m.Data, m.Done, int(m.Round)}, &InstallSnapshotReply{}
		go call("Raft.InstallSnapshot", args, reply, func() raft.Message {
			return raft.Message{Kind: raft.InstallSnapshotReply, Term: uint64(reply.Term), Index: uint64(reply.LastIncludedIndex), LogTerm: uint64(reply.LastIncludedTerm),
				Offset: uint64(reply.Offset), Done: reply.Done, Round: uint64(reply.Round)}
		})
	default:
		panic("coreraft: the core sends a " + m.Kind.String() + ", which is switched off")
	}
}

// entries puts the commands to entries of the core's.
func (rf *Raft) entries(list []raft.Entry) []Entry {
	out := make([]Entry, len(list))
	for i, e := range list {
		out[i] = Entry{int(e.Term), rf.commands[position{e.Index, e.Term}]}
	}
	return out
}

// take keeps the commands of entries that follow prev, and gives the core's.
func (rf *Raft) take(prev uint64, list []Entry) []raft.Entry {
	out := make([]raft.Entry, len(list))
	for i, e := range list {
		out[i] = raft.Entry{Index: prev + 1 + uint64(i), Term: uint64(e.Term)}
		rf.commands[position{out[i].Index, out[i].Term}] = e.Command
	}
	return out
}
