// Package reference makes the consensus core a server of the world: events go
// in as messages, proposals and the time, and the core's effects come out as
// the world's, durable writes before what rests on them. It knows package raft
// and the interface of package sim, and answers the requests of the lab's
// servers (start, snapshot, pause, resume, dump) besides its own (read,
// transfer, members). It must not know any test, check or lab.
package reference
