// Package labrpc is how a student's server calls its peers: the lab's ClientEnd.
//
// It knows labgob and a Transport that carries bytes. It must not know the
// network that the world simulates, nor the server's own goroutines.
package labrpc
