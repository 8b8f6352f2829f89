package sim_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"reflect"
	"testing"

	"github.com/raftlab/raftlab/grader/sim"
)

// echo is a toy server: it calls its neighbour every 10 ms, answers calls, and
// keeps on disk how many answers it got.
type echo struct {
	me, n    int
	next     sim.Time
	calls    uint64
	outcomes map[uint64]int // per call: answers and failures
	got      uint64
	clock    sim.Time
	stop     bool
}

func newEcho(all *[]*echo) sim.Factory {
	return func(node, life int, seed uint64) sim.Server {
		e := &echo{outcomes: map[uint64]int{}}
		*all = append(*all, e)
		return e
	}
}

func (e *echo) Step(now sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	switch ev.Kind {
	case sim.Boot:
		e.me, e.n, e.clock = ev.Boot.Me, ev.Boot.Servers, ev.Boot.ClockOffset
		if d := ev.Boot.Disk.State; len(d) == 8 {
			e.got = binary.BigEndian.Uint64(d)
		}
		e.next = now + 10*sim.Millisecond
	case sim.Tick:
		if e.stop {
			return fx, sim.Never
		}
		e.calls++
		e.next = now + 10*sim.Millisecond
		fx = append(fx, sim.Effect{Kind: sim.Send, To: (e.me + 1) % e.n,
			Msg: sim.Message{Kind: sim.MsgCall, Call: e.calls, Method: "Echo.Ping", Body: []byte("ping")}})
	case sim.Receive:
		if ev.Msg.Kind == sim.MsgCall {
			return append(fx, sim.Effect{Kind: sim.Send, To: ev.From,
				Msg: sim.Message{Kind: sim.MsgReply, Call: ev.Msg.Call, Method: ev.Msg.Method, Body: ev.Msg.Body}}), e.next
		}
		e.outcomes[ev.Msg.Call]++
		e.got++
		b := binary.BigEndian.AppendUint64(nil, e.got)
		fx = append(fx, sim.Effect{Kind: sim.Save, Data: b}, sim.Effect{Kind: sim.Apply, Index: e.got, Data: b})
	case sim.CallFailed:
		e.outcomes[ev.Msg.Call]++
	case sim.RequestOp:
		fx = append(fx, sim.Effect{Kind: sim.Respond, ID: ev.Req.ID, Index: e.got})
	}
	return fx, e.next
}

func (e *echo) Close() {}

var rough = sim.Link{Min: sim.Millisecond, Max: 20 * sim.Millisecond, Loss: 0.1, Dup: 0.1,
	Late: 0.1, LateMin: 50 * sim.Millisecond, LateMax: 200 * sim.Millisecond}

// storm runs an echo world with crashes, cuts and restarts, all seeded.
func storm(seed uint64, watchers ...sim.Watcher) (*sim.World, []*echo) {
	var all []*echo
	w := sim.New(sim.Config{Servers: 4, Seed: seed, New: newEcho(&all), Link: rough,
		CutNotice: [2]sim.Time{0, 300 * sim.Millisecond}}, watchers...)
	w.BootAll()
	r := sim.NewRNG(seed, 99)
	for i := 0; i < 60; i++ {
		w.RunUntil(w.Now() + r.Between(0, 50*sim.Millisecond))
		n := int(r.N(4))
		switch r.N(7) {
		case 0:
			w.Crash(n)
		case 1:
			w.Boot(n)
		case 2:
			w.Cut(n, int(r.N(4)))
		case 3:
			w.Heal(-1, -1)
		case 4:
			w.Arm(n, &sim.CrashPoint{Effect: sim.Save, Before: r.Chance(0.5), Skip: int(r.N(3))})
		case 5:
			if fl := w.InFlight(); len(fl) > 0 {
				id := fl[r.N(int64(len(fl)))].Msg.ID
				switch r.N(3) {
				case 0:
					w.DropMessage(id)
				case 1:
					w.DelayMessage(id, r.Between(0, 100*sim.Millisecond))
				default:
					w.DuplicateMessage(id, r.Between(0, 100*sim.Millisecond))
				}
			}
		case 6:
			w.Request(n, "get", 0, nil, func(*sim.Effect) {})
		}
	}
	w.Heal(-1, -1)
	w.BootAll()
	w.RunUntil(w.Now() + sim.Second)
	return w, all
}

func TestSameSeedSameHash(t *testing.T) {
	seen := map[sim.Hash]uint64{}
	for seed := uint64(1); seed <= 30; seed++ {
		a, b := sim.NewRecorder(false), sim.NewRecorder(true)
		storm(seed, a)
		storm(seed, b)
		if a.Hash() != b.Hash() {
			t.Fatalf("seed %d: %s, then %s", seed, a.Hash(), b.Hash())
		}
		if other, ok := seen[a.Hash()]; ok {
			t.Fatalf("seeds %d and %d gave one trace", seed, other)
		}
		seen[a.Hash()] = seed
	}
}

// The hash of a world must never change by accident: traces and share links
// made by one release are replayed by the next.
func TestHashIsPinned(t *testing.T) {
	r := sim.NewRecorder(false)
	storm(7, r)
	const want = "3eaf5681891aea2b"
	if got := r.Hash().String(); got[:16] != want {
		t.Errorf("hash of the storm with seed 7 is %s, was %s: if the change of the world's behaviour is meant, change it here and in the release notes", got[:16], want)
	}
}

