package raft_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/raftlab/raftlab/raft"
)

// replica is a server of a replicated key/value map: the core, the map that the
// committed commands build, and the disk.
type replica struct {
	core    *raft.Server
	values  map[string]string
	state   raft.State
	entries []raft.Entry
}

// Example builds a replicated map from three cores. The host's whole work is to
// carry out the effects in their order: write, send, apply.
func Example() {
	const a, b, c raft.ID = 1, 2, 3
	cluster := map[raft.ID]*replica{}
	now := time.Duration(0)
	for _, id := range []raft.ID{a, b, c} {
		core, err := raft.New(raft.Config{ID: id, Seed: 1,
			Members: raft.Membership{Voters: []raft.ID{a, b, c}}}, raft.Disk{}, now)
		if err != nil {
			panic(err)
		}
		cluster[id] = &replica{core: core, values: map[string]string{}}
	}

	// settle carries out effects until there are none; this network is perfect.
	settle := func() {
		for busy := true; busy; {
			busy = false
			for _, id := range []raft.ID{a, b, c} {
				r := cluster[id]
				fx := r.core.Effects()
				if fx.Save {
					r.state = fx.State
				}
				if len(fx.Append) > 0 {
					r.entries = append(r.entries[:fx.Append[0].Index-1], fx.Append...)
				}
				for _, m := range fx.Messages {
					busy = true
					if err := cluster[m.To].core.Step(now, &m); err != nil {
						panic(err)
					}
				}
				for _, e := range fx.Apply {
					if key, value, ok := strings.Cut(string(e.Data), "="); ok {
						r.values[key] = value
					}
				}
			}
		}
	}

	// Time passes until the first timer of all, whose owner asks for votes.
	leader := func() *replica {
		for {
			first := cluster[a]
			for _, r := range cluster {
				if r.core.Deadline() < first.core.Deadline() {
					first = r
				}
				if r.core.Status().Role == raft.Leader {
					return r
				}
			}
			now = first.core.Deadline()
			first.core.Tick(now)
			settle()
		}
	}

	l := leader()
	for _, command := range []string{"x=1", "y=2", "x=3"} {
		if _, _, err := l.core.Propose(now, []byte(command)); err != nil {
			panic(err)
		}
	}
	settle()
	for _, id := range []raft.ID{a, b, c} {
		fmt.Println(id, cluster[id].values)
	}
	// Output:
	// 1 map[x:3 y:2]
	// 2 map[x:3 y:2]
	// 3 map[x:3 y:2]
}
