package sched

import "unsafe"

// Tracking says that held locks are listed: a module has one thread, so the
// list itself needs no lock.
const Tracking = true

// CallerPC returns the address to which the function returns whose first
// argument (or receiver) stands at arg. Go on wasm passes all arguments on the
// stack and puts the return address before the first; runtime.Callers would
// cost fifty times more, at every lock operation. The function must not be
// inlined. At worst the address is nonsense, and a lock's line is not found.
func CallerPC(arg unsafe.Pointer) uintptr {
	return *(*uintptr)(unsafe.Pointer(uintptr(arg) - 8))
}
