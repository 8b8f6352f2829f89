// Package explain tells the chain of events that made a property break: who
// voted for whom, what a crash took, which answer came late.
// It knows the records of a run, and the properties.
// It must not know what a message means: it goes by who sent it, when, and in
// answer to what.
package explain
