// Package rpcfields finds fields with lower-case names in what is sent or saved.
//
// labgob, like encoding/gob, carries only exported fields: one that begins with
// a lower-case letter arrives as zero, without an error. The same happens to
// what is saved with an Encoder and read after a crash.
//
//	type RequestVoteArgs struct {
//		term int // arrives as 0
//	}
//
// Give such a field a capital letter.
package rpcfields
