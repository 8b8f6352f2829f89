package main

import (
	"fmt"
	"time"

	"github.com/raftlab/raftlab/raft"
	etcdraft "go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// A world of messages of type M that take 1 to 5 ms, and of wake-ups: the same
// queue for both cores.
type world[M any] struct {
	now   time.Duration
	seq   uint64
	heap  []event
	slots []M
	free  []int32
	rng   uint64
}

// event is a message in a slot, or with slot < 0 a wake-up of node.
type event struct {
	at   time.Duration
	seq  uint64
	slot int32
	node int32
}

func (a event) before(b event) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }

func (w *world[M]) push(at time.Duration, node, slot int32) {
	w.seq++
	h := append(w.heap, event{at, w.seq, slot, node})
	i := len(h) - 1
	for i > 0 && h[i].before(h[(i-1)/2]) {
		h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
		i = (i - 1) / 2
	}
	w.heap = h
}

func (w *world[M]) pop() event {
	h := w.heap
	top, n := h[0], len(h)-1
	h[0] = h[n]
	h = h[:n]
	for i := 0; ; {
		c := 2*i + 1
		if c >= n {
			break
		}
		if c+1 < n && h[c+1].before(h[c]) {
			c++
		}
		if !h[c].before(h[i]) {
			break
		}
		h[i], h[c] = h[c], h[i]
		i = c
	}
	w.heap, w.now = h, top.at
	return top
}

func (w *world[M]) send(node int32, m M) {
	var slot int32
	if n := len(w.free); n > 0 {
		slot, w.free = w.free[n-1], w.free[:n-1]
	} else {
		slot = int32(len(w.slots))
		w.slots = append(w.slots, m)
	}
	w.slots[slot] = m
	w.rng = w.rng*6364136223846793005 + 1442695040888963407
	w.push(w.now+time.Millisecond+time.Duration(w.rng>>42), node, slot)
}

// client is the node number of the wake-up that proposes.
const client = 5

// simulateCore runs five cores for a virtual time, and returns how many commands
// the last of them applied.
func simulateCore(d time.Duration, every time.Duration, encode bool) (applied int) {
	c := newCore(row{nodes: 5, size: 16, encode: encode})
	w := &world[raft.Message]{rng: 1}
	var members raft.Membership
	for i := range 5 {
		members.Voters = append(members.Voters, raft.ID(i+1))
	}
	var nodes [5]*raft.Server
	var wake [5]time.Duration // the earliest wake-up in the queue
	var counts [5]int
	var in raft.Message
	work := func(n int32) {
		fx := nodes[n].Effects()
		for i := range fx.Messages {
			w.send(int32(fx.Messages[i].To-1), fx.Messages[i])
		}
		counts[n] += len(fx.Apply)
		if len(fx.Apply) > 0 {
			if st := nodes[n].Status(); st.Applied-st.First >= compactEvery {
				nodes[n].Compact(st.Applied, nil)
			}
		}
		if at := nodes[n].Deadline(); at < wake[n] {
			wake[n] = at
			w.push(at, n, -1)
		}
	}
	for i := range nodes {
		var err error
		nodes[i], err = raft.New(raft.Config{ID: raft.ID(i + 1), Seed: 1, Members: members, ElectionTimeoutMin: time.Second,
			HeartbeatInterval: 100 * time.Millisecond}, raft.Disk{}, 0)
		if err != nil {
			panic(err)
		}
		wake[i] = raft.Never
		work(int32(i))
	}
	if every > 0 {
		w.push(2*every, client, -1)
	}
	command := make([]byte, 16)
	for w.now < d {
		e := w.pop()
		switch {
		case e.node == client:
			for i, n := range nodes {
				if _, _, err := n.Propose(w.now, command); err == nil {
					work(int32(i))
					break
				}
			}
			w.push(w.now+every, client, -1)
			continue
		case e.slot >= 0:
			m := &w.slots[e.slot]
			if encode {
				if err := raft.DecodeMessage(c.encodeMessage(m), &in); err != nil {
					panic(err)
				}
				m = &in
			}
			if err := nodes[e.node].Step(w.now, m); err != nil {
				panic(err)
			}
			w.slots[e.slot] = raft.Message{}
			w.free = append(w.free, e.slot)
		case e.at != wake[e.node]:
			continue // an earlier wake-up took its place
		default:
			wake[e.node] = raft.Never
			nodes[e.node].Tick(w.now)
		}
		work(e.node)
	}
	return min(counts[0], counts[1], counts[2], counts[3], counts[4])
}

