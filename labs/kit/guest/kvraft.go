package guest

import (
	"reflect"
	"strconv"

	"github.com/raftlab/raftlab/labs/kit/tester"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// Plain is a clerk of the years in which keys have no versions, to 2024.
type Plain interface {
	Get(key string) string
	Put(key string, value string)
	Append(key string, value string)
}

// Versioned is a clerk of the years since 2025.
type Versioned struct {
	Get func(key string) (value string, version uint64, err string)
	Put func(key, value string, version uint64) (err string)
}

// KVRaft says how the parts of the MIT course's key/value service are made.
type KVRaft struct {
	// Start makes a server. It returns the values whose methods clerks and other
	// servers may call, and the server's Raft.
	Start func(e *Env, maxraftstate int) (remote []interface{}, rf Server)
	// Plain or Versioned makes a clerk; the other is nil.
	Plain     func(e *Env) Plain
	Versioned func(e *Env, clnt *tester.Clnt, names []string) *Versioned
	// Machine makes a server of package rsm alone; nil: there is no such package.
	Machine func(e *Env, maxraftstate int, sm *Machine) (submit func(req interface{}) (string, interface{}), rf Server)
}

// kvraftServer is what KVRaft's servers are to the kit.
type kvraftServer struct {
	Server
	remote []interface{}
}

// Snapshot implements snapshotter.
func (k *kvraftServer) Snapshot(index int, snapshot []byte) {
	if rf, ok := k.Server.(snapshotter); ok {
		rf.Snapshot(index, snapshot)
	}
}

// RegisterKVRaft says how servers and clerks are made, in place of Register.
func RegisterKVRaft(k KVRaft) {
	Use(func(e *Env) Server {
		tester.SetNote(e.Note)
		max := self.service.every &^ wire.MachineAlone
		alone := max != self.service.every
		if max == 0 {
			max = -1
		}
		if alone {
			if k.Machine == nil {
				stop(wire.StopProtocol, "there is no package rsm in this year's lab", false)
			}
			m := newMachine()
			submit, rf := k.Machine(e, max, m)
			if absent(rf) {
				stop(wire.StopProtocol, "Raft() of what MakeRSM returned is nil: return what raft.Make gave.", false)
			}
			self.local = m.client(submit)
			return rf
		}
		remote, rf := k.Start(e, max)
		switch {
		case len(remote) == 0 || absent(remote[0]):
			stop(wire.StopProtocol, "StartKVServer returned no server: return the one that was made.", false)
		case absent(rf):
			stop(wire.StopProtocol, "StartKVServer returned a server without a Raft: keep what raft.Make returns.", false)
		}
		return &kvraftServer{rf, remote}
	})
	self.clients = func(e *Env) Client {
		if k.Plain != nil {
			ck := k.Plain(e)
			if absent(ck) {
				stop(wire.StopProtocol, "MakeClerk returned nil: return the clerk that was made.", false)
			}
			return plainClient(ck)
		}
		var names []string
		for i := range e.Peers {
			names = append(names, tester.ServerName(tester.GRP0, i))
		}
		clnt := tester.OpenClnt(names, func(i int, method string, args, reply interface{}) bool {
			return e.Peers[i].Call(method, args, reply)
		})
		ck := k.Versioned(e, clnt, append([]string(nil), names...))
		if ck == nil {
			stop(wire.StopProtocol, "MakeClerk returned nil: return the clerk that was made.", false)
		}
		return versionedClient(ck)
	}
}

// absent says whether v is nil, or a nil pointer.
func absent(v interface{}) bool {
	return v == nil || reflect.ValueOf(v).Kind() == reflect.Ptr && reflect.ValueOf(v).IsNil()
}

// Both clients answer "api" with what the clerk is.

func plainClient(ck Plain) Client {
	return func(op string, _ uint64, t []string) (uint64, []string) {
		switch op {
		case "api":
			return 0, []string{"plain"}
		case "get":
			return 0, []string{"OK", ck.Get(t[0])}
		case "put":
			ck.Put(t[0], t[1])
			return 0, []string{"OK"}
		case "append":
			ck.Append(t[0], t[1])
			return 0, []string{"OK"}
		}
		panic("guest: no operation " + strconv.Quote(op))
	}
}

func versionedClient(ck *Versioned) Client {
	return func(op string, number uint64, t []string) (uint64, []string) {
		switch op {
		case "api":
			return 0, []string{"versioned"}
		case "get":
			value, version, err := ck.Get(t[0])
			return version, []string{err, value}
		case "put":
			return 0, []string{ck.Put(t[0], t[1], number)}
		}
		panic("guest: no operation " + strconv.Quote(op))
	}
}
