//go:build !js

package host

import (
	"sync"

	"github.com/tetratelabs/wazero/experimental"
)

// memories keeps the linear memories of instances that have ended for those to
// come: making a server's few megabytes anew, and growing them by copying, takes
// longer than everything else that its boot does.
type memories struct {
	mu   sync.Mutex
	free [][]byte // all zero, over their whole capacity
}

const (
	// memoryReserve is the capacity of a fresh memory: what a healthy server
	// grows to, so that growing does not copy.
	memoryReserve = 12 << 20
	// memoriesKept bounds the memories that wait; those of large clusters on a
	// few workers.
	memoriesKept = 24
)

// Allocate implements experimental.MemoryAllocator.
func (m *memories) Allocate(_, _ uint64) experimental.LinearMemory {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.free); n > 0 {
		b := m.free[n-1]
		m.free[n-1] = nil
		m.free = m.free[:n-1]
		return &pooled{home: m, buf: b[:0]}
	}
	return &pooled{home: m, buf: make([]byte, 0, memoryReserve)}
}

// pooled is one instance's.
type pooled struct {
	home *memories
	buf  []byte
}

// Reallocate implements experimental.LinearMemory: memory never shrinks.
func (m *pooled) Reallocate(size uint64) []byte {
	if size > uint64(cap(m.buf)) {
		b := make([]byte, size, max(size, 2*uint64(cap(m.buf))))
		copy(b, m.buf)
		m.buf = b
	}
	m.buf = m.buf[:size]
	return m.buf
}

// Free implements experimental.LinearMemory.
func (m *pooled) Free() {
	if m.buf == nil || cap(m.buf) > memoryReserve {
		return // a hungry server's memory is not worth keeping
	}
	clear(m.buf)
	m.home.mu.Lock()
	defer m.home.mu.Unlock()
	if len(m.home.free) < memoriesKept {
		m.home.free = append(m.home.free, m.buf[:0])
	}
	m.buf = nil
}
