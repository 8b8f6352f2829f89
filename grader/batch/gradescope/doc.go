// Package gradescope makes the zip that Gradescope builds an autograder from, and
// is what runs in it: it reads the submission and its metadata from /autograder,
// grades it as a batch of one, and writes results.json.
//
// It knows Gradescope's folders, scripts and metadata, and the course file. It must
// not know how a submission is graded (package batch) nor the form of the results
// (package export).
//
// https://gradescope-autograders.readthedocs.io/en/latest/specs/ is the
// specification. Start with [Pack] and [Run].
package gradescope
