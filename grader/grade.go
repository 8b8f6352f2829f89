package grader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/explain"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs"
)

// Options says what to grade, with what, and how.
type Options struct {
	// Dir is the student's folder, in Files if that is not nil, else on disk;
	// Core grades the consensus core in its place.
	Dir   string
	Files fs.FS
	Core  bool
	// Profile, if not "", is the lab that the folder holds: one of build.Profiles.
	Profile string
	// OnCore puts the grader's own Raft below a service, in place of the folder's.
	OnCore bool
	// Module, if not nil, was built before: it is graded, and nothing is built.
	Module *build.Module

	service string // the lab's: build.Options.Service

	// Lab holds the lab's files (lab.star and what it loads); nil is the
	// built-in Raft lab.
	Lab fs.FS
	// Parts and Run restrict the tests: parts by any of their names, tests by
	// a regular expression over "part/name" and the parts' other names.
	Parts []string
	Run   *regexp.Regexp

	Seed  uint64 // first seed; 0 is 1
	Seeds int    // runs of each test, with consecutive seeds; 0 is each test's own number
	// Servers, if not nil, makes the servers of a run in the module's place: the
	// same server, in another form.
	Servers func(r Run) sim.Factory
	// Work bounds the fuel that all runs may burn together; 0 sets no bound. Runs
	// beyond it count as failed. Which these are follows from the lab's order alone.
	Work int64
	// FirstFailure ends a test's runs with the first that fails: it has its verdict
	// then. Runs after that are left out of the Result, whatever became of them.
	// Without it, and with each test's own number of runs, one that fails after
	// longInVain does so.
	FirstFailure bool

	Workers  int    // worlds side by side; 0 is one per core
	Lang     string // "en" or "zh", for the texts in Failure
	CacheDir string // compiled modules and self-tests; "" keeps none
	GoCache  string // the compiled standard library; "" uses Go's own build cache
	// CacheServer and BuildLimits are build.Options' CacheServer and Limits.
	CacheServer []string
	BuildLimits build.Limits
	// Trace, if not nil, is called with the trace of each run that failed, and
	// with those that passed too if TracePassed is set: by several workers at once.
	Trace       func(test *TestResult, run *RunResult, h sim.Header, rec *sim.Recorder)
	TracePassed bool
	// Save, if not nil, is called for each test that failed, in the lab's order,
	// when all have ended.
	Save func(*TestResult, *Saved) error
	// Progress, if not nil, is called as the work goes on, never concurrently.
	Progress func(Progress)
}

// Progress tells how far a grading is.
type Progress struct {
	Stage string // "check", "standard library", "go build", "compile", "test"
	Done  int    // runs done
	Total int    // runs in all; 0 while not known
	// Test is the test that has just ended, with its status; nil otherwise.
	Test *TestResult
}

// ErrNoTests says that nothing is left after Parts and Run.
var ErrNoTests = errors.New("no test matches")

// ErrEngine is wrapped by errors that are the grader's own failure.
var ErrEngine = errors.New("the grader failed")

// OpenLab reads a lab's files; nil is the built-in Raft lab. Its error is a *script.Error.
func OpenLab(files fs.FS) (*script.Lab, error) {
	if files == nil {
		files = labs.Raft()
	}
	return script.Load(files)
}

// job is one run of one test.
type job struct {
	test *script.Test
	t    int // index of the TestResult
	run  int // index in its Runs
	seed uint64
	// early: not to be run if the code is a checkout of the course: script.Test.After
	early bool

	result  RunResult
	failure *Failure
	err     error
	done    bool
}

