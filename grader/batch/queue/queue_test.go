package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/raftlab/raftlab/grader/batch"
	"github.com/raftlab/raftlab/grader/batch/queue/natstest"
)

// TestMain makes the test's own program the one that grades.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve-one-grading" {
		if err := batch.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(4)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// self is the command that grades.
func self() []string {
	name, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return []string{name, "serve-one-grading"}
}

// goRelease is found once: each look costs a start of go.
var goRelease = sync.OnceValues(func() (string, error) { return batch.Prepare(context.Background(), self(), "", true) })

// job is one that a grading without points answers: the submission is empty.
func job(t *testing.T, grader string) *batch.Job {
	t.Helper()
	release, err := goRelease()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	os.WriteFile(filepath.Join(dir, "note.txt"), nil, 0o666)
	files, err := batch.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	spec := batch.Spec{Grader: grader, Go: release, Lab: "raft", Seed: 1, Limits: batch.DefaultLimits()}
	return &batch.Job{Key: spec.Key(files.Hash()), Submission: files.Hash(), Spec: spec, Zip: files.Zip()}
}

func worker(t *testing.T, o Options) *Worker {
	t.Helper()
	release, err := goRelease()
	if err != nil {
		t.Fatal(err)
	}
	return &Worker{Options: o, Command: self(), GoRelease: release, Slots: 1}
}

// send has one job done and returns its record.
func send(ctx context.Context, o Options, j *batch.Job) (rec *batch.Record, err error) {
	s := &Sender{o}
	err = s.Grade(ctx, []string{j.Key}, func(string) (*batch.Job, error) { return j, nil }, func(key string, r *batch.Reply) error {
		var err error
		if rec != nil {
			return errors.New("two results")
		}
		rec, err = r.Check(key)
		return err
	})
	return rec, err
}

// start runs a worker until the test ends, and returns a channel with its error.
func start(t *testing.T, w *Worker) chan error {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := w.Work(ctx)
		if ctx.Err() == nil {
			t.Logf("a worker ended: %v", err)
		}
		ended <- err
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return ended
}

func open(t *testing.T, o Options) *link {
	t.Helper()
	q, err := connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.nc.Close)
	return q
}

// The server, the worker and the batch may come in any order, and the server may
// come back with nothing of what it had.
func TestServerComesLateAndForgets(t *testing.T) {
	s := natstest.New(t, "-js")
	lost := make(chan Event, 100)
	o := Options{URL: s.URL(), Patience: time.Minute, Tell: func(e Event) {
		if e.Kind == Lost {
			lost <- e
		}
	}}
	start(t, worker(t, o))
	<-lost // it says that nobody answers
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	j := job(t, batch.Version())
	rec, err := send(t.Context(), o, j)
	if err != nil || rec.Verdict != batch.Nothing {
		t.Fatalf("%v %v", rec, err)
	}
	s.Kill()
	s.Dir = t.TempDir()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	again, err := send(t.Context(), o, j)
	if err != nil || !bytes.Equal(again.JSON(), rec.JSON()) {
		t.Fatalf("%v %v", again, err)
	}
}

// A grading is sent once and its result is stored once, however often it is
// asked for; a result that is there is not made again.
func TestIdempotentByKey(t *testing.T) {
	o := Options{URL: natstest.Start(t).URL(), Patience: time.Minute}
	q := open(t, o)
	j := job(t, batch.Version())
	order, _ := orderFor(j)
	for range 3 {
		if err := q.send(t.Context(), order); err != nil {
			t.Fatal(err)
		}
	}
	if all, err := q.waiting(t.Context(), workSubjects+".*.*"); err != nil || len(all) != 1 {
		t.Fatalf("%v %v", all, err)
	}
	rec := []byte(nil)
	for range 2 {
		// No worker: only a result that is there can be the answer.
		r := j.GiveUp("a reason", "")
		var parsed batch.Record
		if err := json.Unmarshal(r.Record, &parsed); err != nil {
			t.Fatal(err)
		}
		parsed.Verdict = batch.Nothing
		r.Record = parsed.JSON()
		b, _ := json.Marshal(r)
		if err := q.put(t.Context(), q.results, j.Key, b, true); err != nil {
			t.Fatal(err)
		}
		got, err := send(t.Context(), o, j)
		if err != nil || got.Reason != "a reason" || rec != nil && !bytes.Equal(rec, got.JSON()) {
			t.Fatalf("%v %v", got, err)
		}
		rec = got.JSON()
	}
}

