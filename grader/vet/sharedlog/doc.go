// Package sharedlog finds a message that shares memory with the server's state.
//
// A slice of the log is not a copy: it is the same memory. The message is encoded
// after the lock was released, while a handler may cut the log and write other
// entries into that memory. The message then carries entries that no leader sent,
// and the race detector complains.
//
//	args.Entries = rf.log[next:] // the log's own memory
//
// Copy it while the lock is held:
//
//	args.Entries = append([]LogEntry{}, rf.log[next:]...)
package sharedlog
