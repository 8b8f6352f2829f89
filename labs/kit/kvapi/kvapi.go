package kvapi

import "github.com/raftlab/raftlab/labs/kit/raftapi"

// Err is what an operation ended with.
type Err string

// Ends of an operation.
const (
	OK         Err = "OK"
	ErrNoKey   Err = "ErrNoKey"   // the key does not exist
	ErrVersion Err = "ErrVersion" // the key has another version, or another value
)

// Server is one server of the key/value service. Its remote methods are called
// by clerks ("KVServer.Get"), those of its Raft by other servers.
type Server interface {
	// Raft returns the server's Raft, on which the service stands.
	Raft() raftapi.Raft
}

// Clerk is a client of the service. Each method takes effect exactly once,
// however often it was sent, and returns when it has; it never gives up.
//
// A key that does not exist has version 0 and the value "". Each change raises
// the key's version by 1.
type Clerk interface {
	// Get returns a key's value and version: OK or ErrNoKey.
	Get(key string) (value string, version uint64, err Err)
	// Put sets a key that has this version: OK or ErrVersion.
	Put(key, value string, version uint64) Err
	// Append adds to the end of a key's value, whatever its version: OK.
	Append(key, value string) Err
	// TestAndSet sets a key whose value is expect: OK or ErrVersion.
	TestAndSet(key, expect, value string) Err
}

// Lock is one client's handle of a lock that many clients share.
type Lock interface {
	// Acquire waits until this client holds the lock, and returns its fencing
	// token: higher than that of everyone who held the lock before.
	Acquire() (token uint64)
	// Release gives up the lock.
	Release()
}