// A worker of another grader takes nothing, says so and ends.
func TestOtherGraderIsRefused(t *testing.T) {
	o := Options{URL: natstest.Start(t).URL(), Patience: time.Minute}
	q := open(t, o)
	order, _ := orderFor(job(t, "v0.0.0-other"))
	if err := q.send(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	err := <-start(t, worker(t, o))
	var e *Error
	if !errors.As(err, &e) || e.Kind != OtherGrader || !strings.Contains(err.Error(), "is for grader v0.0.0-other, go1.") || !strings.Contains(err.Error(), "this worker is grader "+batch.Version()) {
		t.Errorf("worker: %v", err)
	}
}

// A batch says that there are workers, but none of its grader, and gives up.
func TestOnlyOthersWork(t *testing.T) {
	o := Options{URL: natstest.Start(t).URL(), Patience: time.Minute}
	start(t, worker(t, o))
	// One that has graded something stays, whatever else there is.
	if rec, err := send(t.Context(), o, job(t, batch.Version())); err != nil || rec.Verdict != batch.Nothing {
		t.Fatalf("%v %v", rec, err)
	}
	var seen Event
	o.Patience, o.Tell = 6*time.Second, func(e Event) {
		if e.Kind == Crew && e.Others > 0 {
			seen = e
		}
	}
	_, err := send(t.Context(), o, job(t, "v0.0.0-other"))
	if seen.Others != 1 || seen.Workers != 1 || !strings.Contains(seen.Other, batch.Version()) {
		t.Errorf("%+v", seen)
	}
	var e *Error
	if !errors.As(err, &e) || e.Kind != OnlyOthers || !strings.Contains(err.Error(), batch.Version()) {
		t.Errorf("batch: %v", err)
	}
}

// A submission that costs one worker after the other is given up, with a result
// that says so and is no zero; when the batch is run again it is tried again.
func TestPoisonIsNamed(t *testing.T) {
	o := Options{URL: natstest.Start(t).URL(), Patience: time.Minute}
	q := open(t, o)
	j := job(t, batch.Version())
	order, inputs := orderFor(j)
	for name, data := range inputs {
		if err := q.put(t.Context(), q.inputs, name, data, true); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.send(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	w := worker(t, o)
	w.AckWait = time.Second
	k := &working{link: q, w: w, grader: graderID(batch.Version(), w.GoRelease)}
	cons, err := k.subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for try := 1; try <= MaxTries; try++ { // workers that take it and are heard of no more
		m, err := cons.Next(jetstream.FetchMaxWait(20 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if meta, err := m.Metadata(); err != nil || int(meta.NumDelivered) != try {
			t.Fatalf("%+v %v", meta, err)
		}
	}
	start(t, w)
	rec, err := send(t.Context(), o, j)
	if err != nil {
		t.Fatal(err)
	}
	if rec.Verdict != batch.Ungraded || !strings.Contains(rec.Reason, "5 workers were lost") {
		t.Errorf("%s: %s", rec.Verdict, rec.Reason)
	}
	if rec, err = send(t.Context(), o, j); err != nil || rec.Verdict != batch.Nothing {
		t.Errorf("again: %v %v", rec, err)
	}
}

// What cannot be read is made anew: a result, an order, a submission that the
// queue has lost.
func TestDamageIsMended(t *testing.T) {
	damaged := make(chan Event, 100)
	o := Options{URL: natstest.Start(t).URL(), Patience: time.Minute, Tell: func(e Event) {
		if e.Kind == Damaged {
			damaged <- e
		}
	}}
	q := open(t, o)
	j := job(t, batch.Version())
	if err := q.put(t.Context(), q.results, j.Key, []byte(`{"record":"bm8="}`), true); err != nil {
		t.Fatal(err)
	}
	order, _ := orderFor(j)
	subject := workSubjects + "." + graderID(j.Spec.Grader, j.Spec.Go) + "."
	if _, err := q.js.Publish(t.Context(), subject+strings.Repeat("0", 64), []byte("{")); err != nil {
		t.Fatal(err)
	}
	if err := q.send(t.Context(), order); err != nil { // without its submission
		t.Fatal(err)
	}
	start(t, worker(t, o))
	if rec, err := send(t.Context(), o, j); err != nil || rec.Verdict != batch.Nothing {
		t.Errorf("%v %v", rec, err)
	}
	<-damaged
	<-damaged
}

// An object that another removes between this one's look at it and its read is
// found to be gone; the read alone would wait for as long as the patience.
func TestRemovedWhileRead(t *testing.T) {
	q := open(t, Options{URL: natstest.Start(t).URL(), Patience: objectTime})
	if err := q.put(t.Context(), q.results, "gone", []byte("whole"), true); err != nil {
		t.Fatal(err)
	}
	parts, err := q.js.Stream(t.Context(), "OBJ_"+resultBucket)
	if err != nil {
		t.Fatal(err)
	}
	if err := parts.Purge(t.Context(), jetstream.WithPurgeSubject("$O."+resultBucket+".C.>")); err != nil {
		t.Fatal(err)
	}
	removed := make(chan error, 1)
	time.AfterFunc(time.Second, func() { removed <- q.remove(t.Context(), q.results, "gone") })
	if data, err := q.get(t.Context(), q.results, "gone"); data != nil || err != nil {
		t.Errorf("%q %v", data, err)
	}
	if err := <-removed; err != nil {
		t.Error(err)
	}
}

// A server that cannot be used is named with its reason, at once if waiting
// cannot mend it, after the patience if it might have; no password is told.
func TestUnusableServers(t *testing.T) {
	dir := t.TempDir()
	secret := "s3cret"
	protected := natstest.Start(t, "--user", "ann", "--pass", secret)
	plain := natstest.New(t)
	if err := plain.Start(); err != nil {
		t.Fatal(err)
	}
	nobody := natstest.New(t)
	other := natstest.Start(t)
	q := open(t, Options{URL: other.URL(), Patience: time.Minute})
	if err := q.js.DeleteStream(t.Context(), workStream); err != nil {
		t.Fatal(err)
	}
	if _, err := q.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: workStream, Subjects: []string{workSubjects + ".>"}}); err != nil {
		t.Fatal(err)
	}
	at := func(user string, s *natstest.Server) string { return strings.Replace(s.URL(), "//", "//"+user, 1) }
	for _, c := range []struct {
		name     string
		o        Options
		kind     Kind
		contains string
	}{
		{"wrong password", Options{URL: at("ann:wr0ng@", protected)}, Denied, "Authorization Violation"},
		{"no password", Options{URL: protected.URL()}, Denied, "Authorization Violation"},
		{"no JetStream", Options{URL: plain.URL()}, NoJetStream, "nats-server -js"},
		{"nobody there", Options{URL: at("ann:s3cret@", nobody), Patience: time.Second}, Unreachable, "did not answer for 1s"},
		{"another stream", Options{URL: other.URL()}, Unfit, workStream},
		{"no such credentials", Options{URL: protected.URL(), Creds: filepath.Join(dir, "ann.creds")}, Denied, "ann.creds"},
		{"no address", Options{URL: "127.0.0.1:4222"}, BadAddress, "nats://HOST:PORT"},
		{"http", Options{URL: "http://ann:s3cret@host"}, BadAddress, "nats://HOST:PORT"},
		{"a password with a #", Options{URL: "nats://ann:s3cret#x@host"}, BadAddress, "nats://HOST:PORT"},
		{"a port that is none", Options{URL: "nats://ann:s3cret@host:port"}, BadAddress, "nats://HOST:PORT"},
	} {
		var told []string
		c.o.Tell = func(e Event) { told = append(told, fmt.Sprint(e)) }
		if c.o.Patience == 0 {
			c.o.Patience = time.Minute
		}
		_, err := connect(t.Context(), c.o)
		var e *Error
		if !errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(err.Error(), c.contains) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if all := err.Error() + strings.Join(told, ""); strings.Contains(all, secret) || strings.Contains(all, "wr0ng") || strings.Contains(all, "ann:") {
			t.Errorf("%s: tells the password: %s", c.name, all)
		}
	}
	open(t, Options{URL: at("ann:"+secret+"@", protected)})
	if shown, err := Address("nats://ann:s3cret@a:1, tls://t0ken@b:2"); err != nil || shown != "nats://a:1,tls://b:2" {
		t.Errorf("%q %v", shown, err)
	}
}

// The server is not part of the command, nor of its module.
func TestServerIsNotLinked(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/grade")
	cmd.Dir = "../../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(out, []byte("github.com/nats-io/nats.go/jetstream\n")) {
		t.Error("the list lacks the client")
	}
	mod, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("nats-server")) || bytes.Contains(mod, []byte("nats-server")) {
		t.Error("nats-server is part of the command")
	}
}

func FuzzReadOrder(f *testing.F) {
	spec := batch.Spec{Grader: "v1", Go: "go1.26.1", Lab: "raft", Seed: 1, Limits: batch.DefaultLimits()}
	o, _ := orderFor(&batch.Job{Key: spec.Key("x"), Submission: "x", Spec: spec})
	b, err := json.Marshal(o)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if o, err := readOrder(b); err == nil && o.Key != o.Spec.Key(o.Submission) {
			t.Fatal("an order with another key was taken")
		}
	})
}
