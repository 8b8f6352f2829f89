// Package raftapi says what a student's Raft offers to the service above it:
// the 2025 lab's interface.
//
// It knows nothing but these types. It must not contain code that runs.
package raftapi
