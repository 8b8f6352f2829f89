package sched

import (
	"runtime"
	"strconv"
)

// Held is one lock's entry in the list of held locks. Its zero value is a lock
// that nobody holds.
type Held struct {
	at    int // its place in the list, from 1; 0: not held
	pc    uintptr
	since int64
	what  string
}

var held []*Held

// Take notes that the lock, of the given kind, is held from the place with
// return address pc on.
func (h *Held) Take(what string, pc uintptr) {
	if !Tracking {
		return
	}
	if h.at == 0 {
		held = append(held, h)
		h.at = len(held)
	}
	h.what, h.pc, h.since = what, pc, now
}

// Move changes the place from which a held lock is held.
func (h *Held) Move(pc uintptr) {
	if h.at != 0 {
		h.pc = pc
	}
}

// Drop notes that nobody holds the lock any more.
func (h *Held) Drop() {
	if h.at == 0 {
		return
	}
	last := held[len(held)-1]
	held[h.at-1], last.at = last, h.at
	held[len(held)-1] = nil
	held = held[:len(held)-1]
	h.at = 0
}

// AppendHeld describes each lock that is held, one a line: what it is, where
// and when it was taken.
func AppendHeld(b []byte) []byte {
	for _, h := range held {
		f, _ := runtime.CallersFrames([]uintptr{h.pc}).Next()
		b = append(b, h.what...)
		b = append(b, " held since "...)
		b = strconv.AppendInt(b, (now-h.since)/1000, 10)
		b = append(b, " us by "...)
		b = append(b, f.Function...)
		b = append(b, " at "...)
		b = append(b, f.File...)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(f.Line), 10)
		b = append(b, '\n')
	}
	return b
}
