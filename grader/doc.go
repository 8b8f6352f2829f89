// Package grader runs a lab's tests against a student's server, or against the
// consensus core, and says what works, what breaks, and how many points that is.
//
// It ties the rooms below it together: build makes the module, host runs it as a
// server of the world in sim, script runs the lab's tests on that world, check
// judges what is seen. It must not know how results are shown; that is the work
// of report and of the command line.
//
// Start with [Grade].
package grader
