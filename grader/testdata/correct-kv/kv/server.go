// Package kv is a replicated key/value service: each server applies the same
// operations in the order of the Raft log, each once.
package kv

import (
	"bytes"
	"sync"

	"raftlab.example/lab/kvapi"
	"raftlab.example/lab/labgob"
	"raftlab.example/lab/labrpc"
	"raftlab.example/lab/raft"
	"raftlab.example/lab/raftapi"
	"raftlab.example/lab/tester"
)

// An Op is one entry of the log.
type Op struct {
	Client  int64
	Serial  int64
	Kind    string
	Key     string
	Value   string
	Expect  string
	Version uint64
}

// Reply is what a server answers. Leader is false when the operation may not
// have been done: the clerk asks elsewhere.
type Reply struct {
	Leader  bool
	Err     string
	Value   string
	Version uint64
}

type entry struct {
	Value   string
	Version uint64
}

// done is the last operation of a client: a clerk has one at a time.
type done struct {
	Serial int64
	Reply  Reply
}

// waiter is an RPC that waits for its index.
type waiter struct {
	term int
	op   Op
	ch   chan Reply
}

// KVServer is one server. Everything below mu is guarded by it.
type KVServer struct {
	rf           raftapi.Raft
	applyCh      chan raftapi.ApplyMsg
	maxraftstate int

	mu      sync.Mutex
	data    map[string]entry
	clients map[int64]done
	applied int
	waiting map[int]waiter
}

// StartKVServer starts a server. It asks Raft for a snapshot when its log
// approaches maxraftstate bytes; -1 means never.
func StartKVServer(servers []*labrpc.ClientEnd, me int, persister *tester.Persister, maxraftstate int) kvapi.Server {
	labgob.Register(Op{})
	kv := &KVServer{
		applyCh:      make(chan raftapi.ApplyMsg),
		maxraftstate: maxraftstate,
		data:         map[string]entry{},
		clients:      map[int64]done{},
		waiting:      map[int]waiter{},
	}
	kv.restore(persister.ReadSnapshot())
	kv.rf = raft.Make(servers, me, persister, kv.applyCh)
	go kv.applier()
	return kv
}

// Raft returns the server's Raft.
func (kv *KVServer) Raft() raftapi.Raft { return kv.rf }

// Do takes an operation from a clerk, and answers when it is done or cannot be.
func (kv *KVServer) Do(op *Op, reply *Reply) {
	kv.mu.Lock()
	if d, ok := kv.clients[op.Client]; ok && d.Serial == op.Serial {
		*reply = d.Reply
		kv.mu.Unlock()
		return
	}
	index, term, leader := kv.rf.Start(*op)
	if !leader {
		kv.mu.Unlock()
		return
	}
	w := waiter{term: term, op: *op, ch: make(chan Reply, 1)}
	if old, ok := kv.waiting[index]; ok {
		old.ch <- Reply{}
	}
	kv.waiting[index] = w
	kv.mu.Unlock()
	*reply = <-w.ch
}

// applier takes in what Raft has committed.
func (kv *KVServer) applier() {
	for msg := range kv.applyCh {
		kv.mu.Lock()
		switch {
		case msg.SnapshotValid:
			if msg.SnapshotIndex > kv.applied {
				kv.restore(msg.Snapshot)
				kv.applied = msg.SnapshotIndex
			}
		case msg.CommandValid && msg.CommandIndex > kv.applied:
			kv.applied = msg.CommandIndex
			op := msg.Command.(Op)
			reply := kv.apply(op)
			if w, ok := kv.waiting[msg.CommandIndex]; ok {
				delete(kv.waiting, msg.CommandIndex)
				if w.op.Client != op.Client || w.op.Serial != op.Serial {
					reply = Reply{}
				}
				w.ch <- reply
			}
			if kv.maxraftstate > 0 && kv.rf.PersistBytes() > kv.maxraftstate*3/4 {
				kv.rf.Snapshot(kv.applied, kv.snapshot())
			}
		}
		kv.deposed()
		kv.mu.Unlock()
	}
}

// deposed sends away those who wait for an index of a term that is over.
func (kv *KVServer) deposed() {
	if len(kv.waiting) == 0 {
		return
	}
	term, _ := kv.rf.GetState()
	for index, w := range kv.waiting {
		if w.term != term {
			delete(kv.waiting, index)
			w.ch <- Reply{}
		}
	}
}

// apply does an operation, unless it was done before.
func (kv *KVServer) apply(op Op) Reply {
	if d, ok := kv.clients[op.Client]; ok && d.Serial >= op.Serial {
		return d.Reply
	}
	reply := kv.change(op)
	kv.clients[op.Client] = done{op.Serial, reply}
	return reply
}

func (kv *KVServer) change(op Op) Reply {
	e := kv.data[op.Key]
	reply := Reply{Leader: true, Err: string(kvapi.OK)}
	switch op.Kind {
	case "get":
		reply.Value, reply.Version = e.Value, e.Version
		if e.Version == 0 {
			reply.Err = string(kvapi.ErrNoKey)
		}
	case "put":
		if e.Version != op.Version {
			reply.Err = string(kvapi.ErrVersion)
			break
		}
		kv.data[op.Key] = entry{op.Value, e.Version + 1}
	case "append":
		kv.data[op.Key] = entry{e.Value + op.Value, e.Version + 1}
	case "testandset":
		if e.Value != op.Expect {
			reply.Err = string(kvapi.ErrVersion)
			break
		}
		kv.data[op.Key] = entry{op.Value, e.Version + 1}
	}
	return reply
}

func (kv *KVServer) snapshot() []byte {
	var b bytes.Buffer
	e := labgob.NewEncoder(&b)
	e.Encode(kv.data)
	e.Encode(kv.clients)
	e.Encode(kv.applied)
	return b.Bytes()
}

func (kv *KVServer) restore(snapshot []byte) {
	if len(snapshot) == 0 {
		return
	}
	data, clients, applied := map[string]entry{}, map[int64]done{}, 0
	d := labgob.NewDecoder(bytes.NewBuffer(snapshot))
	if d.Decode(&data) != nil || d.Decode(&clients) != nil || d.Decode(&applied) != nil {
		panic("kv: a snapshot that cannot be read")
	}
	kv.data, kv.clients, kv.applied = data, clients, applied
}
