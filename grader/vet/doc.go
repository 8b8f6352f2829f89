// Package vet looks for mistakes in a student's code without running it: those
// that Raft labs are known for, one check in a package of its own.
//
// It knows the checks, the source tree that grader/build makes, and how to read
// the types of the standard library. It must not know the tests, nor run a
// process: a page can use it.
//
// Start with [Check]. Each check's package documentation is what its user reads;
// docs/vet.md lists them, with what they find in real code.
package vet
