// Package corpus holds the grader to its word: planted bugs, each one realistic
// mistake in the correct solution of the Raft lab, with the properties one of
// which the grader must name.
//
// It knows the format of a bug and applies it to the correct solution. It must
// not know the grader: what is found of the bugs is for others to measure. The
// bugs are files in ../testdata/bugs, the solution is in ../testdata/correct.
package corpus
