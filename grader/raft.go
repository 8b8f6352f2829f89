package grader

import "slices"

// Raft says what a service stands on, in flags, course files, results and saved
// runs.
type Raft string

// What a service can stand on. Results leave the first out.
const (
	OwnRaft  Raft = "own"  // the folder's package raft
	CoreRaft Raft = "core" // the grader's own in its place
)

// Rafts are what a flag or a course file can choose.
func Rafts() []string { return []string{string(OwnRaft), string(CoreRaft)} }

// Known says whether r is a choice; none is the folder's.
func (r Raft) Known() bool { return r == "" || slices.Contains(Rafts(), string(r)) }

// OnCore says whether r is the grader's own Raft.
func (r Raft) OnCore() bool { return r == CoreRaft }

// Flag is what a command line that repeats a run needs for r, with a space before
// it: nothing if that is how it is anyway.
func (r Raft) Flag() string {
	if r.OnCore() {
		return " --raft " + string(CoreRaft)
	}
	return ""
}
