//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/batch/queue/natstest"
	"github.com/raftlab/raftlab/grader/corpus"
)

// classroom is a folder of submissions with a course file, and what a batch on
// this machine alone comes to.
type classroom struct {
	subs, course string
	records      map[string]string // by file name
	csv          string
	took         time.Duration
}

// newClassroom writes n submissions that all differ, correct ones and planted
// bugs, one that is empty and one that does not build, and grades them here.
func newClassroom(t *testing.T, n int) *classroom {
	t.Helper()
	dir := t.TempDir()
	c := &classroom{subs: filepath.Join(dir, "subs"), course: filepath.Join(dir, "grade.toml")}
	correct := os.DirFS("../../grader/testdata/correct")
	bugs, err := corpus.Load(os.DirFS("../../grader/testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		files := fs.FS(correct)
		if i%2 == 1 {
			if files, err = bugs[i%len(bugs)].Apply(correct); err != nil {
				t.Fatal(err)
			}
		}
		if files, err = corpus.Variant(files, i); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(c.subs, fmt.Sprintf("student%02d", i)), files); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"subs/nothing/readme.txt": "", "subs/torn/raft/raft.go": "package raft\nfunc Make(", "grade.toml": "parts = [\"election\"]\n[seeds]\ncount = 1\n"} {
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "alone")
	began := time.Now()
	if b, err := exec.CommandContext(t.Context(), "grade", "batch", c.subs, "--course", c.course, "--out", out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	c.took = time.Since(began)
	c.records, c.csv = read(t, out)
	if len(c.records) != n+2 {
		t.Fatalf("%d records, expected %d", len(c.records), n+2)
	}
	return c
}

// read returns what a results folder says.
func read(t *testing.T, out string) (records map[string]string, csv string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(out, "records", "[0-9a-f]*.json"))
	if err != nil {
		t.Fatal(err)
	}
	records = make(map[string]string)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		records[filepath.Base(f)] = string(b)
	}
	b, err := os.ReadFile(filepath.Join(out, "grades.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return records, string(b)
}

// check compares a results folder, byte by byte, with what was graded here.
func (c *classroom) check(t *testing.T, out string) {
	t.Helper()
	records, csv := read(t, out)
	for name, want := range c.records {
		if records[name] != want {
			t.Errorf("record %s:\n%s\nexpected\n%s", name, records[name], want)
		}
	}
	if len(records) != len(c.records) {
		t.Errorf("%d records, expected %d", len(records), len(c.records))
	}
	if csv != c.csv {
		t.Errorf("grades.csv:\n%s\nexpected\n%s", csv, c.csv)
	}
}

// process is a command that can be killed.
type process struct {
	cmd    *exec.Cmd
	mu     sync.Mutex
	out    bytes.Buffer
	ended  chan struct{}
	status error
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// begin starts the command; it ends with the test.
func begin(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{ended: make(chan struct{})}
	p.cmd = exec.Command("grade", args...)
	p.cmd.Stdout, p.cmd.Stderr = p, p
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.status = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill is kill -9.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
}

// A batch comes to the same results whoever grades it and whatever happens
// meanwhile.
func TestBatchWithAndWithoutQueue(t *testing.T) {
	n := 4
	if chaosKills(t) > 5 {
		n = 8
	}
	c := newClassroom(t, n)
	t.Run("TwoWorkersShareIt", func(t *testing.T) { twoWorkersShareABatch(t, c) })
	t.Run("WhoeverIsKilled", func(t *testing.T) { whoeverIsKilled(t, c) })
	t.Run("ABatchThatIsKilledGoesOn", func(t *testing.T) { killedBatchGoesOn(t, c) })
}

// Two workers share a batch over a NATS server that is a process of its own;
// every submission has one result, and it is the one of a batch without a queue.
// With nothing left to do the workers end as they were told to; one that is
// stopped by a signal says so.
func twoWorkersShareABatch(t *testing.T, c *classroom) {
	server := natstest.Start(t)
	worker := []string{"worker", "--queue", server.URL(), "--workers", "1", "--idle", "3s"}
	a, b := begin(t, worker...), begin(t, worker...)
	out := filepath.Join(t.TempDir(), "shared")
	grading := begin(t, "batch", c.subs, "--course", c.course, "--out", out, "--queue", server.URL())
	<-grading.ended
	if grading.status != nil {
		t.Fatalf("%v\n%s", grading.status, grading.said())
	}
	c.check(t, out)
	<-a.ended
	<-b.ended
	total := 0
	for _, w := range []*process{a, b} {
		n := strings.Count(w.said(), ": begun\n")
		if total += n; n == 0 || w.status != nil || !strings.Contains(w.said(), "no work for 3s") {
			t.Errorf("%v\n%s", w.status, w.said())
		}
	}
	if total != len(c.records) {
		t.Errorf("the workers began %d gradings of %d:\n%s\n%s", total, len(c.records), a.said(), b.said())
	}

	// What is in the queue is not graded again, for whoever asks.
	again := filepath.Join(t.TempDir(), "again")
	grading = begin(t, "batch", c.subs, "--course", c.course, "--out", again, "--queue", server.URL())
	<-grading.ended
	if grading.status != nil {
		t.Fatalf("%v\n%s", grading.status, grading.said())
	}
	c.check(t, again)

	stopped := begin(t, worker...)
	for !strings.Contains(stopped.said(), "connected to ") {
		select {
		case <-stopped.ended:
			t.Fatal(stopped.said())
		case <-time.After(10 * time.Millisecond):
		}
	}
	stopped.cmd.Process.Signal(syscall.SIGTERM)
	<-stopped.ended
	if stopped.cmd.ProcessState.ExitCode() != exitInterrupted || !strings.Contains(stopped.said(), "stopped; what was begun goes to another worker") {
		t.Errorf("%v\n%s", stopped.status, stopped.said())
	}
}

// chaosKills is the number of kills: a few in every test, 20 in make chaos-batch.
func chaosKills(t *testing.T) int {
	s := os.Getenv("RAFTLAB_CHAOS")
	if s == "" {
		return 3
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// chaosSeed is a new one each time, or RAFTLAB_CHAOS_SEED; it decides who is
// killed after how long. What that meets depends on the machine.
func chaosSeed(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	if s := os.Getenv("RAFTLAB_CHAOS_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Printf("%s: RAFTLAB_CHAOS_SEED=%d\n", t.Name(), seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// moment is when the next of so many kills comes: they fall all over the time
// that the batch takes undisturbed, and a quarter more.
func (c *classroom) moment(r *rand.Rand, kills int) <-chan time.Time {
	return time.After(100*time.Millisecond + time.Duration(r.Int64N(int64(c.took)*5/2/int64(kills))))
}

// Whoever is killed with kill -9 and whenever, in the end every submission has
// one result, and these are those of a batch that nobody disturbed: byte by
// byte, for a record holds no times. The batch, the workers and the server are
// started again as an operator would, on the files that they left.
func whoeverIsKilled(t *testing.T, c *classroom) {
	kills := chaosKills(t)
	r := chaosSeed(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	killed := make(map[string]int)
	rounds, disturbed := 0, 0
	var deck []string // so that nobody is spared for long
	for kills > 0 {
		rounds++
		server := natstest.Start(t)
		out := filepath.Join(t.TempDir(), "out")
		batchArgs := []string{"batch", c.subs, "--course", c.course, "--out", out, "--queue", server.URL(), "--patience", "5m"}
		workerArgs := []string{"worker", "--queue", server.URL(), "--workers", "1", "--ack-wait", "5s", "--patience", "5m"}
		workers := []*process{begin(t, workerArgs...), begin(t, workerArgs...)}
		grading := begin(t, batchArgs...)
		for done := false; !done; {
			var moment <-chan time.Time
			if kills > 0 {
				moment = c.moment(r, chaosKills(t))
			}
			select {
			case <-ctx.Done():
				t.Fatalf("no end:\n%s\n%s\n%s", grading.said(), workers[0].said(), workers[1].said())
			case <-grading.ended:
				if grading.status != nil {
					t.Fatalf("the batch: %v\n%s", grading.status, grading.said())
				}
				done = true
			case <-moment:
				kills--
				if len(deck) == 0 {
					deck = []string{"batch", "nats-server", "worker"}
					r.Shuffle(len(deck), func(i, k int) { deck[i], deck[k] = deck[k], deck[i] })
				}
				killed[deck[0]]++
				switch deck[0] {
				case "batch":
					grading.kill()
					grading = begin(t, batchArgs...)
				case "nats-server":
					server.Kill()
					select {
					case <-ctx.Done():
					case <-time.After(time.Duration(r.IntN(1500)) * time.Millisecond):
					}
					if err := server.Start(); err != nil {
						t.Fatal(err)
					}
				case "worker":
					i := r.IntN(len(workers))
					workers[i].kill()
					workers[i] = begin(t, workerArgs...)
				}
				deck = deck[1:]
				disturbed++
			}
		}
		c.check(t, out)
		for _, w := range workers {
			select {
			case <-w.ended:
				t.Errorf("a worker ended by itself: %v\n%s", w.status, w.said())
			default:
			}
			w.kill()
		}
		server.Kill()
	}
	fmt.Printf("%d times kill -9 (%v) in %d batches of %d submissions: every submission has one result, all equal to those of an undisturbed batch\n", disturbed, killed, rounds, len(c.records))
}

// The same without a queue: a batch that is killed goes on where it was.
func killedBatchGoesOn(t *testing.T, c *classroom) {
	kills := chaosKills(t)
	r := chaosSeed(t)
	disturbed, rounds := 0, 0
	for disturbed < kills {
		rounds++
		out := filepath.Join(t.TempDir(), "out")
		for {
			p := begin(t, "batch", c.subs, "--course", c.course, "--out", out)
			var moment <-chan time.Time
			if disturbed < kills {
				moment = c.moment(r, chaosKills(t))
			}
			select {
			case <-p.ended:
			case <-moment:
				disturbed++
				p.kill()
				continue
			}
			if p.status != nil {
				t.Fatalf("%v\n%s", p.status, p.said())
			}
			break
		}
		c.check(t, out)
	}
	fmt.Printf("%d times kill -9 in %d batches without a queue: the same\n", disturbed, rounds)
}
