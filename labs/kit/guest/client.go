package guest

import (
	"strconv"

	"github.com/raftlab/raftlab/labs/kit/kvapi"
	"github.com/raftlab/raftlab/labs/kit/labrpc"
	"github.com/raftlab/raftlab/labs/kit/sched"
	"github.com/raftlab/raftlab/labs/kit/tester"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// Client does operations: it answers with a number and some texts.
type Client func(op string, number uint64, texts []string) (uint64, []string)

// Clients makes the client of a node that is none of the servers.
type Clients func(*Env) Client

// service is what RegisterKV's servers are to the kit.
type kvServer struct {
	kv kvapi.Server
	Server
}

// Snapshot implements snapshotter.
func (k *kvServer) Snapshot(index int, snapshot []byte) { k.kv.Raft().Snapshot(index, snapshot) }

// remotes returns the values whose methods may be called from other nodes.
func remotes(rf Server) []interface{} {
	switch k := rf.(type) {
	case *kvServer:
		return []interface{}{k.kv, k.Server}
	case *kvraftServer:
		return k.remote
	}
	return []interface{}{rf}
}

// RegisterKV says how a server of a key/value service is made, its clerk, and
// the lock on top of a clerk (nil: there is none). It belongs in an init
// function of the module's package main, in place of Register.
func RegisterKV(
	start func(servers []*labrpc.ClientEnd, me int, persister *tester.Persister, maxraftstate int) kvapi.Server,
	clerk func(servers []*labrpc.ClientEnd) kvapi.Clerk,
	lock func(ck kvapi.Clerk, name string) kvapi.Lock,
) {
	Use(func(e *Env) Server {
		tester.SetNote(e.Note)
		max := -1
		if self.service.every > 0 {
			max = self.service.every
		}
		kv := start(e.Peers, e.Me, tester.OpenPersister(e.State, e.Snapshot, e.Save), max)
		if kv == nil {
			stop(wire.StopProtocol, "StartKVServer returned nil: return the server that was made.", false)
		}
		rf := kv.Raft()
		if rf == nil {
			stop(wire.StopProtocol, "the server's Raft() returned nil: return what raft.Make gave.", false)
		}
		return &kvServer{kv, rf}
	})
	self.clients = func(e *Env) Client {
		ck := clerk(e.Peers)
		if ck == nil {
			stop(wire.StopProtocol, "MakeClerk returned nil: return the clerk that was made.", false)
		}
		locks := map[string]kvapi.Lock{}
		return func(op string, number uint64, t []string) (uint64, []string) {
			switch op {
			case "get":
				value, version, err := ck.Get(t[0])
				return version, []string{string(err), value}
			case "put":
				return 0, []string{string(ck.Put(t[0], t[1], number))}
			case "append":
				return 0, []string{string(ck.Append(t[0], t[1]))}
			case "testandset":
				return 0, []string{string(ck.TestAndSet(t[0], t[1], t[2]))}
			case "acquire", "release":
				l := locks[t[0]]
				if l == nil {
					l = lock(ck, t[0])
					locks[t[0]] = l
				}
				if op == "acquire" {
					return l.Acquire(), []string{string(kvapi.OK)}
				}
				l.Release()
				return 0, []string{string(kvapi.OK)}
			}
			panic("guest: no operation " + strconv.Quote(op))
		}
	}
}

// invoke does an operation of the client on this node. A client's operations
// come one after the other, and all that one does comes before all that the next
// does: the race detector has to be told so. What its clerk is, is no operation: it
// may be asked meanwhile.
func (s *server) invoke(id, number uint64, op string, args []byte) {
	s.made()
	if !alone && s.client != nil && op != "api" {
		s.order.Lock()
		defer s.order.Unlock()
	}
	texts, err := wire.ParseTexts(args)
	do := s.client
	if do == nil {
		do = s.local
	}
	if err != nil || do == nil {
		panic("guest: an operation that no client can do")
	}
	sched.Point()
	n, result := do(op, number, texts)
	s.emit(&wire.Frame{Kind: wire.FxRespond, A: id, B: n, X: wire.AppendTexts(nil, result...)})
}
