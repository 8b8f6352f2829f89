// Package rpc finds the remote calls of a package and what they carry.
//
// It knows how labrpc's Call looks: a method Call of a name, arguments and a
// reply, that returns whether the reply came; and it sees through functions that
// only pass their parameters on to it. It must not know what is right or wrong
// about a call: the checks built on it do.
package rpc
