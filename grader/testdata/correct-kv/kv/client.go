package kv

import (
	"math/rand"
	"sync"
	"time"

	"raftlab.example/lab/kvapi"
	"raftlab.example/lab/labrpc"
)

// retryAfter is how long a clerk waits for an answer before it asks elsewhere.
const retryAfter = 500 * time.Millisecond

// Clerk is a client of the service: one operation at a time.
type Clerk struct {
	servers []*labrpc.ClientEnd
	client  int64

	mu     sync.Mutex
	serial int64
	leader int
}

// MakeClerk returns a client of these servers.
func MakeClerk(servers []*labrpc.ClientEnd) kvapi.Clerk {
	return &Clerk{servers: servers, client: rand.Int63()}
}

// do sends an operation until some server says that it is done. All tries have
// the same serial number.
func (ck *Clerk) do(op Op) Reply {
	ck.mu.Lock()
	defer ck.mu.Unlock()
	ck.serial++
	op.Client, op.Serial = ck.client, ck.serial
	for tries := 1; ; tries++ {
		if reply, ok := ck.try(ck.leader, op); ok {
			return reply
		}
		ck.leader = (ck.leader + 1) % len(ck.servers)
		if tries%len(ck.servers) == 0 {
			time.Sleep(50 * time.Millisecond)
		}
	}
}

func (ck *Clerk) try(server int, op Op) (Reply, bool) {
	answer := make(chan Reply, 1)
	go func() {
		var reply Reply
		ck.servers[server].Call("KVServer.Do", &op, &reply)
		answer <- reply
	}()
	late := time.NewTimer(retryAfter)
	defer late.Stop()
	select {
	case reply := <-answer:
		return reply, reply.Leader
	case <-late.C:
		return Reply{}, false
	}
}

// Get implements kvapi.Clerk.
func (ck *Clerk) Get(key string) (string, uint64, kvapi.Err) {
	r := ck.do(Op{Kind: "get", Key: key})
	return r.Value, r.Version, kvapi.Err(r.Err)
}

// Put implements kvapi.Clerk.
func (ck *Clerk) Put(key, value string, version uint64) kvapi.Err {
	return kvapi.Err(ck.do(Op{Kind: "put", Key: key, Value: value, Version: version}).Err)
}

// Append implements kvapi.Clerk.
func (ck *Clerk) Append(key, value string) kvapi.Err {
	return kvapi.Err(ck.do(Op{Kind: "append", Key: key, Value: value}).Err)
}

// TestAndSet implements kvapi.Clerk.
func (ck *Clerk) TestAndSet(key, expect, value string) kvapi.Err {
	return kvapi.Err(ck.do(Op{Kind: "testandset", Key: key, Value: value, Expect: expect}).Err)
}
