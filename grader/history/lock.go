package history

import (
	"fmt"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/sim"
)

// LockLease is the time for which a lock is its holder's, whatever happens.
const LockLease = 2 * sim.Second

// lockFacts is what is certain of a lock.
//
// When a client was given the lock lies between the call and the return of its
// Acquire, and no nearer: the answer may have been lost, and asked for again, for
// seconds. So a client may even come to hear of its lock after the lease is over
// and another has it. A verdict counts only what cannot have been otherwise.
type lockFacts struct {
	held  []*tenure // in the order in which their Acquires returned
	wrote uint64    // the highest token that a guarded write was done with
	store string    // what was written with it
}

// tenure is one holding of a lock.
type tenure struct {
	acquire  *Operation
	from     sim.Time // the earliest moment at which it can have begun
	released sim.Time // when its client called Release, or sim.Never
}

// until is a moment before which nobody else can have been given the lock.
func (t *tenure) until() sim.Time { return min(t.released, t.from+LockLease) }

func (h *History) lock(k string) *lockFacts {
	l := h.locks[k]
	if l == nil {
		l = &lockFacts{}
		h.locks[k] = l
	}
	return l
}

// release notes that a client gives back what it holds.
func (l *lockFacts) release(o *Operation) {
	for _, t := range l.held {
		if t.acquire.Client == o.Client && t.released == sim.Never {
			t.released = o.Call
		}
	}
}

// judge holds an Acquire that has returned against those before it.
func (l *lockFacts) judge(o *Operation) *check.Violation {
	mine := &tenure{acquire: o, from: o.Call, released: sim.Never}
	for _, t := range l.held { // whose token is lower had it earlier
		if t.acquire.GotVersion < o.GotVersion {
			mine.from = max(mine.from, min(t.until(), o.Return))
		}
	}
	defer func() { l.held = append(l.held, mine) }()
	for _, t := range l.held {
		// Its lease was over before it heard of its lock, and t is the next holder.
		late := t.acquire.GotVersion > o.GotVersion && t.acquire.Return >= o.Call+LockLease
		if t.until() > o.Return && !late {
			return broke([]*Operation{t.acquire}, o, check.MutualExclusion,
				fmt.Sprintf("client %d waits until client %d has released the lock, or its lease is over", o.Client, t.acquire.Client), t.acquire.String()+"; "+o.String(),
				"clients %d and %d hold the lock %q at the same time", t.acquire.Client, o.Client, o.Key)
		}
	}
	if o.AnyToken {
		return nil
	}
	for _, t := range l.held {
		before := t.acquire.Return < o.Call+LockLease // so o was given the lock after t
		if token := t.acquire.GotVersion; token == o.GotVersion || token > o.GotVersion && before {
			return broke([]*Operation{t.acquire}, o, check.FencingToken, fmt.Sprintf("a token above %d", token), t.acquire.String()+"; "+o.String(),
				"client %d got the lock %q with the token %d, but %d was given out before", o.Client, o.Key, o.GotVersion, token)
		}
	}
	return nil
}

// GuardedWrite is a write to a store that the lock guards, with a fencing token.
// The store takes it unless it has seen a higher token.
func (h *History) GuardedWrite(lock string, token uint64, text string) bool {
	l := h.lock(lock)
	if token < l.wrote {
		return false
	}
	l.wrote, l.store = token, text
	return true
}

// GuardedRead is what the store that the lock guards holds.
func (h *History) GuardedRead(lock string) string { return h.lock(lock).store }
