// Package busyloop finds a loop that turns for as long as the server lives
// without ever waiting on some path.
//
// Such a loop takes a whole core, and under a virtual clock no time passes while
// it turns, so that what it looks for never comes. Taking a lock is not waiting.
//
//	for !rf.killed() {
//		rf.mu.Lock()
//		if rf.state != Leader {
//			rf.mu.Unlock()
//			continue // back at once
//		}
//		rf.mu.Unlock()
//		time.Sleep(heartbeat)
//	}
//
// Let each way round wait: sleep, receive from a channel, or Wait for a condition.
//
// A loop that makes progress towards its own end is not reported: one that changes
// what its condition, or that of its break or return, looks at.
package busyloop
