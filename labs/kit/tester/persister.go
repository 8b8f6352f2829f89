package tester

import "sync"

// Persister is a server's disk: the Raft state and the service's snapshot. Both
// are replaced together, wholly or not at all.
type Persister struct {
	mu       sync.Mutex
	state    []byte
	snapshot []byte
	save     func(state, snapshot []byte)
}

// MakePersister returns an empty disk.
func MakePersister() *Persister { return &Persister{} }

// OpenPersister returns a disk that holds state and snapshot, and tells save of
// every change before it is made. The slices become the Persister's own; save
// may not keep the ones it is given.
func OpenPersister(state, snapshot []byte, save func(state, snapshot []byte)) *Persister {
	return &Persister{state: state, snapshot: snapshot, save: save}
}

// Save replaces the Raft state and the snapshot. A nil snapshot erases it.
func (ps *Persister) Save(raftstate []byte, snapshot []byte) {
	if ps.save != nil {
		ps.save(raftstate, snapshot)
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.state, ps.snapshot = clone(raftstate), clone(snapshot)
}

// ReadRaftState returns the Raft state last saved; empty if there is none.
func (ps *Persister) ReadRaftState() []byte {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return clone(ps.state)
}

// RaftStateSize returns the size of the Raft state in bytes.
func (ps *Persister) RaftStateSize() int {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.state)
}

// ReadSnapshot returns the snapshot last saved; empty if there is none.
func (ps *Persister) ReadSnapshot() []byte {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return clone(ps.snapshot)
}

// SnapshotSize returns the size of the snapshot in bytes.
func (ps *Persister) SnapshotSize() int {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return len(ps.snapshot)
}

// Copy returns another disk with the same content. What is saved to it is lost
// when the server crashes.
func (ps *Persister) Copy() *Persister {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	return &Persister{state: clone(ps.state), snapshot: clone(ps.snapshot)}
}

// Checkpoint is Copy, as it is called since 2026.
func (ps *Persister) Checkpoint() *Persister { return ps.Copy() }

func clone(b []byte) []byte {
	return append(make([]byte, 0, len(b)), b...)
}