// simulateEtcd is the same for etcd/raft, with ticks of 100 ms, the longest that
// give the same heartbeats.
func simulateEtcd(d time.Duration, every time.Duration, encode bool) (applied int) {
	c := newEtcd(row{nodes: 5, size: 16}, false)
	w := &world[*raftpb.Message]{rng: 1}
	var buf []byte
	work := func(n int32) {
		node := c.nodes[n]
		for node.HasReady() {
			rd := node.Ready()
			if !etcdraft.IsEmptyHardState(rd.HardState) {
				node.disk.SetHardState(rd.HardState)
			}
			node.disk.Append(rd.Entries)
			for _, m := range rd.Messages {
				w.send(int32(m.GetTo()-1), m)
			}
			for _, e := range rd.CommittedEntries {
				node.applied++
				node.last = e.GetIndex()
			}
			node.Advance(rd)
			if node.last >= node.first+compactEvery {
				node.disk.Compact(node.last)
				node.first = node.last + 1
			}
		}
	}
	const tick = 100 * time.Millisecond
	for i := range int32(5) {
		w.push(tick*time.Duration(i)/5, i, -1)
	}
	if every > 0 {
		w.push(2*every, client, -1)
	}
	command := make([]byte, 16)
	for w.now < d {
		e := w.pop()
		switch {
		case e.node == client:
			for i, n := range c.nodes {
				if n.BasicStatus().RaftState == etcdraft.StateLeader {
					n.Propose(command)
					work(int32(i))
					break
				}
			}
			w.push(w.now+every, client, -1)
			continue
		case e.slot >= 0:
			m := w.slots[e.slot]
			if encode {
				buf, _ = proto.MarshalOptions{}.MarshalAppend(buf[:0], m)
				m = &raftpb.Message{}
				if err := proto.Unmarshal(buf, m); err != nil {
					panic(err)
				}
			}
			c.nodes[e.node].Step(m)
			w.slots[e.slot] = nil
			w.free = append(w.free, e.slot)
		default:
			c.nodes[e.node].Tick()
			w.push(w.now+tick, e.node, -1)
		}
		work(e.node)
	}
	applied = c.nodes[0].applied
	for _, n := range c.nodes {
		applied = min(applied, n.applied)
	}
	return applied
}

// simulations prints virtual seconds per CPU second; it returns how many rows
// are below three times etcd/raft's.
func simulations(budget time.Duration) (short int) {
	fmt.Println("\nsimulation of 5 nodes, heartbeats every 100 ms: virtual seconds per CPU second")
	speed := func(run func(time.Duration, time.Duration, bool) int, every time.Duration, encode bool) float64 {
		for d := 100 * time.Second; ; d *= 2 {
			start := cpuTime()
			applied := run(d, every, encode)
			used := cpuTime() - start
			if every > 0 && time.Duration(applied) < (d-5*time.Second)/every {
				panic(fmt.Sprintf("only %d commands were applied in %v", applied, d))
			}
			if used >= budget {
				return d.Seconds() / used.Seconds()
			}
		}
	}
	for _, r := range []struct {
		name   string
		every  time.Duration
		encode bool
	}{{"idle", 0, false}, {"100 proposals a second", 10 * time.Millisecond, false},
		{"100 proposals a second, encoded", 10 * time.Millisecond, true}} {
		own, etcd := speed(simulateCore, r.every, r.encode), speed(simulateEtcd, r.every, r.encode)
		mark := ""
		if own < 3*etcd {
			mark, short = " short", short+1
		}
		fmt.Printf("%-35s | raft %8.0f | etcd %8.0f | %5.1fx%s\n", r.name, own, etcd, own/etcd, mark)
	}
	return short
}