// Grade builds the student's server, runs the lab's tests on it and returns the
// verdict. An error means that there is none: a *build.Error when the folder
// cannot be built, a *script.Error when the lab is broken, ErrNoTests, ctx's
// error, or one that wraps ErrEngine.
func Grade(ctx context.Context, o Options) (*Result, error) {
	begin := time.Now()
	s, err := Open(ctx, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	run := time.Now()
	if err := runJobs(ctx, &s.o, s.lab, s.sub, s.hints, s.tests, s.jobs); err != nil {
		return nil, err
	}
	// Who repeats one run wants to know more of it.
	if j := s.jobs; len(j) == 1 && s.tests[j[0].t].Failure != nil {
		if err := s.certain(ctx, s.lab, j[0].test, j[0].seed, s.tests[j[0].t].Failure); err != nil {
			return nil, err
		}
	}
	s.res.Timing.Run = time.Since(run)
	s.res.sum()
	if o.Save != nil {
		if err := s.saveFailed(o.Save); err != nil {
			return nil, err
		}
	}
	s.res.Timing.Total = time.Since(begin)
	return s.res, nil
}

// plan lists the tests asked for and their runs.
func plan(lab *script.Lab, o *Options, res *Result) ([]*TestResult, []*job, error) {
	wanted, byName := make(map[string]bool), make(map[string]bool)
	for _, name := range o.Parts {
		found := false
		for _, p := range lab.Parts {
			if p.Is(name) {
				wanted[p.Name], found = true, true
				byName[p.Name] = byName[p.Name] || p.Name == name
			}
		}
		if !found {
			return nil, nil, fmt.Errorf("%w: the lab %s has no part %q", ErrNoTests, lab.Name, name)
		}
	}
	var tests []*TestResult
	var jobs []*job
	for _, p := range lab.Parts {
		part := PartResult{Name: p.Name, Also: p.Also, Title: p.Title, Status: Skipped}
		for _, t := range p.Tests {
			if len(wanted) > 0 && !wanted[p.Name] {
				continue
			}
			// early: asked for as a part of the course that students do before
			// what the test needs.
			early := t.After != "" && len(wanted) > 0 && !byName[p.Name] && !wanted[t.After]
			if o.Run != nil {
				own, course := matches(o.Run, t)
				if !own && !course {
					continue
				}
				early = early || t.After != "" && !own
			}
			n := o.Seeds
			if n == 0 {
				n = t.Seeds
			}
			part.Tests = append(part.Tests, TestResult{
				Name: t.Name, Part: p.Name, Title: t.Title, Status: Skipped, Max: t.Points, Runs: make([]RunResult, n),
			})
			for k := 0; k < n; k++ {
				jobs = append(jobs, &job{test: t, t: len(tests), run: k, seed: o.Seed + uint64(k), early: early})
			}
			tests = append(tests, nil)
		}
		if len(part.Tests) > 0 {
			res.Parts = append(res.Parts, part)
		}
	}
	if len(tests) == 0 {
		return nil, nil, fmt.Errorf("%w: nothing is left after --run %s", ErrNoTests, o.Run)
	}
	i := 0
	for p := range res.Parts {
		for t := range res.Parts[p].Tests {
			tests[i] = &res.Parts[p].Tests[t]
			i++
		}
	}
	return tests, jobs, nil
}

// matches reports whether re means a test, by its own name or by one of the
// course's: as a test of the part 3B, or as TestBackup3B.
func matches(re *regexp.Regexp, t *script.Test) (own, course bool) {
	own = re.MatchString(t.Part.Name + "/" + t.Name)
	for _, p := range t.Part.Also {
		course = course || re.MatchString(p+"/"+t.Name)
	}
	return own || slices.ContainsFunc(t.CourseNames(), re.MatchString), course
}

// runJobs runs all jobs over the workers. Which worker runs what has no
// influence on any result.
func runJobs(ctx context.Context, o *Options, lab *script.Lab, sub *subject, hints Hints, tests []*TestResult, jobs []*job) error {
	left := make([]int, len(tests))
	byTest := make([][]*job, len(tests))
	for _, j := range jobs {
		left[j.t]++
		byTest[j.t] = append(byTest[j.t], j)
	}
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		done int
		fail error
		next int
		work = meter{jobs: jobs, limit: o.Work, ends: o.ends}
	)
	progress := func(p Progress) {
		if o.Progress != nil {
			p.Stage, p.Done, p.Total = "test", done, len(jobs)
			o.Progress(p)
		}
	}
	mu.Lock()
	progress(Progress{})
	mu.Unlock()
	for k := 0; k < min(o.Workers, len(jobs)); k++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				mu.Lock()
				if next == len(jobs) || fail != nil || work.used() {
					mu.Unlock()
					return
				}
				j := jobs[next]
				next++
				needless := slices.ContainsFunc(byTest[j.t][:j.run], o.ends)
				mu.Unlock()
				if !needless {
					j.do(ctx, o, lab, sub, hints, tests[j.t])
				}
				mu.Lock()
				done++
				j.done = true
				if j.err != nil && fail == nil {
					fail = j.err
				}
				p := Progress{}
				if left[j.t]--; left[j.t] == 0 && fail == nil {
					p.Test = tests[j.t]
					p.Test.settle(byTest[j.t], o.ends)
				}
				progress(p)
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	if fail == nil && work.used() {
		for _, j := range jobs[work.next:] {
			j.withhold(o.Work)
			tests[j.t].settle(byTest[j.t], o.ends)
		}
	}
	return fail
}

// longInVain is the virtual time after which a run that fails ends its test: most
// of it was waiting, and the test's other runs would wait as long. Runs of a
// server that works are seldom longer.
const longInVain = 8 * sim.Second

// ends says whether j was run and ends its test: it failed, and its test's other
// runs are not worth what they take.
func (o *Options) ends(j *job) bool {
	return j.done && j.failure != nil && (o.FirstFailure || o.Seeds == 0 && j.result.Virtual >= longInVain)
}

// meter adds up the work of the jobs, in their order.
type meter struct {
	jobs  []*job
	limit int64
	ends  func(*job) bool
	next  int          // the first job that is not counted yet
	over  *script.Test // the last test that was ended, of the jobs counted: its others do not count
	sum   int64
}

