package raft

import "raftlab.example/lab/raftapi"

// applier hands snapshots and committed commands to the service, in order. It is
// the only goroutine that writes to applyCh, and it never does so with the lock
// held: the service may be slow, and may call Snapshot before it reads on.
func (rf *Raft) applier() {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	for !rf.killed() {
		var batch []raftapi.ApplyMsg
		switch {
		case rf.lastApplied < rf.baseIndex:
			batch = append(batch, raftapi.ApplyMsg{
				SnapshotValid: true,
				Snapshot:      rf.snapshot,
				SnapshotTerm:  rf.entry(rf.baseIndex).Term,
				SnapshotIndex: rf.baseIndex,
			})
			rf.lastApplied = rf.baseIndex
		case rf.lastApplied < rf.commitIndex:
			for rf.lastApplied < rf.commitIndex {
				rf.lastApplied++
				batch = append(batch, raftapi.ApplyMsg{
					CommandValid: true,
					Command:      rf.entry(rf.lastApplied).Command,
					CommandIndex: rf.lastApplied,
				})
			}
		default:
			rf.applyCond.Wait()
			continue
		}
		rf.mu.Unlock()
		for _, msg := range batch {
			if rf.killed() {
				break
			}
			rf.applyCh <- msg
		}
		rf.mu.Lock()
	}
}
