package sched

import (
	"runtime"
	"time"
)

// Levels of preemption.
const (
	Off   = 0 // a goroutine runs until it blocks
	Yield = 1 // it may let others run first
	Sleep = 2 // it may also sleep, 1 us to 5 ms
)

// A server is one module instance, one thread, with goroutines that switch only
// where they block: these variables need no lock, and a crash takes them along.
var (
	level int
	rng   uint64 // splitmix64
	quiet bool

	now   int64 // virtual ns, as the host gave it for this step
	ops   int   // lock operations in this step
	polls uint  // how many more steps had too many of them, of late, than had not
	many  bool  // this step had too many
)

// Spins is called, on the goroutine concerned, when a program polls a lock
// without end: hundreds of thousands of lock operations in a few milliseconds.
var Spins = func() {}

// Seed sets the level of preemption and the seed of its choices.
func Seed(lvl int, seed uint64) { level, rng = lvl, seed }

// BeginStep tells that virtual time is t, and that a new step begins.
func BeginStep(t int64) {
	if !many && polls > 0 {
		polls--
	}
	now, ops, many, quiet = t, 0, false, false
}

// Quiet stops preemption, for the kit's own look at a server, until the next
// step or Quiet(false).
func Quiet(q bool) { quiet = q }

// Point is a place where another goroutine may get its turn.
func Point() {
	if level == Off || quiet {
		return
	}
	rng += 0x9e3779b97f4a7c15
	z := rng
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	switch {
	case level >= Sleep && z&31 == 0:
		// Evenly over the magnitudes from 1 us to 4 ms, so that both short
		// overtakings and whole messages fit in.
		d := time.Microsecond << (z >> 8 & 15 % 13)
		time.Sleep(d + time.Duration(z>>16)%d/4)
	case z>>5&3 == 0:
		runtime.Gosched()
	}
}

const (
	opsPerStep = 4096
	// spinPolls is how many more steps must have too many lock operations than
	// have not to make a busy loop: half a second of virtual time.
	spinPolls = 500
)

// LockPoint is a Point before a lock operation. A program that polls a lock
// would never end its step, since time stands still in it: after many lock
// operations in one step it sleeps, longer and sooner the more often that is,
// and in the end it counts as a busy loop.
func LockPoint() {
	ops++
	if ops > opsPerStep>>min(polls, 6) {
		ops, many = 0, true
		if polls++; polls > spinPolls {
			Spins()
		}
		time.Sleep(time.Microsecond << min(polls, 10))
		return
	}
	Point()
}

func min(a, b uint) uint {
	if a < b {
		return a
	}
	return b
}
