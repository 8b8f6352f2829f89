package main

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// hashicorpCluster is hashicorp/raft with its in-memory stores and transport.
type hashicorpCluster struct {
	rafts   []*raft.Raft
	leader  *raft.Raft
	futures []raft.ApplyFuture
	applied atomic.Int64
}

// hashicorpFSM counts what is applied.
type hashicorpFSM struct{ c *hashicorpCluster }

func (f *hashicorpFSM) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

func (f *hashicorpFSM) ApplyBatch(logs []*raft.Log) []any {
	f.c.applied.Add(int64(len(logs)))
	return make([]any, len(logs))
}

func (f *hashicorpFSM) Snapshot() (raft.FSMSnapshot, error) { return f, nil }
func (f *hashicorpFSM) Restore(io.ReadCloser) error         { return nil }
func (f *hashicorpFSM) Persist(s raft.SnapshotSink) error   { return s.Close() }
func (f *hashicorpFSM) Release()                            {}

func newHashicorp(r row) *hashicorpCluster {
	c := &hashicorpCluster{}
	var servers raft.Configuration
	var transports []*raft.InmemTransport
	for i := range r.nodes {
		addr, t := raft.NewInmemTransport(raft.ServerAddress(fmt.Sprint(i)))
		transports = append(transports, t)
		servers.Servers = append(servers.Servers, raft.Server{ID: raft.ServerID(fmt.Sprint(i)), Address: addr})
	}
	for i, t := range transports {
		for j, u := range transports {
			if i != j {
				t.Connect(u.LocalAddr(), u)
			}
		}
		cfg := raft.DefaultConfig()
		cfg.LocalID = servers.Servers[i].ID
		cfg.LogOutput = io.Discard
		cfg.MaxAppendEntries = 1024
		cfg.BatchApplyCh = true
		// Long enough for a busy machine: the leader must stay.
		cfg.HeartbeatTimeout, cfg.ElectionTimeout, cfg.LeaderLeaseTimeout = 2*time.Second, 2*time.Second, 2*time.Second
		store, snaps := raft.NewInmemStore(), raft.NewInmemSnapshotStore()
		if err := raft.BootstrapCluster(cfg, store, store, snaps, t, servers); err != nil {
			panic(err)
		}
		n, err := raft.NewRaft(cfg, &hashicorpFSM{c}, store, store, snaps, t)
		if err != nil {
			panic(err)
		}
		c.rafts = append(c.rafts, n)
	}
	for c.leader == nil {
		time.Sleep(10 * time.Millisecond)
		for _, n := range c.rafts {
			if n.State() == raft.Leader {
				c.leader = n
			}
		}
	}
	return c
}

// commit waits for the leader only: the followers learn of a commit with the
// next message or after 50 ms.
func (c *hashicorpCluster) commit(count int, command []byte) {
	c.futures = c.futures[:0]
	for range count {
		c.futures = append(c.futures, c.leader.Apply(command, 0))
	}
	for _, f := range c.futures {
		if err := f.Error(); err != nil {
			panic(err)
		}
	}
}

func (c *hashicorpCluster) close() {
	for _, n := range c.rafts {
		n.Shutdown()
	}
	for _, n := range c.rafts {
		n.Shutdown().Error()
	}
}
