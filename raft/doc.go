// Package raft is the consensus core: one server of a Raft cluster as a pure
// state machine that takes a message, a proposal or the time, and gives back
// what to make durable, what to send, what to apply and when to be woken next;
// start with [New] and [Server.Effects]. It knows the protocol of the extended
// paper (Ongaro and Ousterhout, "In Search of an Understandable Consensus
// Algorithm") and of Ongaro's dissertation, whose names and section numbers it
// uses. It must not know a clock, a goroutine, a disk, a network, a source of
// randomness other than Config.Seed, or what the commands mean.
package raft
