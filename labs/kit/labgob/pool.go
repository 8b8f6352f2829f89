//go:build !raftlabrace
// +build !raftlabrace

package labgob

import "sync"

// pool keeps memory for the next message.
type pool = sync.Pool
