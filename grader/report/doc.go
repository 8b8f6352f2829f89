// Package report shows results to people: a grading as it goes on, the points,
// the story of a failure, and why a folder could not be built.
//
// It knows grader.Result and the errors of grader.Grade, and writes English or
// Chinese to an io.Writer. It must not know about terminals, files or flags:
// whoever calls it says how wide the terminal is and whether it shows colours.
//
// Start with [New] and [Run].
package report
