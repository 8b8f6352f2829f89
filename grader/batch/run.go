package batch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/build/release"
)

// Options says what to grade, by what, and how.
type Options struct {
	Students   []Student
	Course     *Course // nil: the built-in lab with its own points
	CourseFile string  // for messages
	Lab        *Lab
	Store      *Store

	// Command is the program, with arguments, whose process calls Serve.
	Command []string
	Workers int // gradings side by side; 0 is one per core
	// Shard and Shards restrict the work to a share: the Shard-th (from 1) of
	// Shards. 0: all.
	Shard, Shards int
	GoCache       string // the compiled standard library; "" uses Go's own build cache
	Pictures      bool   // keep traces for the player
	// Elsewhere, if not nil, does the gradings in place of this machine.
	Elsewhere Elsewhere
	// Progress, if not nil, is called as the work goes on, never concurrently.
	Progress func(Progress)
}

// Elsewhere does gradings by means of other processes than this one's children.
type Elsewhere interface {
	// Grade has a grading done for each key, and gives its reply to done, never
	// concurrently. It returns when all are done, or an error that is not
	// a submission's. job makes what is to be sent.
	Grade(ctx context.Context, keys []string, job func(key string) (*Job, error), done func(key string, r *Reply) error) error
}

// Progress tells how far a batch is.
type Progress struct {
	Stage   string        // "read", "prepare", "grade"
	Done    int           // submissions read, or distinct gradings done
	Total   int           // of them in all
	Reused  int           // gradings that were there already
	Left    time.Duration // an estimate; 0 while there is none
	Student string        // whose is being read, or was graded last
	Verdict Verdict       // of that one
}

// Summary is what a batch came to.
type Summary struct {
	Students  int             `json:"students"`
	Distinct  int             `json:"distinct"`            // gradings; equal submissions are graded once
	Reused    int             `json:"reused"`              // gradings that were there already
	Graded    int             `json:"graded"`              // gradings done now
	Elsewhere int             `json:"elsewhere,omitempty"` // those of other shards that are not there
	Verdicts  map[Verdict]int `json:"verdicts"`            // students by verdict
}

// Run takes all submissions in, grades those of which there is no record yet and
// writes the manifest. It returns when every submission of its share has a
// record. Nothing that a submission does makes it fail: its errors are the
// caller's, the machine's or ctx's.
func Run(ctx context.Context, o Options) (*Summary, error) {
	if o.Workers < 1 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if o.Course == nil {
		o.Course = &Course{}
	}
	if err := o.Course.Fit(o.CourseFile, o.Lab.Lab); err != nil {
		return nil, err
	}
	b := &batch{o: &o, byKey: make(map[string]*grading)}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	if err := b.takeAll(ctx); err != nil {
		return nil, err
	}
	var todo []*grading
	for _, g := range b.all {
		if g.mine && !g.done {
			todo = append(todo, g)
		}
	}
	if err := b.gradeAll(ctx, todo); err != nil {
		return nil, err
	}
	return b.summary()
}

// batch is one Run.
type batch struct {
	o     *Options
	spec  Spec
	all   []*grading // by key
	byKey map[string]*grading
	m     Manifest

	mu     sync.Mutex
	begin  time.Time
	done   int
	total  int
	reused int
}

// grading is one distinct key.
type grading struct {
	key, submission string
	student         string // one of those who handed this in
	mine            bool   // of this shard
	done            bool
}

// prepare finds out what decides the verdicts, and compiles what all need.
func (b *batch) prepare(ctx context.Context) error {
	o := b.o
	if o.Elsewhere == nil {
		b.progress(Progress{Stage: "prepare"})
	}
	version, err := Prepare(ctx, o.Command, o.GoCache, o.Elsewhere == nil)
	if err != nil {
		return err
	}
	b.spec, err = NewSpec(o.Course, o.Lab, version)
	return err
}

// Prepare returns the Go release that compiles on this machine. If this machine
// is to grade, it compiles what all gradings need. command starts the process
// that does a grading.
func Prepare(ctx context.Context, command []string, goCache string, grade bool) (goRelease string, err error) {
	opt := build.Options{CacheDir: goCache, CacheServer: command, SelfTest: release.Test}
	version, err := build.Release(ctx, opt)
	if err == nil && grade {
		err = build.Warm(ctx, opt)
	}
	return version, err
}

// NewSpec is everything beside the submissions that decides their verdicts.
func NewSpec(c *Course, lab *Lab, goRelease string) (Spec, error) {
	lim, err := c.limits()
	if err != nil {
		return Spec{}, err
	}
	s := Spec{
		Grader: Version(), Go: goRelease, Lab: lab.Name, Hash: lab.Hash, Profile: c.Profile, Seeds: c.Seeds.Count, Limits: lim,
	}
	if c.Raft.OnCore() {
		s.Raft = c.Raft
	}
	if s.Seed, err = c.Seeds.FirstSeed(os.Getenv); err != nil {
		return Spec{}, err
	}
	for _, p := range lab.Parts { // in the lab's order, under their own names
		if slices.ContainsFunc(c.Parts, p.Is) {
			s.Parts = append(s.Parts, p.Name)
		}
	}
	return s, nil
}