// used says whether the work is used up. Then the jobs from next on do not
// count, whether they ran or not.
func (m *meter) used() bool {
	for m.limit > 0 && m.sum < m.limit && m.next < len(m.jobs) && m.jobs[m.next].done {
		j := m.jobs[m.next]
		m.next++
		if m.over == j.test {
			continue
		}
		m.sum += int64(j.result.Fuel)
		if m.ends(j) {
			m.over = j.test
		}
	}
	return m.limit > 0 && m.sum >= m.limit && m.next < len(m.jobs)
}

// withhold makes j a run for which no work was left.
func (j *job) withhold(limit int64) {
	j.done, j.result = true, RunResult{Seed: j.seed, Status: Failed}
	j.failure = &Failure{
		Kind: Limit, Property: "Work", Seed: j.seed, Server: -1,
		Message: fmt.Sprintf("not run: the runs before it used up the %d million loops that a submission may do in all", limit/1_000_000),
	}
}

// do runs one job.
func (j *job) do(ctx context.Context, o *Options, lab *script.Lab, sub *subject, hints Hints, tr *TestResult) {
	rec := sim.NewRecorder(o.Trace != nil)
	story, book := newStory(j.test.Servers, j.test.Clients), explain.NewBook(j.test.Servers, j.test.Clients)
	factory, burnt := sub.servers()
	if o.Servers != nil {
		factory = o.Servers(Run{j.test.Part.Name, j.test.Name, j.seed})
	}
	out := lab.Run(j.test, script.Run{
		Seed: j.seed, Factory: factory,
		Watch:     []sim.Watcher{rec, story, book},
		Cancelled: func() bool { return ctx.Err() != nil },
	})
	j.result = RunResult{
		Seed: j.seed, Status: Passed, Hash: rec.Hash().String(), Virtual: out.Virtual, Steps: out.Steps, Records: rec.Records(),
		RPCs: out.RPCs, Bytes: out.Bytes, Applied: out.Applied, Output: story.printed, Fuel: burnt(), Undecided: out.Undecided,
	}
	for _, b := range out.Budgets {
		j.result.Budgets = append(j.result.Budgets, Budget(b))
	}
	switch {
	case errors.Is(out.Err, script.ErrCancelled):
		j.err = ctx.Err()
		return
	case out.Err != nil:
		var le *script.Error
		if errors.As(out.Err, &le) {
			j.err = fmt.Errorf("test %s/%s, seed %d: %w", j.test.Part.Name, j.test.Name, j.seed, out.Err)
			return
		}
		j.result.Status = NotGraded
		j.err = fmt.Errorf("%w: test %s/%s, seed %d: %v", ErrEngine, j.test.Part.Name, j.test.Name, j.seed, out.Err)
		return
	case out.Violation != nil:
		j.result.Status = Failed
		j.failure = sub.explain(o, j, out, story, book, hints, lab.Hints)
	}
	if o.Trace != nil && (o.TracePassed || j.failure != nil) {
		o.Trace(tr, &j.result, sim.Header{
			Engine: Version(), Lab: lab.Name, Test: j.test.Part.Name + "/" + j.test.Name, Seed: j.seed,
			Servers: j.test.Servers, Clients: j.test.Clients, Module: sub.module, Go: sub.goRelease, Types: sub.description(), Extra: withHistory(j.failure),
		}, rec)
	}
}

// settle gives a test its verdict from its runs: a test passes if all do. A
// test with a safety failure in any run has no points; so has one that fails
// otherwise: a replicated log that sometimes works is not one. The runs after one
// that ends the test are left out.
func (t *TestResult) settle(jobs []*job, ends func(*job) bool) {
	t.Status, t.Points, t.Left = Passed, t.Max, 0
	t.Runs = make([]RunResult, len(jobs))
	for i, j := range jobs {
		if i > 0 && ends(jobs[i-1]) {
			t.Runs, t.Left = t.Runs[:i], len(jobs)-i
			return
		}
		t.Runs[i] = j.result
		if j.result.Status != Passed {
			t.Status, t.Points = Failed, 0
			if t.Failure == nil {
				t.Failure = j.failure
			}
		}
	}
}

// sum adds up points and hashes.
func (r *Result) sum() {
	h := sha256.New()
	r.Status = Passed
	for i := range r.Parts {
		p := &r.Parts[i]
		if p.Status == Absent {
			continue
		}
		p.Status = Passed
		for _, t := range p.Tests {
			p.Points += t.Points
			p.Max += t.Max
			if t.Status != Passed {
				p.Status, r.Status = Failed, Failed
			}
			for _, run := range t.Runs {
				fmt.Fprintln(h, run.Hash)
			}
		}
		r.Points += p.Points
		r.Max += p.Max
	}
	r.Hash = hex.EncodeToString(h.Sum(nil))
}

// failureKinds by the kind of the property that broke.
var failureKinds = map[check.Kind]FailureKind{
	check.Safety: Safety, check.Liveness: Liveness, check.Budget: Limit, check.Fault: Broken, check.Engine: Engine,
}
