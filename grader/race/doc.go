// Package race runs a lab's tests on a student's server as a native program with
// Go's race detector in it, in virtual time, and tells which races were found.
//
// It knows how such a program is driven, and how the detector's reports read. It
// must not judge the server by anything else than its races, nor be given code
// that its user does not trust: what it runs is confined by nothing.
//
// Start with [Run]; docs/race.md says what the check finds and what it cannot.
package race
