package guest

import (
	"github.com/raftlab/raftlab/labs/kit/sched"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// service is what the student's Raft serves: it takes in what is applied, and
// saves its state when it is told to. Its state is a digest of the commands.
type service struct {
	s      *server
	every  int // save the state at each index divisible by it; 0: never
	digest wire.Digest
	paused bool
	wake   chan struct{} // tells run that paused has changed
	buf    []byte
	env    *Env // what this year's lab asks of the service
}

func (v *service) pause(p bool) {
	v.paused = p
	hide()
	select {
	case v.wake <- struct{}{}:
	default:
	}
	show()
}

// run reads the apply channel. It calls Snapshot itself, as the lab's service
// does: a server that holds its lock while it sends is stuck then.
func (v *service) run(recv func(wake <-chan struct{}) (Msg, Received)) {
	for {
		for v.paused {
			<-v.wake
		}
		m, got := recv(v.wake)
		switch got {
		case Woken:
			continue
		case Closed:
			return
		}
		sched.Point()
		switch {
		case m.CommandValid:
			v.apply(m.CommandIndex, m.Command)
		case m.SnapshotValid:
			v.restore(&m)
		}
	}
}

func (v *service) apply(index int, command interface{}) {
	if v.env.Redelivers && index >= 0 && uint64(index) <= v.digest.Index {
		return
	}
	v.buf = wire.AppendCommand(v.buf[:0], command)
	v.digest.Apply(v.buf)
	v.digest.Index = positive(index)
	v.s.emit(&wire.Frame{Kind: wire.FxApply, A: uint64(index), X: v.buf})
	if v.every == 0 || index%v.every != 0 {
		return
	}
	<-v.s.ready
	if rf, ok := v.s.rf.(snapshotter); ok {
		rf.Snapshot(index, v.digest.Append(nil))
	}
}

func (v *service) restore(m *Msg) {
	if ask := v.env.CondInstall; ask != nil {
		<-v.s.ready
		if !ask(v.s.rf, m.SnapshotTerm, m.SnapshotIndex, m.Snapshot) {
			return
		}
	}
	if d, err := wire.ParseDigest(m.Snapshot); err == nil {
		v.digest = d
	}
	v.s.emit(&wire.Frame{Kind: wire.FxApplySnapshot, A: uint64(m.SnapshotIndex), B: positive(m.SnapshotTerm), X: m.Snapshot})
}
