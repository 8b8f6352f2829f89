// Package script runs a lab's tests: Starlark functions over a cluster.
//
// A lab is a folder with a lab.star that names its parts; each part is a
// Starlark file that declares tests. A test is a function of one argument, the
// cluster, whose methods act on a world of grader/sim and wait in virtual time;
// threads that a test spawns run one at a time in an order that the seed
// decides. docs/write-a-test.md teaches the language. The package must not know
// what kind of server the cluster is made of, nor how results are shown.
package script
