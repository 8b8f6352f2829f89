// Package batch grades many submissions that nobody has looked at: it takes each
// in as a bounded copy, grades it in a process of its own, and keeps one record
// for each distinct input in a results folder, from which a killed batch goes on.
//
// It knows submissions, the course file, the results folder and how work is
// spread over processes and machines. It must not know how a verdict is reached,
// which is the work of package grader, nor how one is shown (package report).
//
// Start with [Run]; [Serve] is the other end, in the process that grades.
package batch
