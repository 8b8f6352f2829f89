// Package sync takes the place of the standard sync package in a student's
// files. It behaves alike; besides, its lock operations are places where the
// world's seed may give another goroutine its turn, and it keeps account of
// which lock is held since which line.
//
// It knows the standard package and sched. It must not offer less than the
// standard package does, nor anything else that a program could come to need.
package sync
