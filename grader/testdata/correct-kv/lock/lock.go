// Package lock is a lock that many clients share, on top of a key/value service.
package lock

import (
	"fmt"
	"math/rand"
	"time"

	"raftlab.example/lab/kvapi"
)

// lease is how long a lock is its holder's; after that another may take it.
const lease = 2 * time.Second

const poll = 50 * time.Millisecond

// Lock is one client's handle. The key's value is "TOKEN:HOLDER", with an empty
// HOLDER while nobody holds it. The token never goes down.
type Lock struct {
	ck   kvapi.Clerk
	key  string
	me   string
	mine string // the value that this client has set
}

// MakeLock returns a handle of the lock called name.
func MakeLock(ck kvapi.Clerk, name string) kvapi.Lock {
	return &Lock{ck: ck, key: "lock/" + name, me: fmt.Sprint(rand.Int63())}
}

func parse(value string) (token uint64, holder string) {
	fmt.Sscanf(value, "%d:%s", &token, &holder)
	return token, holder
}

// Acquire implements kvapi.Lock.
func (l *Lock) Acquire() uint64 {
	seen, since := "", time.Now()
	for {
		value, _, _ := l.ck.Get(l.key)
		if value != seen {
			seen, since = value, time.Now()
		}
		token, holder := parse(value)
		if holder == "" || time.Since(since) > lease {
			l.mine = fmt.Sprintf("%d:%s", token+1, l.me)
			if l.ck.TestAndSet(l.key, value, l.mine) == kvapi.OK {
				return token + 1
			}
		}
		time.Sleep(poll)
	}
}

// Release implements kvapi.Lock.
func (l *Lock) Release() {
	token, _ := parse(l.mine)
	l.ck.TestAndSet(l.key, l.mine, fmt.Sprintf("%d:", token))
}
