// Command figure16 repeats Figure 16 of the extended paper, and the wide-area
// simulation of the dissertation (chapter 9), on the consensus core in virtual
// time: how long a cluster of five is without a leader after its leader crashed,
// for several ranges of the election timeout. It prints the percentiles beside
// the published ones and writes the plot as SVG; the trials are package
// trial's.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/raftlab/raftlab/raft/figure16/trial"
)

const ms = time.Millisecond

// experiment is one line of the figure.
type experiment struct {
	trial.Experiment
	trials int
	// paper are the published min, p10, p50, mean, p90, p95, p99, max in ms; 0
	// where nothing was published.
	paper [8]float64
}

var wan = trial.Network{Request: [2]time.Duration{30 * ms, 40 * ms}, Answer: [2]time.Duration{30 * ms, 40 * ms}}

// figure is Figure 16: above with the minimum at 150 ms, below with ever shorter
// timeouts. The published values were read off the vector figures.
var figure = []experiment{
	{trial.Experiment{Min: 150 * ms, Max: 150 * ms, Network: trial.Broadcast, Down: 1, Behind: 2}, 100, [8]float64{9865, 19969, 41104, 54780, 84933, 121426, 0, 527964}},
	{trial.Experiment{Min: 150 * ms, Max: 151 * ms, Network: trial.Broadcast, Down: 1, Behind: 2}, 1000, [8]float64{86, 434, 1199, 1537, 3132, 4007, 6013, 8231}},
	{trial.Experiment{Min: 150 * ms, Max: 155 * ms, Network: trial.Broadcast, Down: 1, Behind: 2}, 1000, [8]float64{85, 119, 287, 345, 609, 764, 1242, 2143}},
	{trial.Experiment{Min: 150 * ms, Max: 175 * ms, Network: trial.Broadcast, Down: 1, Behind: 2}, 1000, [8]float64{84, 107, 141, 164, 291, 314, 467, 610}},
	{trial.Experiment{Min: 150 * ms, Max: 200 * ms, Network: trial.Broadcast, Down: 1, Behind: 2}, 1000, [8]float64{87, 110, 146, 156, 194, 296, 352, 512}},
	{trial.Experiment{Min: 150 * ms, Max: 300 * ms, Network: trial.Broadcast, Down: 1, Behind: 2}, 1000, [8]float64{93, 125, 171, 181, 244, 265, 415, 603}},
	{trial.Experiment{Min: 100 * ms, Max: 200 * ms, Network: trial.Broadcast, Down: 1, Behind: 2}, 1000, [8]float64{66, 85, 120, 125, 166, 182, 277, 335}},
	{trial.Experiment{Min: 50 * ms, Max: 100 * ms, Network: trial.Broadcast, Down: 1, Behind: 2}, 1000, [8]float64{37, 48, 67, 71, 96, 120, 169, 253}},
	{trial.Experiment{Min: 25 * ms, Max: 50 * ms, Network: trial.Broadcast, Down: 1, Behind: 2}, 1000, [8]float64{24, 31, 43, 48, 74, 83, 119, 276}},
	{trial.Experiment{Min: 12 * ms, Max: 24 * ms, Network: trial.Broadcast, Down: 1, Behind: 2}, 1000, [8]float64{15, 20, 30, 35, 53, 67, 87, 152}},
}

// wide is the dissertation's wide-area network; of each only the mean was
// published, and a bound for 99.9 %.
var wide = []experiment{
	{trial.Experiment{Min: 300 * ms, Max: 600 * ms, Network: wan, Down: 1, Behind: 0}, 10000, [8]float64{3: 475}},
	{trial.Experiment{Min: 300 * ms, Max: 600 * ms, Network: wan, Down: 2, Behind: 0}, 10000, [8]float64{3: 650}},
}

func (e experiment) name() string {
	s := fmt.Sprintf("%d-%d ms", e.Min/ms, e.Max/ms)
	if e.Down > 1 {
		s += fmt.Sprintf(", %d down", e.Down)
	}
	return s
}

// run returns the sorted times of all trials, in ms.
func (e experiment) run(seed uint64) []float64 {
	times := make([]float64, e.trials)
	for i := range times {
		times[i] = float64(e.Run(rand.New(rand.NewPCG(seed, uint64(i))))) / float64(ms)
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
			if e.Network == wan {
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
