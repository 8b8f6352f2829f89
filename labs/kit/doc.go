// Package kit holds the source of what a student's server is linked with: the
// lab's framework packages, and the runtime that makes a Go program with
// goroutines one deterministic server of the world.
//
// It knows the files and where they belong. It must not know how a module is
// built or run, and no code of the grader runs inside it.
package kit
