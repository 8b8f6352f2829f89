package batch

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/sim"
)

// Job is one grading to be done: by a process of its own, here or elsewhere.
type Job struct {
	Key        string `json:"key"`
	Submission string `json:"submission"`
	Spec       Spec   `json:"spec"`
	Zip        []byte `json:"zip"` // of the submission
	Lab        []byte `json:"lab"` // a zip of the lab's files; none: the built-in lab
	// CacheDir holds the compiled standard library; "" lets Go choose.
	CacheDir string `json:"cacheDir,omitempty"`
	// Picture asks for the trace of the first run that fails, for the player.
	Picture bool `json:"picture,omitempty"`

	server []string // see build.Options.CacheServer
}

// Reply is what the grading's process says: the record's bytes, and what it cost.
type Reply struct {
	Record []byte `json:"record"`
	Cost   Cost   `json:"cost"`
	// Trace is that of the first run that fails, in the lab's order; TraceTest
	// and TraceSeed say which.
	Trace     []byte `json:"trace,omitempty"`
	TraceTest string `json:"traceTest,omitempty"`
	TraceSeed uint64 `json:"traceSeed,omitempty"`
}

// Cost is what a grading took on the machine that did it: no part of its record.
type Cost struct {
	CPU    float64 `json:"cpu"`    // seconds of processor time, compilers included
	Wall   float64 `json:"wall"`   // seconds
	Memory int64   `json:"memory"` // bytes that the largest of its processes had at its peak
}

// maxFrame bounds what either process sends to the other.
const maxFrame = 256 << 20

