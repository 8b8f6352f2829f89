package main

import (
	"time"

	"github.com/raftlab/raftlab/raft"
)

// coreCluster is the project's core, driven by one goroutine.
type coreCluster struct {
	row
	nodes  []*coreNode
	leader *coreNode
	buf    []byte
	sum    byte
}

type coreNode struct {
	*raft.Server
	state   raft.State
	first   uint64 // index of disk[0]
	disk    []raft.Entry
	applied uint64
	in      raft.Message
}

// compactEvery is how many entries all clusters keep before they compact.
const compactEvery = 10000

func newCore(r row) *coreCluster {
	c := &coreCluster{row: r}
	var members raft.Membership
	for i := range r.nodes {
		members.Voters = append(members.Voters, raft.ID(i+1))
	}
	for _, id := range members.Voters {
		s, err := raft.New(raft.Config{ID: id, Members: members, MaxMessageBytes: 1 << 20}, raft.Disk{}, 0)
		if err != nil {
			panic(err)
		}
		c.nodes = append(c.nodes, &coreNode{Server: s, first: 1})
	}
	c.leader = c.nodes[0]
	c.leader.Tick(c.leader.Deadline())
	for c.leader.Status().Role != raft.Leader {
		c.round()
	}
	return c
}

// round carries out every node's effects once.
func (c *coreCluster) round() {
	for _, n := range c.nodes {
		fx := n.Effects()
		if fx.Snapshot != nil {
			n.first, n.disk = fx.Snapshot.Index+1, n.disk[:0]
		}
		if fx.Save {
			n.state = fx.State
		}
		if len(fx.Append) > 0 {
			n.disk = append(n.disk[:fx.Append[0].Index-n.first], fx.Append...)
		}
		for i := range fx.Messages {
			m := &fx.Messages[i]
			to := c.nodes[m.To-1]
			if c.encode {
				encoded := c.encodeMessage(m)
				m = &to.in
				if err := raft.DecodeMessage(encoded, m); err != nil {
					panic(err)
				}
			}
			if err := to.Step(time.Second, m); err != nil {
				panic(err)
			}
		}
		for i := range fx.Apply {
			if e := &fx.Apply[i]; len(e.Data) > 0 {
				c.sum += e.Data[0]
			}
			n.applied = fx.Apply[i].Index
		}
		if n.applied >= n.first+compactEvery {
			if err := n.Compact(n.applied, nil); err != nil {
				panic(err)
			}
		}
	}
}

// encodeMessage cuts the bytes from a large buffer, since a follower keeps those
// of the entries that it appends; it reuses those that nobody keeps.
func (c *coreCluster) encodeMessage(m *raft.Message) []byte {
	if need := 64 + len(m.Entries)*(c.size+8); cap(c.buf)-len(c.buf) < need {
		c.buf = make([]byte, 0, max(64<<10, need))
	}
	from := len(c.buf)
	b := raft.AppendMessage(c.buf, m)
	if len(m.Entries) > 0 {
		c.buf = b
	}
	return b[from:]
}

func (c *coreCluster) commit(count int, command []byte) {
	var last uint64
	for range count {
		var err error
		if last, _, err = c.leader.Propose(time.Second, command); err != nil {
			panic(err)
		}
	}
	for done := false; !done; {
		c.round()
		done = true
		for _, n := range c.nodes {
			done = done && n.applied >= last
		}
	}
}

func (c *coreCluster) close() {}
