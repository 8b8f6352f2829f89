// Package soak runs tests on many seeds and says how often each fails, with an
// interval that the true rate is in.
//
// It knows the grader's sessions and a little statistics. It must not know how a
// run is made, nor how its result is shown.
package soak