func writeFrame(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxFrame {
		return fmt.Errorf("a message of %d bytes; the limit is %d", len(b), maxFrame)
	}
	if err := binary.Write(w, binary.BigEndian, uint32(len(b))); err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func readFrame(r io.Reader, v any) error {
	var n uint32
	if err := binary.Read(r, binary.BigEndian, &n); err != nil {
		return err
	}
	if n > maxFrame {
		return fmt.Errorf("a message of %d bytes; the limit is %d", n, maxFrame)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// Serve does the one Job that r holds and writes the Reply to w. It is the whole
// work of a process of its own: it puts limits on that process that nothing takes
// off again. The go command that it runs starts the same program for its cache.
func Serve(ctx context.Context, r io.Reader, w io.Writer) error {
	if build.CacheAsked() {
		return build.ServeCache(r, w)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	j := Job{server: append([]string{self}, os.Args[1:]...)}
	if err := readFrame(r, &j); err != nil {
		return fmt.Errorf("reading the job: %w", err)
	}
	if err := confine(j.Spec.Limits); err != nil {
		return fmt.Errorf("limiting this process: %w", err)
	}
	watchdog(j.Spec.Limits)
	reply, err := j.do(ctx)
	if err != nil {
		return err
	}
	return writeFrame(w, reply)
}

// do grades. An error is the machine's, or says that the job is not for this grader.
func (j *Job) do(ctx context.Context) (*Reply, error) {
	files, err := Unpack("zip", j.Zip)
	if err != nil {
		return nil, fmt.Errorf("the job's submission: %w", err)
	}
	if files.Hash() != j.Submission || j.Spec.Key(j.Submission) != j.Key {
		return nil, errors.New("the job's submission is not the one that its key names")
	}
	if v := Version(); j.Spec.Grader != v {
		return nil, fmt.Errorf("the job is for grader %s, this is %s", j.Spec.Grader, v)
	}
	lab, err := unpackLab(j.Lab)
	if err != nil {
		return nil, err
	}
	o := grader.Options{
		Dir: ".", Files: files.FS(), Lab: lab, Profile: j.Spec.Profile, OnCore: j.Spec.Raft.OnCore(), Parts: j.Spec.Parts, Seed: j.Spec.Seed, Seeds: j.Spec.Seeds,
		Work: j.Spec.Limits.Work, FirstFailure: true, Workers: 1, Lang: "en", GoCache: j.CacheDir, CacheServer: j.server, BuildLimits: j.Spec.Limits.build(),
	}
	reply := &Reply{}
	if j.Picture {
		o.Trace = reply.keep
	}
	res, err := grader.Grade(ctx, o)
	rec := newRecord(&j.Spec, j.Submission).conclude(res, err)
	if res != nil && res.Go != j.Spec.Go {
		return nil, fmt.Errorf("the job is for %s, this machine has %s", j.Spec.Go, res.Go)
	}
	reply.Record = rec.JSON()
	return reply, nil
}

// keep takes the trace of the first run that fails. With one worker the runs
// come in the lab's order.
func (r *Reply) keep(t *grader.TestResult, run *grader.RunResult, h sim.Header, rec *sim.Recorder) {
	if r.Trace != nil {
		return
	}
	var b bytes.Buffer
	if rec.WriteTrace(&b, h) == nil && b.Len() <= maxTrace {
		r.Trace, r.TraceTest, r.TraceSeed = b.Bytes(), t.Part+"/"+t.Name, run.Seed
	}
}

// maxTrace bounds a trace that is kept for the player.
const maxTrace = 16 << 20

// grace is how long a process may take to notice that its time is over.
const grace = 5 * time.Second

// isolate has a process of its own do the job, and returns its reply whatever
// becomes of it. An error means that ctx ended.
func isolate(ctx context.Context, command []string, j *Job) (*Reply, error) {
	lim := j.Spec.Limits
	timed, cancel := context.WithTimeout(ctx, time.Duration(lim.Time)*time.Second)
	defer cancel()
	tmp, err := os.MkdirTemp("", "raftlab-batch-")
	if err != nil {
		return failed(j, Ungraded, "no temporary folder can be made: "+err.Error()), nil
	}
	defer os.RemoveAll(tmp)
	var in, out bytes.Buffer
	if err := writeFrame(&in, j); err != nil {
		return failed(j, Ungraded, err.Error()), nil
	}
	errs := &head{max: 16 << 10}
	cmd := exec.CommandContext(timed, command[0], command[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &in, &limitedBuffer{&out, maxFrame + 4}, errs
	cmd.Dir = tmp
	cmd.Env = environment(tmp, lim)
	cmd.WaitDelay = grace
	killTree(cmd)
	// The kernel ends the child when the thread that started it ends.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := time.Now()
	err = cmd.Run()
	cost := costOf(cmd.ProcessState, time.Since(begin))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err == nil {
		var r Reply
		if err = readFrame(&out, &r); err == nil {
			if _, err = r.Check(j.Key); err == nil {
				r.Cost = cost
				return &r, nil
			}
		}
	}
	v, reason := died(err, timed.Err() != nil, cmd.ProcessState, errs.String(), lim)
	r := failed(j, v, reason)
	r.Cost = cost
	return r, nil
}

// Check reads the reply's record and checks that it is the key's.
func (r *Reply) Check(key string) (*Record, error) {
	rec, err := ParseRecord(r.Record)
	if err == nil && rec.Key != key {
		return nil, fmt.Errorf("expected the record of %.12s, found that of %.12s", key, rec.Key)
	}
	return rec, err
}

// GiveUp is the reply for a job that nobody can be got to do. Its verdict does
// not stand when the batch is run again, and is no zero.
func (j *Job) GiveUp(reason, advice string) *Reply {
	rec := newRecord(&j.Spec, j.Submission)
	rec.Verdict, rec.Reason, rec.Advice = Ungraded, reason, advice
	return &Reply{Record: rec.JSON()}
}

func failed(j *Job, v Verdict, reason string) *Reply {
	rec := newRecord(&j.Spec, j.Submission)
	rec.Verdict, rec.Reason = v, reason
	return &Reply{Record: rec.JSON()}
}

// died tells from what is left of a process why it ended.
func died(err error, timeout bool, state *os.ProcessState, said string, lim Limits) (Verdict, string) {
	switch {
	case timeout:
		return TooSlow, fmt.Sprintf("the grading took more than %d s, the limit", lim.Time)
	case overCPU(state, lim) || strings.HasPrefix(said, saysNoTime):
		return TooSlow, fmt.Sprintf("the grading used more than %d s of processor time, the limit", lim.CPU)
	case strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory"):
		return OutOfSpace, fmt.Sprintf("the grading needed more than %d MiB, the limit", lim.Memory>>20)
	case strings.HasPrefix(said, "panic: ") || strings.HasPrefix(said, "fatal error: ") || strings.Contains(said, "\ngoroutine "):
		first, _, _ := strings.Cut(said, "\n")
		return Crashed, "the grading's process died: " + first
	case signalled(state):
		return Crashed, "the grading's process was killed: " + state.String()
	}
	if said = strings.TrimSpace(said); said != "" {
		return Ungraded, said
	}
	return Ungraded, fmt.Sprintf("the grading's process failed: %v", err)
}

// environment is what the grading's process sees of the caller's: what finding
// and running the go command needs, no secret.
func environment(tmp string, lim Limits) []string {
	env := []string{"TMPDIR=" + tmp, "TMP=" + tmp, "TEMP=" + tmp, "GOMAXPROCS=1", "GOTRACEBACK=single",
		fmt.Sprintf("GOMEMLIMIT=%d", lim.Memory*3/4)}
	for _, name := range []string{"PATH", "HOME", "GOROOT", "GOCACHE", "XDG_CACHE_HOME", "LocalAppData", "USERPROFILE", "SystemRoot", "windir", "ComSpec", "PATHEXT"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// head keeps the beginning of what is written to it: a program that dies says
// first what it died of.
type head struct {
	bytes.Buffer
	max int
}

func (t *head) Write(p []byte) (int, error) {
	if room := t.max - t.Len(); room > 0 {
		t.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// limitedBuffer refuses more than left bytes.
type limitedBuffer struct {
	*bytes.Buffer
	left int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if l.left -= len(p); l.left < 0 {
		return 0, errors.New("too much output")
	}
	return l.Buffer.Write(p)
}

func unpackLab(b []byte) (fs.FS, error) {
	if len(b) == 0 {
		return nil, nil
	}
	fsys, err := zipFS(b)
	if err != nil {
		return nil, fmt.Errorf("the job's lab: %w", err)
	}
	return fsys, nil
}
