// Package kvapi is what a key/value service and a lock show to the grader: the
// types that the students' constructors return. It knows the names of the
// operations and of their errors. It must not know how they are done.
package kvapi
