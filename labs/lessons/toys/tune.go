package toys

import (
	"reflect"
	"time"
	"unsafe"

	"github.com/raftlab/raftlab/raft"
)

// The core cannot be told to change its configuration while it runs, nor to let
// its election timer fire: no real server needs that. A learner does, so this
// file, and nothing else, reaches into a running core.

// field returns where the core keeps one of its fields.
func field[T any](core *raft.Server, name string) *T {
	return (*T)(unsafe.Pointer(reflect.ValueOf(core).Elem().FieldByName(name).UnsafeAddr()))
}

// tune puts c in force on a running core. Its timers are set as if they had
// been started now; spread is a random number for the election timeout.
func tune(core *raft.Server, c raft.Config, now time.Duration, spread uint64) {
	old := field[raft.Config](core, "cfg")
	c.ID, c.Seed, c.Members, c.ClockDrift = old.ID, old.Seed, old.Members, old.ClockDrift
	c.MaxInflight, c.MaxMessageBytes, c.MaxChunkBytes = old.MaxInflight, old.MaxMessageBytes, old.MaxChunkBytes
	c.MaxUncommittedBytes = old.MaxUncommittedBytes
	*old = c
	if election := field[time.Duration](core, "electionDeadline"); *election != raft.Never {
		*election = now + c.ElectionTimeoutMin
		if !c.Unsafe.RandomTimeouts {
			*election += time.Duration(spread % uint64(c.ElectionTimeoutMax-c.ElectionTimeoutMin+1))
		}
	}
	if beat := field[time.Duration](core, "heartbeatDeadline"); *beat != raft.Never {
		*beat = now + c.HeartbeatInterval
	}
}

// timeOut lets the election timer of a core fire now, if it runs.
func timeOut(core *raft.Server, now time.Duration) {
	if election := field[time.Duration](core, "electionDeadline"); *election != raft.Never {
		*election = now
		core.Tick(now)
	}
}
