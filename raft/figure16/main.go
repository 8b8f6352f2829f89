// Command figure16 repeats Figure 16 of the extended paper, and the wide-area
// simulation of the dissertation (chapter 9), on the consensus core in virtual
// time: how long a cluster of five is without a leader after its leader crashed,
// for several ranges of the election timeout. It prints the percentiles beside
// the published ones and writes the plot as SVG; it knows package raft alone.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/raftlab/raftlab/raft"
)

const ms = time.Millisecond

// experiment is one line of the figure.
type experiment struct {
	min, max time.Duration // election timeout
	trials   int
	network  network
	// down servers fail, the leader among them; behind others have a log too
	// short to be elected.
	down, behind int
	// paper are the published min, p10, p50, mean, p90, p95, p99, max in ms; 0
	// where nothing was published.
	paper [8]float64
}

// network is how long requests and answers take: from [0] to [1], uniformly.
type network struct{ request, answer [2]time.Duration }

// The paper's broadcast time is about 15 ms, and most of it is the way of a vote
// to the voter's disk, so of the answer. How it divides was not published.
var broadcast = network{request: [2]time.Duration{1 * ms, 3 * ms}, answer: [2]time.Duration{5 * ms, 12 * ms}}

var wan = network{request: [2]time.Duration{30 * ms, 40 * ms}, answer: [2]time.Duration{30 * ms, 40 * ms}}

// figure is Figure 16: above with the minimum at 150 ms, below with ever shorter
// timeouts. The published values were read off the vector figures.
var figure = []experiment{
	{150 * ms, 150 * ms, 100, broadcast, 1, 2, [8]float64{9865, 19969, 41104, 54780, 84933, 121426, 0, 527964}},
	{150 * ms, 151 * ms, 1000, broadcast, 1, 2, [8]float64{86, 434, 1199, 1537, 3132, 4007, 6013, 8231}},
	{150 * ms, 155 * ms, 1000, broadcast, 1, 2, [8]float64{85, 119, 287, 345, 609, 764, 1242, 2143}},
	{150 * ms, 175 * ms, 1000, broadcast, 1, 2, [8]float64{84, 107, 141, 164, 291, 314, 467, 610}},
	{150 * ms, 200 * ms, 1000, broadcast, 1, 2, [8]float64{87, 110, 146, 156, 194, 296, 352, 512}},
	{150 * ms, 300 * ms, 1000, broadcast, 1, 2, [8]float64{93, 125, 171, 181, 244, 265, 415, 603}},
	{100 * ms, 200 * ms, 1000, broadcast, 1, 2, [8]float64{66, 85, 120, 125, 166, 182, 277, 335}},
	{50 * ms, 100 * ms, 1000, broadcast, 1, 2, [8]float64{37, 48, 67, 71, 96, 120, 169, 253}},
	{25 * ms, 50 * ms, 1000, broadcast, 1, 2, [8]float64{24, 31, 43, 48, 74, 83, 119, 276}},
	{12 * ms, 24 * ms, 1000, broadcast, 1, 2, [8]float64{15, 20, 30, 35, 53, 67, 87, 152}},
}

// wide is the dissertation's wide-area network; of each only the mean was
// published, and a bound for 99.9 %.
var wide = []experiment{
	{300 * ms, 600 * ms, 10000, wan, 1, 0, [8]float64{3: 475}},
	{300 * ms, 600 * ms, 10000, wan, 2, 0, [8]float64{3: 650}},
}

const (
	servers = 5
	// timerLate bounds how late a timer fires: a machine's scheduling. Without
	// it, servers whose timeouts are equal would split the vote for ever.
	timerLate = ms / 2
)

func (e experiment) name() string {
	s := fmt.Sprintf("%d-%d ms", e.min/ms, e.max/ms)
	if e.down > 1 {
		s += fmt.Sprintf(", %d down", e.down)
	}
	return s
}

// flight is a message under way.
type flight struct {
	at time.Duration
	m  raft.Message
}