// takeAll reads the submissions and writes the manifest. What cannot be taken in
// gets its record here.
func (b *batch) takeAll(ctx context.Context) error {
	o := b.o
	b.m = Manifest{Format: RecordFormat, Course: o.Course.Title, Lab: o.Lab.Name, LabHash: o.Lab.Hash, Spec: b.spec}
	for i, s := range o.Students {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.progress(Progress{Stage: "read", Done: i, Total: len(o.Students), Student: s.ID})
		files, err := s.take(ctx)
		var unfit *Unfit
		hash := ""
		switch {
		case err == nil:
			hash = files.Hash()
			if err := o.Store.PutSubmission(hash, files.Zip()); err != nil {
				return err
			}
		case errors.As(err, &unfit):
			hash = unfitHash(unfit)
		case ctx.Err() != nil:
			return ctx.Err()
		default: // the machine's failure, or a wrong roster: it concerns this one
			unfit = &Unfit{Ungraded, err.Error(), "Mend the roster or the folder, and run the batch again."}
			hash = unfitHash(unfit)
		}
		key := b.spec.Key(hash)
		b.m.Entries = append(b.m.Entries, Entry{Student: s, Key: key, Submission: hash})
		if b.byKey[key] != nil {
			continue
		}
		g := &grading{key: key, submission: hash, student: s.ID}
		b.byKey[key] = g
		b.all = append(b.all, g)
		if unfit != nil {
			if err := o.Store.Put(key, &Reply{Record: newRecord(&b.spec, hash).unfit(unfit).JSON()}); err != nil {
				return err
			}
			g.done = true
		}
	}
	slices.SortFunc(b.all, func(x, y *grading) int { return strings.Compare(x.key, y.key) })
	turn := 0 // of the shards, over what is to be graded: an unfit submission is no work
	for _, g := range b.all {
		g.mine = o.Shards == 0 || turn%o.Shards == o.Shard-1
		if !g.done {
			turn++
		}
		if r := o.Store.Record(g.key); r != nil && r.Verdict.Final() && !g.done {
			g.done = true
			b.reused++
		}
		if g.mine && !g.done {
			b.total++
		}
	}
	return o.Store.putManifest(&b.m)
}

// gradeAll does the work on this machine.
func (b *batch) gradeAll(ctx context.Context, todo []*grading) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	b.begin = time.Now()
	b.progress(Progress{Stage: "grade", Total: b.total, Reused: b.reused})
	if b.o.Elsewhere != nil {
		keys := make([]string, len(todo))
		for i, g := range todo {
			keys[i] = g.key
		}
		return b.o.Elsewhere.Grade(ctx, keys,
			func(key string) (*Job, error) { return b.job(b.byKey[key]) },
			func(key string, r *Reply) error { return b.finish(b.byKey[key], r) })
	}
	next := make(chan *grading)
	var wg sync.WaitGroup
	for range min(b.o.Workers, len(todo)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for g := range next {
				r, err := b.grade(ctx, g)
				if err == nil {
					err = b.finish(g, r)
				}
				if err != nil {
					cancel(err)
				}
			}
		}()
	}
	for _, g := range todo {
		select {
		case next <- g:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// job is what a process needs for a grading.
func (b *batch) job(g *grading) (*Job, error) {
	zip, err := os.ReadFile(b.o.Store.path("submissions", g.submission, ".zip"))
	if err != nil {
		return nil, err
	}
	j := &Job{Key: g.key, Submission: g.submission, Spec: b.spec, Zip: zip, Lab: b.o.Lab.zip, Picture: b.o.Pictures}
	if b.o.GoCache != "" {
		if j.CacheDir, err = filepath.Abs(b.o.GoCache); err != nil {
			return nil, err
		}
	}
	return j, nil
}

func (b *batch) grade(ctx context.Context, g *grading) (*Reply, error) {
	j, err := b.job(g)
	if err != nil {
		return nil, err
	}
	return Attempt(ctx, b.o.Command, j)
}

// Attempt has a process of its own do a job, and does so again if the process
// died of what another try may not die of. command starts that process, which
// calls Serve. An error means that ctx ended, or a fault in this program.
func Attempt(ctx context.Context, command []string, j *Job) (*Reply, error) {
	for try := 1; ; try++ {
		r, err := isolate(ctx, command, j)
		if err != nil {
			return nil, err
		}
		rec, err := ParseRecord(r.Record)
		if err != nil {
			return nil, err
		}
		if rec.Verdict != Crashed && rec.Verdict != Ungraded || try == 2 {
			return r, nil
		}
	}
}

// finish keeps a reply and tells of it.
func (b *batch) finish(g *grading, r *Reply) error {
	rec, err := ParseRecord(r.Record)
	if err != nil {
		return err
	}
	if err := b.o.Store.Put(g.key, r); err != nil {
		return fmt.Errorf("cannot write into the results folder: %w", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	g.done = true
	b.done++
	p := Progress{Stage: "grade", Done: b.done, Total: b.total, Reused: b.reused, Student: g.student, Verdict: rec.Verdict}
	p.Left = time.Duration(float64(time.Since(b.begin)) / float64(b.done) * float64(b.total-b.done)).Round(time.Second)
	if b.o.Progress != nil {
		b.o.Progress(p)
	}
	return nil
}

func (b *batch) progress(p Progress) {
	if b.o.Progress != nil {
		b.o.Progress(p)
	}
}

// summary counts, from the results folder alone.
func (b *batch) summary() (*Summary, error) {
	s := Count(b.o.Store, &b.m)
	s.Reused, s.Graded = b.reused, b.done
	for _, g := range b.all {
		if g.mine && b.o.Store.Record(g.key) == nil {
			return nil, fmt.Errorf("the record of %s is gone from the results folder", g.student)
		}
	}
	return s, nil
}

// Count says what stands in a results folder.
func Count(store *Store, m *Manifest) *Summary {
	s := &Summary{Students: len(m.Entries), Verdicts: make(map[Verdict]int)}
	keys := make(map[string]bool)
	for _, e := range m.Entries {
		keys[e.Key] = true
		if r := store.Record(e.Key); r != nil {
			s.Verdicts[r.Verdict]++
		} else {
			s.Elsewhere++
		}
	}
	s.Distinct = len(keys)
	return s
}
