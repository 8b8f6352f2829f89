//go:build unix

package batch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/corpus"
)

// variants writes n submissions that all differ: half of them are the correct
// server in other words, half have a bug of the corpus.
func variants(t testing.TB, dir string, n int) {
	t.Helper()
	correct := os.DirFS("../testdata/correct")
	bugs, err := corpus.Load(os.DirFS("../testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		files := fs.FS(correct)
		if i%2 == 1 {
			if files, err = bugs[i/2%len(bugs)].Apply(correct); err != nil {
				t.Fatal(err)
			}
		}
		if files, err = corpus.Variant(files, i); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(dir, fmt.Sprintf("student%03d", i)), files); err != nil {
			t.Fatal(err)
		}
	}
}

// point is where a batch stood.
type point struct {
	Done   int
	CPU    float64 // seconds of processor time of all processes
	Wall   float64 // seconds
	Memory int64   // bytes that this process had at its peak
}

// TestBenchBatch is make bench-batch: the whole suite with default seeds on 200
// variants. RAFTLAB_BENCH_BATCH is a folder that keeps what is done, for the
// machine may be needed between two sittings of RAFTLAB_BENCH_MINUTES.
func TestBenchBatch(t *testing.T) {
	dir := os.Getenv("RAFTLAB_BENCH_BATCH")
	if dir == "" {
		t.Skip("a measurement: make bench-batch")
	}
	minutes := 600.0
	if s := os.Getenv("RAFTLAB_BENCH_MINUTES"); s != "" {
		var err error
		if minutes, err = strconv.ParseFloat(s, 64); err != nil {
			t.Fatal(err)
		}
	}
	const n, cores = 200, 2
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	subs := filepath.Join(dir, "submissions")
	if _, err := os.Stat(subs); err != nil {
		variants(t, subs, n)
	}
	students, err := FindStudents([]string{subs})
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, students, filepath.Join(dir, "results"))
	o.Course = &Course{}
	o.Workers = cores
	o.Pictures = true

	curveFile := filepath.Join(dir, "curve.json")
	var curve []point
	if b, err := os.ReadFile(curveFile); err == nil {
		if err := json.Unmarshal(b, &curve); err != nil {
			t.Fatal(err)
		}
	}
	var before point // of all sittings before
	if len(curve) > 0 {
		before = curve[len(curve)-1]
	}
	ctx, cancel := contextFor(t, minutes)
	defer cancel()
	var cpu float64
	begin := time.Time{}
	o.Progress = func(p Progress) {
		if p.Stage != "grade" {
			return
		}
		if begin.IsZero() {
			begin, cpu = time.Now(), processorTime()
		}
		if p.Done > 0 {
			curve = append(curve, point{p.Reused + p.Done, before.CPU + processorTime() - cpu, before.Wall + time.Since(begin).Seconds(), peakMemory()})
		}
	}
	_, err = Run(ctx, o)
	b, _ := json.Marshal(curve)
	if e := writeWhole(curveFile, b); e != nil {
		t.Fatal(e)
	}
	done := 0
	if len(curve) > 0 {
		done = curve[len(curve)-1].Done
	}
	fmt.Printf("%d of %d graded, %s per submission: whole suite, default seeds, %d side by side, traces kept\n\n", done, n, "processor seconds", o.Workers)
	fmt.Printf("%6s %10s %10s %12s %10s\n", "done", "cpu s", "cpu s each", "a core-minute", "wall s")
	at := func(k int) (point, bool) {
		i, found := slices.BinarySearchFunc(curve, k, func(p point, k int) int { return cmp.Compare(p.Done, k) })
		if !found {
			return point{}, false
		}
		return curve[i], true
	}
	for _, k := range []int{1, 2, 5, 10, 20, 50, 100, 150, 200} {
		if p, ok := at(k); ok {
			fmt.Printf("%6d %10.1f %10.2f %12.2f %10.0f\n", k, p.CPU, p.CPU/float64(k), 60*float64(k)/p.CPU, p.Wall)
		}
	}
	reportCosts(t, o.Store)
	if err != nil {
		fmt.Printf("\nnot done (%v): run it again to go on\n", err)
		return
	}
	all, _ := at(n)
	half, _ := at(n / 2)
	if rate := cores * 60 * n / all.CPU; rate < 12 {
		t.Errorf("%.1f submissions a minute on %d cores; at least 12 are expected", rate, cores)
	} else {
		fmt.Printf("\n%.1f submissions a minute on %d cores\n", rate, cores)
	}
	if second := all.CPU - half.CPU; second > 1.3*half.CPU || half.CPU > 1.3*second {
		t.Errorf("the first half took %.0f s of processor time, the second %.0f s: expected a straight line", half.CPU, second)
	}
	fmt.Printf("this process: %d MiB at its peak\n", peakMemory()>>20)
}

// reportCosts prints what the gradings cost, from the results folder.
func reportCosts(t *testing.T, s *Store) {
	var cpu []float64
	var memory []int64
	verdicts := make(map[Verdict]int)
	for key := range records(t, s.dir) {
		key = key[:len(key)-len(".json")]
		r := s.Record(key)
		if r == nil {
			t.Fatalf("%s is no record", key)
		}
		verdicts[r.Verdict]++
		b, err := os.ReadFile(s.path("costs", key, ".json"))
		if err != nil {
			t.Fatal(err)
		}
		var c Cost
		if err := json.Unmarshal(b, &c); err != nil {
			t.Fatal(err)
		}
		cpu, memory = append(cpu, c.CPU), append(memory, c.Memory)
	}
	if len(cpu) == 0 {
		return
	}
	slices.Sort(cpu)
	slices.Sort(memory)
	fmt.Printf("\nof a grading    least  median  most\nprocessor time  %.1f s  %.1f s  %.1f s\nlargest process %d MiB  %d MiB  %d MiB (limit %d MiB)\nverdicts %v\n",
		cpu[0], cpu[len(cpu)/2], cpu[len(cpu)-1], memory[0]>>20, memory[len(memory)/2]>>20, memory[len(memory)-1]>>20, DefaultLimits().Memory>>20, verdicts)
}

var errSitting = errors.New("the sitting is over")

func contextFor(t *testing.T, minutes float64) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(t.Context(), time.Duration(minutes*float64(time.Minute)), errSitting)
}

// processorTime is that of this process and of all that it has waited for, in seconds.
func processorTime() float64 {
	sum := 0.0
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			sum += float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
		}
	}
	return sum
}

// peakMemory is the most that this process had, in bytes.
func peakMemory() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(u.Maxrss)
	}
	return int64(u.Maxrss) << 10
}
