package main

import (
	"io"
	"log"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// etcdCluster is etcd/raft's RawNode and MemoryStorage, driven by one goroutine.
type etcdCluster struct {
	row
	batch   bool // one MsgProp for all commands
	nodes   []*etcdNode
	applied int // on the node that has applied least
	sum     byte
	buf     []byte
}

type etcdNode struct {
	*raft.RawNode
	disk    *raft.MemoryStorage
	applied int // commands
	last    uint64
	first   uint64
}

func newEtcd(r row, batch bool) *etcdCluster {
	c := &etcdCluster{row: r, batch: batch}
	quiet := &raft.DefaultLogger{Logger: log.New(io.Discard, "", 0)}
	var peers []uint64
	for i := range r.nodes {
		peers = append(peers, uint64(i+1))
	}
	for _, id := range peers {
		disk := raft.NewMemoryStorage()
		snap := &raftpb.Snapshot{Metadata: &raftpb.SnapshotMetadata{ConfState: &raftpb.ConfState{Voters: peers},
			Index: proto.Uint64(1), Term: proto.Uint64(1)}}
		if err := disk.ApplySnapshot(snap); err != nil {
			panic(err)
		}
		n, err := raft.NewRawNode(&raft.Config{ID: id, ElectionTick: 10, HeartbeatTick: 1, Storage: disk, Applied: 1,
			MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 2048, Logger: quiet})
		if err != nil {
			panic(err)
		}
		c.nodes = append(c.nodes, &etcdNode{RawNode: n, disk: disk, first: 2})
	}
	if err := c.nodes[0].Campaign(); err != nil {
		panic(err)
	}
	for c.round() {
	}
	return c
}

func (c *etcdCluster) round() (busy bool) {
	for _, n := range c.nodes {
		if !n.HasReady() {
			continue
		}
		busy = true
		rd := n.Ready()
		if !raft.IsEmptyHardState(rd.HardState) {
			if err := n.disk.SetHardState(rd.HardState); err != nil {
				panic(err)
			}
		}
		if err := n.disk.Append(rd.Entries); err != nil {
			panic(err)
		}
		for _, m := range rd.Messages {
			to := c.nodes[m.GetTo()-1]
			if c.encode {
				var err error
				if c.buf, err = (proto.MarshalOptions{}).MarshalAppend(c.buf[:0], m); err != nil {
					panic(err)
				}
				m = &raftpb.Message{}
				if err := proto.Unmarshal(c.buf, m); err != nil {
					panic(err)
				}
			}
			if err := to.Step(m); err != nil {
				panic(err)
			}
		}
		for _, e := range rd.CommittedEntries {
			if data := e.GetData(); len(data) > 0 {
				c.sum += data[0]
				n.applied++
			}
			n.last = e.GetIndex()
		}
		n.Advance(rd)
		if n.last >= n.first+compactEvery {
			if err := n.disk.Compact(n.last); err != nil {
				panic(err)
			}
			n.first = n.last + 1
		}
	}
	return busy
}

func (c *etcdCluster) commit(count int, command []byte) {
	leader := c.nodes[0]
	if c.batch {
		m := &raftpb.Message{Type: raftpb.MsgProp.Enum(), From: proto.Uint64(1), To: proto.Uint64(1)}
		entries := make([]raftpb.Entry, count)
		m.Entries = make([]*raftpb.Entry, count)
		for i := range entries {
			entries[i].Data = command
			m.Entries[i] = &entries[i]
		}
		if err := leader.Step(m); err != nil {
			panic(err)
		}
	} else {
		for range count {
			if err := leader.Propose(command); err != nil {
				panic(err)
			}
		}
	}
	c.applied += count
	for done := false; !done; {
		c.round()
		done = true
		for _, n := range c.nodes {
			done = done && n.applied >= c.applied
		}
	}
}

func (c *etcdCluster) close() {}
