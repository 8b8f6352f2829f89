// Package replyreuse finds a reply, or arguments, that several calls share.
//
// A reply that was used before still holds the old answer: the decoder leaves
// fields alone that were sent as zero, so that a vote that was refused looks
// granted. Calls side by side that share a reply overwrite each other's answers.
//
//	reply := RequestVoteReply{}
//	for i := range rf.peers {
//		go func() { rf.sendRequestVote(i, &args, &reply) }() // one reply for all
//	}
//
// Make a new reply for each call, inside the loop or the goroutine.
package replyreuse
