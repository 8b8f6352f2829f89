// Package wire is the language that a student's server and the grader speak to
// each other: frames, commands as bytes, and the content of snapshots.
//
// It knows bytes only, and both sides import it: the grader's host, and the kit
// inside the module. It must not know servers, goroutines or WebAssembly.
package wire
