// Package tester is the part of the lab's test framework that servers use: the
// Persister, and annotations on the time line.
//
// It knows bytes and hooks that the kit's runtime sets. It must not know the
// tests: they live in the grader, out of a server's reach.
package tester
