// Package coreraft is the Raft below a service when the instructor allows the
// grader's own in place of the student's: the consensus core with the functions,
// the RPCs and the saved state of the lab's Raft.
//
// It knows the core, and of the kit what a student's Raft knows. It must not know
// the service, nor give it more than the lab asks of a Raft.
package coreraft
