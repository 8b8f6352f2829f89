//go:build !wasip1
// +build !wasip1

package sched

import "unsafe"

// Tracking says that held locks are listed.
const Tracking = false

// CallerPC is not known here, and not needed.
func CallerPC(arg unsafe.Pointer) uintptr { return 0 }