// trial crashes the leader, and returns how long there is none.
func (e experiment) trial(r *rand.Rand) time.Duration {
	uniform := func(lo, hi time.Duration) time.Duration { return lo + time.Duration(r.Int64N(int64(hi-lo)+1)) }
	heartbeat := e.min / 2
	var members raft.Membership
	for i := range servers {
		members.Voters = append(members.Voters, raft.ID(i+1))
	}
	// The leader was server 1, in term 1. All hear its last heartbeat, and it
	// crashes before it sends the next.
	var nodes [servers]*raft.Server
	var deadline, wake [servers]time.Duration
	var flying []flight
	for i := e.down; i < servers; i++ {
		disk := raft.Disk{State: raft.State{Term: 1, Vote: 1}, Entries: []raft.Entry{{Index: 1, Term: 1}}}
		if i < servers-e.behind {
			disk.Entries = append(disk.Entries, raft.Entry{Index: 2, Term: 1})
		}
		cfg := raft.Config{ID: raft.ID(i + 1), Members: members, Seed: r.Uint64(), HeartbeatInterval: heartbeat,
			ElectionTimeoutMin: e.min, ElectionTimeoutMax: e.max,
			Off: raft.Features{PreVote: true, CheckQuorum: true, Stickiness: true, NoOp: true}}
		cfg.Unsafe.RandomTimeouts = e.min == e.max
		var err error
		if nodes[i], err = raft.New(cfg, disk, 0); err != nil {
			panic(err)
		}
		flying = append(flying, flight{uniform(e.network.request[0], e.network.request[1]),
			raft.Message{Kind: raft.AppendEntries, From: 1, To: cfg.ID, Term: 1}})
	}
	crash := uniform(0, heartbeat)
	for {
		// What is next: a message or a timer?
		next, node := 0, -1
		for i := range flying {
			if flying[i].at < flying[next].at {
				next = i
			}
		}
		now := raft.Never
		if len(flying) > 0 {
			now = flying[next].at
		}
		for i, n := range nodes {
			if n == nil {
				continue
			}
			if d := n.Deadline(); d != deadline[i] {
				deadline[i], wake[i] = d, d+uniform(0, timerLate)
			}
			if wake[i] < now {
				now, node = wake[i], i
			}
		}
		if node >= 0 {
			nodes[node].Tick(now)
		} else {
			m := flying[next].m
			flying[next] = flying[len(flying)-1]
			flying = flying[:len(flying)-1]
			node = int(m.To) - 1
			if nodes[node] == nil {
				continue // it is down
			}
			if err := nodes[node].Step(now, &m); err != nil {
				panic(err)
			}
		}
		if nodes[node].Status().Role == raft.Leader {
			return now - crash
		}
		for _, m := range nodes[node].Effects().Messages {
			if m.To != 1 {
				takes := e.network.request
				if m.Kind.IsReply() {
					takes = e.network.answer
				}
				flying = append(flying, flight{now + uniform(takes[0], takes[1]), m})
			}
		}
	}
}

// run returns the sorted times of all trials, in ms.
func (e experiment) run(seed uint64) []float64 {
	times := make([]float64, e.trials)
	for i := range times {
		times[i] = float64(e.trial(rand.New(rand.NewPCG(seed, uint64(i))))) / float64(ms)
	}
	slices.Sort(times)
	return times
}

// summary returns min, p10, p50, mean, p90, p95, p99, max of sorted times.
func summary(times []float64) (s [8]float64) {
	at := func(p float64) float64 { return times[min(len(times)-1, int(p*float64(len(times))))] }
	sum := 0.0
	for _, t := range times {
		sum += t
	}
	return [8]float64{times[0], at(.1), at(.5), sum / float64(len(times)), at(.9), at(.95), at(.99), times[len(times)-1]}
}

func main() {
	seed := flag.Uint64("seed", 1, "seed of all trials")
	out := flag.String("o", "figure16.svg", "write the plot to this file; empty: none")
	flag.Parse()
	print := func(name string, values [8]float64) {
		fmt.Printf("%-20s", name)
		for _, v := range values {
			if v == 0 {
				fmt.Printf(" %7s", "-")
			} else {
				fmt.Printf(" %7.0f", v)
			}
		}
		fmt.Println()
	}
	var curves []curve
	lines := func(title string, experiments []experiment) {
		fmt.Printf("%s: ms without a leader\n%-20s %7s %7s %7s %7s %7s %7s %7s %7s\n", title,
			"election timeout", "min", "p10", "p50", "mean", "p90", "p95", "p99", "max")
		for _, e := range experiments {
			times := e.run(*seed)
			print(e.name(), summary(times))
			print("    published", e.paper)
			if e.network == wan {
				fmt.Printf("    99.9 %% within %.0f ms\n", times[len(times)*999/1000])
			} else {
				curves = append(curves, curve{e.name(), times})
			}
		}
		fmt.Println()
	}
	lines("Figure 16", figure)
	lines("Wide area, 30-40 ms one way (published: mean, and 99.9 % within 1.5 s with one down, 3 s with two)", wide)
	fmt.Println(why)
	if *out != "" {
		if err := os.WriteFile(*out, plot(curves), 0o666); err != nil {
			fmt.Fprintln(os.Stderr, "figure16:", err)
			os.Exit(1)
		}
		fmt.Println("The plot is in", *out)
	}
}
