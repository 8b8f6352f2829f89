package raft_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/raftlab/raftlab/grader/reference"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/raft"
)

// kvOp is an operation of a client: get, or append to the value of a key.
type kvOp struct {
	Client, Number int // Number counts up per client: a retry has the same
	Key            string
	Append         string // "" is a get

	called sim.Time
	done   bool
}

// started is one Start of an operation: a retry is another, with its own term.
type started struct {
	op   *kvOp
	term uint64
}

// store is the replicated state on one server.
type store struct {
	Values map[string]string
	Last   map[int]int // client -> number of its last operation applied
	at     uint64
}

type command struct {
	client, number int
	key, value     string
}

func (s *store) apply(c command) {
	if s.Last[c.client] >= c.number {
		return // a retry of what is done
	}
	s.Last[c.client] = c.number
	s.Values[c.key] += c.value
}

// kvWorld is a replicated map with its clients, and the history of these.
type kvWorld struct {
	*sim.World
	r       *sim.RNG
	stores  []*store
	waiting []map[uint64]started // by server and index
	open    map[int]*kvOp        // by client
	history []porcupine.Operation
}

func newStore(snapshot []byte) *store {
	s := &store{Values: map[string]string{}, Last: map[int]int{}}
	if len(snapshot) > 0 {
		if err := json.Unmarshal(snapshot, s); err != nil {
			panic(err)
		}
	}
	return s
}

func (k *kvWorld) Watch(r *sim.Record) {
	if r.Node < 0 {
		return
	}
	switch r.Kind {
	case sim.RecBoot:
		k.stores[r.Node], k.waiting[r.Node] = newStore(k.Disk(r.Node).Snapshot), map[uint64]started{}
	case sim.RecApplySnapshot:
		k.stores[r.Node] = newStore(r.Data)
		k.stores[r.Node].at = r.Index
	case sim.RecApply:
		var op kvOp
		if err := json.Unmarshal(r.Data, &op); err != nil {
			panic(err)
		}
		k.stores[r.Node].apply(command{op.Client, op.Number, op.Key, op.Append})
		k.stores[r.Node].at = r.Index
		k.answer(r.Node, r.Index, r.Term)
	}
}

// answer tells a client that what it waits for is applied, if it is: the index
// may have gone to the command of another leader.
func (k *kvWorld) answer(n int, index, term uint64) {
	w, ok := k.waiting[n][index]
	if !ok {
		return
	}
	delete(k.waiting[n], index)
	if w.term == term {
		k.finish(w.op, k.stores[n].Values[w.op.Key])
	}
}

func (k *kvWorld) finish(op *kvOp, value string) {
	if op.done {
		return
	}
	op.done = true
	k.history = append(k.history, porcupine.Operation{ClientId: op.Client, Input: *op, Output: value,
		Call: int64(op.called), Return: int64(k.Now())})
	delete(k.open, op.Client)
	k.At(k.Now()+k.r.Between(1, 30*sim.Millisecond), func() { k.begin(op.Client, op.Number+1) })
}

func (k *kvWorld) begin(client, number int) {
	op := &kvOp{Client: client, Number: number, Key: string(rune('a' + k.r.N(3))), called: k.Now()}
	if k.r.Chance(0.6) {
		op.Append = fmt.Sprintf("%d.%d ", client, number)
	}
	k.open[client] = op
	k.try(op)
}

// try asks some server, and another one if there is no answer in time.
func (k *kvWorld) try(op *kvOp) {
	if op.done {
		return
	}
	n := int(k.r.N(int64(k.Servers())))
	for m := range k.Servers() { // rather one that leads
		if k.Up(m) && k.Status(m).Role == sim.Leader && k.r.Chance(0.7) {
			n = m
		}
	}
	k.At(k.Now()+k.r.Between(20*sim.Millisecond, 300*sim.Millisecond), func() { k.try(op) })
	if op.Append == "" && k.r.Chance(0.7) {
		k.Request(n, "read", 0, nil, func(e *sim.Effect) {
			if e.Flag {
				k.finish(op, k.stores[n].Values[op.Key])
			}
		})
		return
	}
	data, err := json.Marshal(op)
	if err != nil {
		panic(err)
	}
	k.Request(n, "start", 0, data, func(e *sim.Effect) {
		if e.Flag {
			k.waiting[n][e.Index] = started{op, e.Term}
		}
	})
}

// plague does a bad thing to the servers now and then.
func (k *kvWorld) plague() {
	n := int(k.r.N(int64(k.Servers())))
	switch k.r.N(8) {
	case 0:
		k.Crash(n)
	case 1, 2:
		k.BootAll()
	case 3:
		k.Cut(n, -1)
	case 4:
		k.Partition([]int{n, (n + 1) % 5}, []int{(n + 2) % 5, (n + 3) % 5, (n + 4) % 5})
	case 5, 6:
		k.Heal(-1, -1)
	case 7:
		if s := k.stores[n]; k.Up(n) && s.at > 0 {
			data, err := json.Marshal(s)
			if err != nil {
				panic(err)
			}
			k.Request(n, "snapshot", s.at, data, nil)
		}
	}
	k.At(k.Now()+k.r.Between(0, 500*sim.Millisecond), k.plague)
}

// kvModel is the map by itself, key by key.
var kvModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		keys := map[string]int{}
		for _, o := range history {
			key := o.Input.(kvOp).Key
			if _, ok := keys[key]; !ok {
				keys[key] = len(parts)
				parts = append(parts, nil)
			}
			parts[keys[key]] = append(parts[keys[key]], o)
		}
		return parts
	},
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		value, op := state.(string)+input.(kvOp).Append, input.(kvOp)
		return output == nil || op.Append != "" || output.(string) == value, value
	},
}

// TestLinearizable: a map on top of the core, with clients that retry, behaves
// like one map (section 8), whatever happens to the servers.
func TestLinearizable(t *testing.T) {
	for seed := range uint64(12) {
		k := &kvWorld{r: sim.NewRNG(seed, 77), stores: make([]*store, 5), waiting: make([]map[uint64]started, 5), open: map[int]*kvOp{}}
		cfg := raft.Config{MaxInflight: 8, LeaseReads: seed%2 == 0, MaxChunkBytes: 100, HeartbeatInterval: 30 * time.Millisecond}
		v := newInvariants(5)
		k.World = sim.New(sim.Config{Servers: 5, Seed: seed, Link: sim.Link{Min: sim.Millisecond, Max: 8 * sim.Millisecond, Loss: 0.05, Dup: 0.1},
			New: reference.New(reference.Options{Config: cfg, OneWay: true})}, v, k)
		k.BootAll()
		for client := range 5 {
			k.At(sim.Second, func() { k.begin(client, 1) })
		}
		k.At(2*sim.Second, k.plague)
		k.RunUntil(25 * sim.Second)
		k.Close()
		if len(k.history) < 200 {
			t.Errorf("seed %d: only %d operations ended", seed, len(k.history))
		}
		for client := range 5 {
			if op := k.open[client]; op != nil && op.Append != "" { // it may have happened, or may yet
				k.history = append(k.history, porcupine.Operation{ClientId: client, Input: *op, Call: int64(op.called), Return: math.MaxInt64})
			}
		}
		if r := porcupine.CheckOperationsTimeout(kvModel, k.history, 20*time.Second); r != porcupine.Ok {
			t.Errorf("seed %d: %d operations: linearizable: %v", seed, len(k.history), r)
		}
	}
}