// A caller hears of each of its calls exactly once, as long as it lives.
func TestEveryCallHasOneOutcome(t *testing.T) {
	for seed := uint64(1); seed <= 100; seed++ {
		w, all := storm(seed)
		// Stop new calls, then let all outcomes arrive.
		for _, e := range all {
			e.stop = true
		}
		w.RunUntil(w.Now() + 10*sim.Second)
		for n := 0; n < 4; n++ {
			if !w.Up(n) {
				continue // an armed crash came late: its calls died with it
			}
			var e *echo // of the last life
			for _, x := range all {
				if x.me == n {
					e = x
				}
			}
			for c := uint64(1); c <= e.calls; c++ {
				if e.outcomes[c] != 1 {
					t.Fatalf("seed %d: server %d: call %d of %d had %d outcomes", seed, n, c, e.calls, e.outcomes[c])
				}
			}
		}
	}
}

type crashes struct{ recs []sim.Record }

func (c *crashes) Watch(r *sim.Record) {
	if r.Node == 0 && r.Kind != sim.RecDrop {
		c.recs = append(c.recs, *r)
	}
}

func TestCrashBetweenTwoEffects(t *testing.T) {
	for _, before := range []bool{true, false} {
		var all []*echo
		c := &crashes{}
		w := sim.New(sim.Config{Servers: 2, Seed: 3, New: newEcho(&all)}, c)
		w.BootAll()
		w.RunUntil(20 * sim.Millisecond)
		had := len(w.Disk(0).State)
		w.Arm(0, &sim.CrashPoint{Effect: sim.Save, Before: before})
		for w.Up(0) && w.Step() {
		}
		n := len(c.recs)
		last := c.recs[n-1]
		if last.Kind != sim.RecCrash || !last.Flag {
			t.Fatalf("before=%v: the last record of server 0 is %+v, expected a crash inside a step", before, last)
		}
		prev := c.recs[n-2].Kind
		if before && (prev == sim.RecSave || len(w.Disk(0).State) != had) {
			t.Errorf("crash before Save: Save happened")
		}
		if !before && prev != sim.RecSave {
			t.Errorf("crash after Save: the effect before the crash is %d, expected Save with Apply cut off", prev)
		}
	}
}

func TestNoTwoClocksAlike(t *testing.T) {
	for seed := uint64(1); seed < 50; seed++ {
		var all []*echo
		w := sim.New(sim.Config{Servers: 9, Seed: seed, New: newEcho(&all)})
		w.BootAll()
		w.RunUntil(20 * sim.Millisecond)
		seen := map[sim.Time]bool{}
		for _, e := range all {
			if seen[e.clock] {
				t.Fatalf("seed %d: two servers share the clock offset %d", seed, e.clock)
			}
			seen[e.clock] = true
		}
	}
}

func TestTraceRoundTrip(t *testing.T) {
	rec := sim.NewRecorder(true)
	var seen list
	storm(11, rec, &seen)
	var b bytes.Buffer
	h := sim.Header{Engine: "test", Seed: 11, Servers: 4}
	if err := rec.WriteTrace(&b, h); err != nil {
		t.Fatal(err)
	}
	tr, err := sim.ReadTrace(bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if tr.Hash != rec.Hash() || !reflect.DeepEqual(tr.Header, h) || len(tr.Records) != len(seen) {
		t.Fatalf("read back %d records of %d, hash %s of %s", len(tr.Records), len(seen), tr.Hash, rec.Hash())
	}
	for i := range seen {
		if a, b := fmt.Sprintf("%+v", seen[i]), fmt.Sprintf("%+v", tr.Records[i]); a != b {
			t.Fatalf("record %d\nwrote %s\nread  %s", i, a, b)
		}
	}
	// Every kind of damage is told, none is believed.
	for i := range b.Bytes() {
		bad := bytes.Clone(b.Bytes())
		bad[i] ^= 0x15
		if _, err := sim.DecodeTrace(bad); err == nil && i > 16+len(`{"engine":"test"`) && i > 80 {
			t.Fatalf("byte %d changed, and nobody noticed", i)
		}
		if i > 2000 {
			break
		}
	}
	for _, n := range []int{0, 5, 8, 30, b.Len() / 2, b.Len() - 1} {
		if _, err := sim.DecodeTrace(b.Bytes()[:n]); err == nil {
			t.Fatalf("a trace cut at byte %d was read", n)
		}
	}
}

type list []sim.Record

func (l *list) Watch(r *sim.Record) {
	c := *r
	if len(c.Data) == 0 {
		c.Data = nil
	}
	if len(c.More) == 0 {
		c.More = nil
	}
	*l = append(*l, c)
}

func FuzzDecodeTrace(f *testing.F) {
	rec := sim.NewRecorder(true)
	storm(2, rec)
	var b bytes.Buffer
	rec.WriteTrace(&b, sim.Header{Seed: 2, Servers: 4})
	f.Add(b.Bytes()[:b.Len()/8])
	f.Add(b.Bytes())
	f.Add([]byte("RAFTLAB\x01\x02{}\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		tr, err := sim.DecodeTrace(b)
		if (tr == nil) == (err == nil) {
			t.Fatal("expected a trace or an error")
		}
	})
}

func BenchmarkWorld(b *testing.B) {
	steps := uint64(0)
	for b.Loop() {
		w, _ := storm(1)
		for i := 0; i < w.Nodes(); i++ {
			steps += w.Stats(i).Steps
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(steps), "ns/step")
}
