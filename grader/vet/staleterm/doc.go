// Package staleterm finds state that is changed after an RPC without looking
// whether the server is still in the term of the call.
//
// While the answer was under way the server may have gone through other terms:
// it lost the election, became a follower, perhaps a leader again. An old answer
// that is counted then elects a leader without a majority, or moves matchIndex
// for entries that are gone.
//
//	if rf.sendAppendEntries(i, args, reply) {
//		rf.mu.Lock()
//		rf.matchIndex[i] = args.PrevLogIndex + len(args.Entries) // in which term?
//		rf.mu.Unlock()
//	}
//
// After taking the lock again, compare the current term with that of the
// arguments, and drop the answer if they differ:
//
//	if rf.currentTerm != args.Term { return }
//
// reply.Term > rf.currentTerm is another question, and does not answer this one.
package staleterm
