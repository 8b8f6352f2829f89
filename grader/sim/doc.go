// Package sim is the world in which a cluster runs: a virtual clock, a network
// with a fault for every directed link, disks, crashes between any two effects
// of a step, clients, and a trace with a hash.
//
// It knows servers only by the [Server] interface: a deterministic state machine
// (state, now, event) -> (effects, next deadline). The consensus core, a
// student's module, and the toy servers of the lessons all fit it. It must not
// know which of them it is driving, nor judge what they do: that is the work of
// package grader/check, which watches the trace.
//
// Nothing here depends on wall time, map order, goroutine scheduling or the
// machine: the same configuration and the same seed give the same trace hash.
package sim
