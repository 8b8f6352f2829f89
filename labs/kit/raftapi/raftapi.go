package raftapi

// Raft is one server of a cluster that agrees on a log of commands.
type Raft interface {
	// Start proposes a command. It returns at once: the index the command will
	// have if it is ever committed, the current term, and whether this server
	// believes that it is the leader (if not, nothing was started).
	Start(command interface{}) (index int, term int, isLeader bool)

	// GetState returns the current term and whether this server believes that
	// it is the leader.
	GetState() (term int, isLeader bool)

	// Snapshot says that the service has saved its state up to and including
	// index, and that the log before that is no longer needed.
	Snapshot(index int, snapshot []byte)

	// PersistBytes returns the size of the persisted state, without the
	// snapshot.
	PersistBytes() int

	// Kill says that the server will not be needed any more.
	Kill()
}

// ApplyMsg is what a Raft sends on its apply channel: a committed command when
// CommandValid is set, a snapshot in place of the commands up to SnapshotIndex
// when SnapshotValid is.
type ApplyMsg struct {
	CommandValid bool
	Command      interface{}
	CommandIndex int

	SnapshotValid bool
	Snapshot      []byte
	SnapshotTerm  int
	SnapshotIndex int
}
