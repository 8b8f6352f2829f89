package sync

import (
	"sync"
	"unsafe"

	"github.com/raftlab/raftlab/labs/kit/sched"
)

// The names without a lock operation of their own are the standard ones.
type (
	Locker    = sync.Locker
	Map       = sync.Map
	Once      = sync.Once
	Pool      = sync.Pool
	WaitGroup = sync.WaitGroup
)

// A Mutex is a sync.Mutex.
type Mutex struct {
	mu   sync.Mutex
	held sched.Held
}

// Lock is sync.Mutex.Lock.
//
//go:noinline
func (m *Mutex) Lock() {
	sched.LockPoint()
	m.mu.Lock()
	m.held.Take("Mutex", sched.CallerPC(unsafe.Pointer(&m)))
}

// TryLock is sync.Mutex.TryLock.
//
//go:noinline
func (m *Mutex) TryLock() bool {
	sched.LockPoint()
	if !m.mu.TryLock() {
		return false
	}
	m.held.Take("Mutex", sched.CallerPC(unsafe.Pointer(&m)))
	return true
}

// Unlock is sync.Mutex.Unlock.
func (m *Mutex) Unlock() {
	m.held.Drop()
	m.mu.Unlock()
	sched.Point()
}

// A RWMutex is a sync.RWMutex.
type RWMutex struct {
	mu      sync.RWMutex
	held    sched.Held // by a writer
	reading sched.Held // by the reader that came last
	readers int
}

// Lock is sync.RWMutex.Lock.
//
//go:noinline
func (m *RWMutex) Lock() {
	sched.LockPoint()
	m.mu.Lock()
	m.held.Take("RWMutex", sched.CallerPC(unsafe.Pointer(&m)))
}

// TryLock is sync.RWMutex.TryLock.
//
//go:noinline
func (m *RWMutex) TryLock() bool {
	sched.LockPoint()
	if !m.mu.TryLock() {
		return false
	}
	m.held.Take("RWMutex", sched.CallerPC(unsafe.Pointer(&m)))
	return true
}

// Unlock is sync.RWMutex.Unlock.
func (m *RWMutex) Unlock() {
	m.held.Drop()
	m.mu.Unlock()
	sched.Point()
}

// RLock is sync.RWMutex.RLock.
//
//go:noinline
func (m *RWMutex) RLock() {
	sched.LockPoint()
	m.mu.RLock()
	m.read(sched.CallerPC(unsafe.Pointer(&m)))
}

// TryRLock is sync.RWMutex.TryRLock.
//
//go:noinline
func (m *RWMutex) TryRLock() bool {
	sched.LockPoint()
	if !m.mu.TryRLock() {
		return false
	}
	m.read(sched.CallerPC(unsafe.Pointer(&m)))
	return true
}

func (m *RWMutex) read(pc uintptr) {
	if sched.Tracking {
		m.readers++
		m.reading.Take("RWMutex (reading)", pc)
	}
}

// RUnlock is sync.RWMutex.RUnlock.
func (m *RWMutex) RUnlock() {
	if sched.Tracking {
		if m.readers--; m.readers <= 0 {
			m.readers = 0
			m.reading.Drop()
		}
	}
	m.mu.RUnlock()
	sched.Point()
}

// RLocker is sync.RWMutex.RLocker.
func (m *RWMutex) RLocker() Locker { return (*rlocker)(m) }

type rlocker RWMutex

func (r *rlocker) Lock()   { (*RWMutex)(r).RLock() }
func (r *rlocker) Unlock() { (*RWMutex)(r).RUnlock() }

// A Cond is a sync.Cond.
type Cond struct {
	L Locker

	c sync.Cond
}

// NewCond is sync.NewCond.
func NewCond(l Locker) *Cond { return &Cond{L: l} }

// Wait is sync.Cond.Wait.
//
//go:noinline
func (c *Cond) Wait() {
	c.c.L = c.L
	c.c.Wait()
	// The lock was taken again by Wait; its holder is Wait's caller.
	switch m := c.L.(type) {
	case *Mutex:
		m.held.Move(sched.CallerPC(unsafe.Pointer(&c)))
	case *RWMutex:
		m.held.Move(sched.CallerPC(unsafe.Pointer(&c)))
	}
}

// Signal is sync.Cond.Signal.
func (c *Cond) Signal() { c.c.Signal() }

// Broadcast is sync.Cond.Broadcast.
func (c *Cond) Broadcast() { c.c.Broadcast() }
