package raft_test

import (
	"fmt"
	"os"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/raft"
)

type dbg struct{}

func (dbg) Watch(r *sim.Record) {
	if os.Getenv("DBG") == "" {
		return
	}
	s := fmt.Sprintf("%.6f n%d p%d k%d %s id%d idx%d t%d flag=%v", float64(r.T)/1e9, r.Node, r.Peer, r.Kind, r.Name, r.ID, r.Index, r.Term, r.Flag)
	if r.Status != nil {
		s += fmt.Sprintf(" %+v", *r.Status)
	}
	if r.Kind == sim.RecSend {
		var m raft.Message
		raft.DecodeMessage(r.Data, &m)
		n := len(m.Entries)
		m.Entries = nil
		m.Data = nil
		s += fmt.Sprintf(" T%d i%d/%d c%d rej%v h%d/%d n%d off%d done%v", m.Term, m.Index, m.LogTerm, m.Commit, m.Reject, m.HintIndex, m.HintTerm, n, m.Offset, m.Done)
	}
	if r.Kind == sim.RecLogWrite {
		for i, e := range r.Entries {
			if len(e.Data) > 0 && e.Data[0] != 'c' {
				s += fmt.Sprintf(" MEMBERS@%d:%v", r.Index+uint64(i), e.Data)
			}
		}
		s += fmt.Sprintf(" n=%d", len(r.Entries))
	}
	fmt.Println(s)
}
