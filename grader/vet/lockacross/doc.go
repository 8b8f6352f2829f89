// Package lockacross finds a lock that is held while waiting for another server
// or for the reader of a channel.
//
// While a server waits for the answer to a call with its lock held, it answers
// nobody: two servers that call each other wait for ever, and one that calls an
// unreachable server is silent for seconds. A send on a channel waits for its
// reader; if the reader needs the lock (the service calls Snapshot, which does),
// both are stuck.
//
//	rf.mu.Lock()
//	ok := rf.peers[i].Call("Raft.RequestVote", args, reply) // rf.mu is held
//	rf.mu.Unlock()
//
// Make the arguments under the lock, release it, call, take the lock again and
// look whether the world is still the one that the call was made in. For the
// apply channel: copy what is to be applied, release the lock, send.
//
// Sends that cannot wait are not reported: in a select with another case, or on
// a channel that this package makes with a buffer.
package lockacross
