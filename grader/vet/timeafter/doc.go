// Package timeafter finds a time.After in a loop that turns too fast for it.
//
// time.After makes a new timer each time it is evaluated. In a loop whose select
// has a default, or whose other timer fires sooner, each turn makes a new one and
// none ever fires; and a loop that waits for less than a millisecond at a time
// does little else than make timers.
//
//	for {
//		select {
//		case <-time.After(300 * time.Millisecond): // never: the default comes first
//			rf.startElection()
//		default:
//		}
//	}
//
// Make one timer before the loop and Reset it, or note the moment of the last
// heartbeat and sleep for a fixed time between looks.
package timeafter
