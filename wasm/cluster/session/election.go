package session

import (
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/lessons/toys"
)

// longestElection ends a trial that would go on for ever: without randomness
// votes may split again and again.
const longestElection = 200 * sim.Second

// Election is one trial of the paper's Figure 16: the time from the crash of the
// leader of five servers until another one leads, with election timeouts drawn
// from lo to hi. Messages take 5 to 10 ms each way, heartbeats go out every
// lo/2, the crash falls uniformly into that interval, and two of the four others
// lack an entry, so that they cannot win.
func Election(seed uint64, lo, hi time.Duration) sim.Time {
	set := toys.Default()
	set.ElectionMin, set.ElectionMax, set.Heartbeat = lo, hi, lo/2
	set.PreVote, set.CheckQuorum = false, false
	const servers = 5
	beats := &beatWatch{}
	w := sim.New(sim.Config{Servers: servers, Seed: seed, New: toys.New(toys.KindRaft, servers, &set),
		Link: sim.Link{Min: 5 * sim.Millisecond, Max: 10 * sim.Millisecond}}, beats)
	defer w.Close()
	w.BootAll()
	w.RunUntil(sim.Time(lo) / 4)
	w.Request(0, toys.OpTimeOut, 0, nil, nil)
	// It leads after one exchange of messages; let a few heartbeats pass.
	w.RunUntil(w.Now() + 4*sim.Time(lo))
	beats.armed, beats.node = true, leaderOf(w)
	if beats.node < 0 {
		return Election(seed+1<<32, lo, hi) // the first election failed: another draw
	}
	for beats.armed && w.Step() {
	}
	// The heartbeats are on their way; now the entry that two do not get.
	leader := beats.node
	w.Request(leader, toys.OpStart, 0, []byte("x"), nil)
	for _, f := range w.InFlight() {
		if f.From == leader && f.Msg.ID > beats.last {
			if n := (f.To - leader + servers) % servers; n >= 3 {
				w.DropMessage(f.Msg.ID)
			}
		}
	}
	crash := w.Now() + sim.NewRNG(seed, 16).Between(0, sim.Time(set.Heartbeat)-1)
	w.RunUntil(crash)
	w.Crash(leader)
	for w.Now() < crash+longestElection {
		if !w.Step() || leaderOf(w) >= 0 {
			break
		}
	}
	return w.Now() - crash
}

func leaderOf(w *sim.World) int {
	for n := range w.Servers() {
		if w.Up(n) && w.Status(n).Role == sim.Leader {
			return n
		}
	}
	return -1
}

// beatWatch waits for the leader's next round of heartbeats.
type beatWatch struct {
	armed bool
	node  int
	last  uint64 // ID of the last message sent
}

func (b *beatWatch) Watch(r *sim.Record) {
	if r.Kind == sim.RecSend {
		b.last = r.ID
		if r.Node == b.node && r.Name == "AppendEntries" {
			b.armed = false
		}
	}
}
