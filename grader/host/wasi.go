package host

import (
	"encoding/binary"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// memory is a program's memory. Addresses come from the program: whatever they
// are, nothing here panics.
type memory []byte

// at returns the n bytes at p, or nil if they are not all there.
func (m memory) at(p, n uint64) []byte {
	p, n = uint64(uint32(p)), uint64(uint32(n))
	if p+n > uint64(len(m)) {
		return nil
	}
	return m[p : p+n : p+n]
}

func (m memory) put32(p uint64, v uint32) uint64 {
	b := m.at(p, 4)
	if b == nil {
		return errFault
	}
	binary.LittleEndian.PutUint32(b, v)
	return 0
}

func (m memory) put64(p uint64, v uint64) uint64 {
	b := m.at(p, 8)
	if b == nil {
		return errFault
	}
	binary.LittleEndian.PutUint64(b, v)
	return 0
}

// Numbers of WASI's errors.
const (
	errBadFD = 8
	errFault = 21
	errNoSys = 52
)

// Files of a program. The kit waits for the last; see labs/kit/guest.
const (
	fdStdin = iota
	fdStdout
	fdStderr
	fdDone
)

const (
	// epoch is the wall clock's time, in Unix ns, when the world begins:
	// 2024-01-01 in UTC.
	epoch = 1704067200 * int64(sim.Second)
	// monoStart is the monotonic clock's time then. Go wants more than 0.
	monoStart = int64(sim.Second)
)

// hostFunc is a function that a program imports. Its arguments are in a, as
// WebAssembly's; it may return a number.
type hostFunc func(p *process, m memory, a []uint64) uint64

// importFunc returns the function that a program imports under this name. What
// is not there answers that the system does not have it.
func importFunc(module, name string) hostFunc {
	if module == "raftlab" {
		if f := kitFuncs[name]; f != nil {
			return f
		}
	} else if f := wasiFuncs[name]; f != nil {
		return f
	} else if f := fileFuncs[name]; f != nil {
		return f
	}
	return func(*process, memory, []uint64) uint64 { return errNoSys }
}

var kitFuncs = map[string]hostFunc{
	"emit": func(p *process, m memory, a []uint64) uint64 {
		p.burn(uint32(a[1]))
		p.emit(m.at(a[0], a[1]))
		return 0
	},
	"event": func(p *process, m memory, a []uint64) uint64 {
		copy(m.at(a[0], a[1]), p.event)
		return 0
	},
	"stop": func(p *process, m memory, a []uint64) uint64 {
		reason := int32(a[0])
		if reason < wire.StopSpin || reason > wire.StopDeadlock {
			p.stop(stopKit, []byte(noReason))
		}
		p.stop(reason, append([]byte(nil), m.at(a[1], a[2])...))
		return 0
	},
}

var wasiFuncs = map[string]hostFunc{
	"args_get":            succeed,
	"args_sizes_get":      noStrings,
	"environ_get":         succeed,
	"environ_sizes_get":   noStrings,
	"sched_yield":         succeed,
	"fd_fdstat_set_flags": succeed,
	"clock_time_get":      clockTimeGet,
	"random_get":          randomGet,
	"fd_fdstat_get":       fdFdstatGet,
	"fd_read":             fdRead,
	"fd_write":            fdWrite,
	"poll_oneoff":         pollOneoff,
	"proc_exit": func(p *process, m memory, a []uint64) uint64 {
		p.stop(stopProcExit, nil)
		return 0
	},
}

func succeed(*process, memory, []uint64) uint64 { return 0 }

func noStrings(p *process, m memory, a []uint64) uint64 {
	return m.put32(a[0], 0) | m.put32(a[1], 0)
}

// clockFuel is what a look at the clock burns: it takes as long as so many rounds
// of a loop, and loops that wait for the time to pass must end as soon as others.
const clockFuel = 25

func clockTimeGet(p *process, m memory, a []uint64) uint64 {
	p.burn(clockFuel)
	t := p.read() + monoStart
	if uint32(a[0]) == 0 {
		t += epoch - monoStart + p.offset
	}
	return m.put64(a[2], uint64(t))
}

func randomGet(p *process, m memory, a []uint64) uint64 {
	b := m.at(a[0], a[1])
	if b == nil {
		return errFault
	}
	p.burn(uint32(len(b)))
	for len(b) > 0 {
		var w [8]byte
		binary.LittleEndian.PutUint64(w[:], p.random.next())
		b = b[copy(b, w[:]):]
	}
	return 0
}

func fdFdstatGet(p *process, m memory, a []uint64) uint64 {
	const characterDevice, streamSocket, nonBlocking = 2, 6, 4
	b := m.at(a[1], 24)
	if b == nil {
		return errFault
	}
	clear(b)
	switch fd := uint32(a[0]); {
	case fd <= fdStderr:
		b[0] = characterDevice
	case fd <= fdDone:
		b[0], b[2] = streamSocket, nonBlocking
	case fd == fdRoot:
		b[0] = kindDir
	default:
		h := p.files.open[fd]
		if h == nil {
			return errBadFD
		}
		b[0] = h.n.kind()
		if h.append {
			b[2] = flagAppend
		}
	}
	return 0
}

// fdRead finds standard input at its end. The kit's files are waited for and
// never read.
func fdRead(p *process, m memory, a []uint64) uint64 {
	if uint32(a[0]) != fdStdin {
		return readAt(p, m, a, -1, a[3])
	}
	return m.put32(a[3], 0)
}

func fdWrite(p *process, m memory, a []uint64) uint64 {
	fd := uint32(a[0])
	if fd != fdStdout && fd != fdStderr {
		return writeAt(p, m, a, -1, a[3])
	}
	total := uint32(0)
	errno := vectors(m, a[1], a[2], func(b []byte) bool {
		p.burn(uint32(len(b))/16 + 16)
		p.print(fd == fdStderr, b)
		total += uint32(len(b))
		return false
	})
	if errno != 0 {
		return errno
	}
	return m.put32(a[3], total)
}

// pollOneoff is how Go's scheduler waits. With a timeout of 0 it only looks
// whether something is ready. Otherwise nothing else can run: the step is over,
// and the timeout is when the server wants to be woken.
func pollOneoff(p *process, m memory, a []uint64) uint64 {
	const (
		clock, fdReadable = 0, 1 // kinds of subscription
		subSize, evSize   = 48, 32
		absolute          = 1
	)
	le := binary.LittleEndian
	n := uint64(uint32(a[2]))
	subs, evs := m.at(a[0], n*subSize), m.at(a[1], n*evSize)
	if n > 1<<16 || subs == nil || evs == nil {
		return errFault
	}
	deadline := int64(sim.Never)
	var done []byte
	for i := uint64(0); i < n; i++ {
		s := subs[i*subSize : (i+1)*subSize]
		switch s[8] {
		case clock:
			t := int64(le.Uint64(s[24:]))
			if le.Uint16(s[40:])&absolute != 0 {
				t -= monoStart
			} else if t == 0 {
				return m.put32(a[3], 0)
			} else if t < 0 || t > 1<<62 { // centuries: a Sleep(math.MaxInt64)
				continue
			} else {
				t += p.last
			}
			deadline = min(deadline, t)
		case fdReadable:
			if le.Uint32(s[16:]) == fdDone {
				done = s
			}
		}
	}
	if done == nil {
		// No step is under way: a sleep in an init function. Time passes.
		if deadline != int64(sim.Never) {
			p.local = max(p.local, deadline)
		}
		clear(evs)
		for i := uint64(0); i < n; i++ {
			copy(evs[i*evSize:][:8], subs[i*subSize:][:8])
		}
		return m.put32(a[3], uint32(n))
	}
	p.deadline = sim.Time(max(deadline, p.last+1))
	ev := evs[:evSize]
	clear(ev)
	copy(ev[:8], done[:8])
	ev[10] = fdReadable
	le.PutUint64(ev[16:], 1)
	return m.put32(a[3], 1)
}
