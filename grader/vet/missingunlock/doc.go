// Package missingunlock finds a return on a path on which a lock that the
// function took is still held.
//
// The next one who takes the lock waits for ever: the server goes silent, mostly
// long after the return that is to blame.
//
//	rf.mu.Lock()
//	if args.Term < rf.currentTerm {
//		return // rf.mu is still held
//	}
//	rf.mu.Unlock()
//
// Write defer rf.mu.Unlock() after Lock, or release the lock before each return.
// A function that never releases the lock is taken for a helper whose business
// it is to take it, and not reported.
package missingunlock
