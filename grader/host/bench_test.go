//go:build unix

package host

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// cpu is the processor time that this process has used: real time says little
// on a machine with other work.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchWorld runs a cluster of the lab's usual style for virtual seconds.
func benchWorld(b *testing.B, servers int, every sim.Time, preempt int) {
	m := compileGuest(b, "raft", Options{})
	b.ResetTimer()
	before := cpu(b)
	var steps, calls, seconds uint64
	for i := 0; i < b.N; i++ {
		w := sim.New(sim.Config{Servers: servers, New: m.Factory(context.Background()), Seed: uint64(i), Preempt: preempt, SnapshotEvery: 50})
		w.BootAll()
		lead := 0
		for t := sim.Second; t < 20*sim.Second; t += max(every, 100*sim.Millisecond) {
			w.RunUntil(t)
			if every == 0 {
				continue
			}
			for k := range servers {
				if w.Status(k).Role == sim.Leader {
					lead = k
				}
			}
			for k := sim.Time(0); k < 100*sim.Millisecond; k += every {
				w.RunUntil(t + k)
				w.Request(lead, "start", 0, wire.AppendCommand(nil, int(t+k)), nil)
			}
		}
		for k := range servers {
			st := w.Stats(k)
			steps += st.Steps
			calls += st.Calls
		}
		seconds += 20
		w.Close()
	}
	s := (cpu(b) - before).Seconds()
	b.ReportMetric(s*1e6/float64(steps), "us/step")
	b.ReportMetric(float64(calls)/s, "calls/s")
	b.ReportMetric(float64(seconds)/s, "virtual-s/s")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkIdle3(b *testing.B)       { benchWorld(b, 3, 0, 0) }
func BenchmarkIdle3Sleepy(b *testing.B) { benchWorld(b, 3, 0, 2) }
func BenchmarkBusy3(b *testing.B)       { benchWorld(b, 3, 20*sim.Millisecond, 0) }
func BenchmarkBusy5Sleepy(b *testing.B) { benchWorld(b, 5, 20*sim.Millisecond, 2) }

func BenchmarkBoot(b *testing.B) {
	m := compileGuest(b, "raft", Options{})
	f := m.Factory(context.Background())
	b.ResetTimer()
	before := cpu(b)
	defer func() { b.ReportMetric(float64(cpu(b)-before)/1e3/float64(b.N), "cpu-us/op") }()
	for i := 0; i < b.N; i++ {
		s := f(0, 1, 1)
		s.Step(0, &sim.Event{Kind: sim.Boot, Boot: &sim.BootInfo{Servers: 3}}, nil)
		s.Close()
	}
}

func BenchmarkEmptyStep(b *testing.B) {
	m := compileGuest(b, "raft", Options{})
	s := m.Factory(context.Background())(0, 1, 1)
	defer s.Close()
	s.Step(0, &sim.Event{Kind: sim.Boot, Boot: &sim.BootInfo{Servers: 3}}, nil)
	b.ResetTimer()
	before := cpu(b)
	defer func() { b.ReportMetric(float64(cpu(b)-before)/1e3/float64(b.N), "cpu-us/op") }()
	var fx []sim.Effect
	for i := 0; i < b.N; i++ {
		fx, _ = s.Step(1, &sim.Event{Kind: sim.Tick}, fx[:0])
	}
}
