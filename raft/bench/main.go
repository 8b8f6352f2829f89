// Command bench runs the consensus core, go.etcd.io/raft/v3 and
// github.com/hashicorp/raft side by side: entries proposed and applied on all
// nodes, in memory, per second of CPU; and the virtual seconds that a simulation
// of five servers gets through per second of CPU. It is a module of its own so
// that the peers are no dependency of the project.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"
)

// A cluster commits what it is given.
type cluster interface {
	// commit proposes count commands at once, and returns when all nodes have
	// applied them.
	commit(count int, command []byte)
	close()
}

// row is one workload.
type row struct {
	nodes, size, inflight int
	encode                bool
}

// result is what one core does with a row, per entry.
type result struct {
	cpu           time.Duration
	allocs, bytes float64
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// measure runs c for about the given CPU time, after a tenth of it to warm up.
func measure(c cluster, r row, budget time.Duration) result {
	defer c.close()
	command := make([]byte, r.size)
	run := func(budget time.Duration) (entries int, used time.Duration) {
		start := cpuTime()
		for used < budget {
			for range max(1, 256/r.inflight) {
				c.commit(r.inflight, command)
				entries += r.inflight
			}
			used = cpuTime() - start
		}
		return entries, used
	}
	run(budget / 10)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	entries, used := run(budget)
	runtime.ReadMemStats(&after)
	n := float64(entries)
	return result{used / time.Duration(entries), float64(after.Mallocs-before.Mallocs) / n,
		float64(after.TotalAlloc-before.TotalAlloc) / n}
}

func main() {
	budget := flag.Duration("time", 300*time.Millisecond, "CPU time of each measurement")
	peers := flag.Bool("hashicorp", true, "run hashicorp/raft as well")
	only := flag.String("only", "", "entries or simulation: run just these")
	profile := flag.String("profile", "", "write a CPU profile of the core on 3 nodes, 16 B, 64 in flight to this file, and stop")
	flag.Parse()
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			panic(err)
		}
		r := row{3, 16, 64, false}
		pprof.StartCPUProfile(f)
		fmt.Println(measure(newCore(r), r, 10**budget))
		pprof.StopCPUProfile()
		return
	}
	short := 0
	if *only != "simulation" {
		short = entries(*budget, *peers)
	}
	if *only != "entries" {
		short += simulations(*budget)
	}
	if short > 0 {
		fmt.Printf("%d rows fall short of their target\n", short)
		os.Exit(1)
	}
}

// entries prints the table of entries; it returns how many rows miss a target:
// twice etcd/raft's entries per CPU second, and at most 2 allocations an entry.
func entries(budget time.Duration, hashicorp bool) (short int) {
	fmt.Println("proposed to applied on all nodes, per entry; etcd: the better of one Propose each and one MsgProp for all")
	fmt.Printf("%-30s | %9s %7s %7s | %9s %7s %7s | %6s | %9s %7s\n", "nodes, bytes, in flight",
		"raft ns", "allocs", "B", "etcd ns", "allocs", "B", "ratio", "hashi ns", "allocs")
	for _, encode := range []bool{false, true} {
		for _, nodes := range []int{3, 5} {
			for _, size := range []int{16, 1024} {
				for _, inflight := range []int{1, 64, 1024} {
					r := row{nodes, size, inflight, encode}
					name := fmt.Sprintf("%d nodes, %4d B, %4d in flight", nodes, size, inflight)
					if encode {
						name += ", enc"
					}
					own := measure(newCore(r), r, budget)
					etcd := measure(newEtcd(r, false), r, budget)
					if inflight > 1 {
						if batch := measure(newEtcd(r, true), r, budget); batch.cpu < etcd.cpu {
							etcd = batch
						}
					}
					ratio := float64(etcd.cpu) / float64(own.cpu)
					mark := ""
					if ratio < 2 || own.allocs > 2 {
						mark, short = " short", short+1
					}
					fmt.Printf("%-35s | %6d %7.2f %7.0f | %7d %7.2f %7.0f | %5.1fx |", name,
						own.cpu, own.allocs, own.bytes, etcd.cpu, etcd.allocs, etcd.bytes, ratio)
					if hashicorp && !encode { // its in-memory transport encodes nothing
						h := measure(newHashicorp(r), r, budget)
						fmt.Printf(" %8d %7.1f", h.cpu, h.allocs)
					}
					fmt.Println(mark)
				}
			}
		}
	}
	return short
}
