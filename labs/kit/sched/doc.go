// Package sched brings the interleavings back that a module run step by step
// lacks: at lock operations, calls, handlers and saves it yields or sleeps as
// the world's seed says. It also keeps the list of the locks that are held.
//
// It knows goroutines and virtual time. It must not know Raft, remote calls or
// the host; and it draws no randomness that the student's code could see.
package sched
