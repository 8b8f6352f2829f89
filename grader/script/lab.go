package script

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// Text is a text in several languages, by language tag ("en", "zh").
type Text map[string]string

// In returns the text in a language, or in English if there is none.
func (t Text) In(lang string) string {
	if s := t[lang]; s != "" {
		return s
	}
	return t["en"]
}

// Lab is a lab that has been read and found in order.
type Lab struct {
	Name  string
	Title Text
	Parts []*Part
	// Hints limits the steps of hints that a failure gives away; -1: all.
	Hints int
	// Service is what the lab's students build on Raft: "" for nothing, "kv",
	// "lock" or "kvraft": build.Options.Service.
	Service string
	// Hash is the SHA-256 over the names and contents of its .star files.
	Hash string

	sources map[string][]string // file -> lines
}

// Part is a group of tests that a student works on together.
type Part struct {
	Name string
	Also []string // other names: "3A"
	// Years says of some of Also in which checkouts they are the part's names: by
	// the names of build.Profiles. "4A" is another part in 2024 than in 2025.
	Years  map[string][]string
	Title  Text
	Points float64
	// Requires names methods of the server without which the part says nothing:
	// a lab that does not ask for them does not have the part.
	Requires []string
	Tests    []*Test
}

// Test is one test of a lab.
type Test struct {
	Name    string
	Part    *Part
	Title   Text
	Doc     string // the function's doc string
	Points  float64
	Servers int
	Clients int // nodes after the servers, each with a clerk
	Seeds   int // runs, with seeds 1, 2, ...
	Link    sim.Link
	// SnapshotEvery: see sim.BootInfo; with wire.MachineAlone for a server of package
	// rsm alone. Preempt: -1 by seed.
	SnapshotEvery uint64
	Preempt       int
	// Within bounds the virtual time of a run.
	Within sim.Time
	// Like is the test of the MIT course that this one corresponds to, with the
	// part's letter and without the number of the year's lab: "TestBackupB"; in a
	// part with Years without either: "TestBasic".
	Like string
	// After names a part of the lab that students of the course do later, and
	// whose work this test needs too. In a checkout of the course it is left out
	// when the course's own name of its part is asked for.
	After string
	// Pos is where the test is declared: "election.star:12".
	Pos string
	// World is set if the test is a world file's, see LoadWorld.
	World *World

	fn *starlark.Function
}

// Is says whether name is one of the part's names, in any case.
func (p *Part) Is(name string) bool {
	if strings.EqualFold(p.Name, name) {
		return true
	}
	for _, a := range p.Also {
		if strings.EqualFold(a, name) {
			return true
		}
	}
	return false
}

// In says whether also, one of p.Also, is the part's name in a checkout that was
// recognised as profile.
func (p *Part) In(also, profile string) bool {
	years, some := p.Years[also]
	return !some || slices.Contains(years, profile)
}

// Source returns the text of a line of the lab, "file:line", trimmed.
func (l *Lab) Source(pos string) string {
	file, line, ok := strings.Cut(pos, ":")
	var n int
	if _, err := fmt.Sscan(line, &n); !ok || err != nil || n < 1 || n > len(l.sources[file]) {
		return ""
	}
	return strings.TrimSpace(l.sources[file][n-1])
}

// File returns the text of one of the lab's test files, "" if there is none.
func (l *Lab) File(name string) string { return strings.Join(l.sources[name], "\n") }

// Error is a mistake in a lab: the lab author's to mend, not a student's.
type Error struct {
	Pos string // "election.star:12:3", or the file
	Msg string
}

func (e *Error) Error() string { return fmt.Sprintf("lab: %s: %s", e.Pos, e.Msg) }

// dialect is the Starlark that labs are written in.
var dialect = &syntax.FileOptions{Set: true, While: true, TopLevelControl: true}

// maxSteps bounds the Starlark steps of one thread: a test that loops without
// waiting ends.
const maxSteps = 100_000_000

// maxLoadSteps bounds the Starlark steps of reading one file of a lab.
const maxLoadSteps = 5_000_000

// Limits of what a lab may declare.
const (
	maxServers = 9
	maxClients = 20
	maxSeeds   = 10_000
)

// Load reads the lab in fsys. Any mistake in it is an *Error.
func Load(fsys fs.FS) (*Lab, error) {
	l := &Lab{Hints: -1, sources: map[string][]string{}}
	ld := &loader{lab: l, fsys: fsys, loaded: map[string]*module{}}
	if _, err := ld.load("lab.star"); err != nil {
		return nil, err
	}
	if l.Name == "" {
		return nil, &Error{"lab.star", `expected a call of lab(name = "...", parts = ["part.star", ...]), found none`}
	}
	for _, f := range ld.partFiles {
		before := len(l.Parts)
		if _, err := ld.load(f); err != nil {
			return nil, err
		}
		if len(l.Parts) != before+1 {
			return nil, &Error{f, fmt.Sprintf("expected one call of part(...) in a part's file, found %d", len(l.Parts)-before)}
		}
		p := l.Parts[before]
		if len(p.Tests) == 0 {
			return nil, &Error{f, "part " + p.Name + " has no test: call test(function, ...)"}
		}
		if err := p.share(); err != nil {
			return nil, &Error{f, err.Error()}
		}
	}
	seen := map[string]string{}
	for _, p := range l.Parts {
		for _, n := range append([]string{p.Name}, p.Also...) {
			if p.Years[n] != nil {
				continue // another part's name in another year
			}
			if o := seen[strings.ToLower(n)]; o != "" {
				return nil, &Error{"lab.star", fmt.Sprintf("parts %s and %s share the name %q", o, p.Name, n)}
			}
			seen[strings.ToLower(n)] = p.Name
		}
	}
	files := make([]string, 0, len(l.sources))
	for f := range l.sources {
		files = append(files, f)
	}
	sort.Strings(files)
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%d %s\n%s\n", len(l.sources[f]), f, strings.Join(l.sources[f], "\n"))
	}
	l.Hash = hex.EncodeToString(h.Sum(nil))
	return l, nil
}

// share spreads the part's points over the tests that name none of their own.
func (p *Part) share() error {
	sum, without := 0.0, 0
	for _, t := range p.Tests {
		sum += t.Points
		if t.Points == 0 {
			without++
		}
	}
	switch {
	case p.Points == 0:
		p.Points = sum
	case without > 0:
		if sum >= p.Points {
			return fmt.Errorf("part %s has %g points, its tests name %g, and %d tests are left without", p.Name, p.Points, sum, without)
		}
		for _, t := range p.Tests {
			if t.Points == 0 {
				t.Points = (p.Points - sum) / float64(without)
			}
		}
	case sum != p.Points:
		return fmt.Errorf("part %s has %g points, but its tests add up to %g", p.Name, p.Points, sum)
	}
	return nil
}

type module struct {
	globals starlark.StringDict
	err     error
}

type loader struct {
	lab       *Lab
	fsys      fs.FS
	loaded    map[string]*module
	partFiles []string
	part      *Part
	world     bool // a world file is read, not a lab
}

func (ld *loader) load(file string) (starlark.StringDict, error) {
	if ld.world {
		return nil, &Error{file, "a world file stands alone: it cannot load another"}
	}
	if m, ok := ld.loaded[file]; ok {
		if m == nil {
			return nil, &Error{file, "loads itself in a circle"}
		}
		return m.globals, m.err
	}
	ld.loaded[file] = nil
	g, err := ld.exec(file)
	ld.loaded[file] = &module{g, err}
	return g, err
}

func (ld *loader) exec(file string) (starlark.StringDict, error) {
	if !fs.ValidPath(file) || path.Ext(file) != ".star" {
		return nil, &Error{file, "expected the name of a .star file inside the lab's folder"}
	}
	src, err := fs.ReadFile(ld.fsys, file)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{file, "no such file in the lab's folder"}
		}
		return nil, &Error{file, err.Error()}
	}
	return ld.run(file, src)
}

// run executes the text of a file.
func (ld *loader) run(file string, src []byte) (starlark.StringDict, error) {
	ld.lab.sources[file] = strings.Split(strings.ReplaceAll(string(src), "\r\n", "\n"), "\n")
	th := &starlark.Thread{
		Name:  file,
		Print: func(*starlark.Thread, string) {},
		Load:  func(_ *starlark.Thread, m string) (starlark.StringDict, error) { return ld.load(m) },
	}
	th.SetMaxExecutionSteps(maxLoadSteps)
	g, err := starlark.ExecFileOptions(dialect, th, file, src, ld.predeclared())
	if err != nil {
		return nil, labError(file, err)
	}
	g.Freeze()
	return g, nil
}

// labError turns any error of Starlark into an *Error with a position.
func labError(file string, err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var ee *starlark.EvalError
	if errors.As(err, &ee) {
		pos := file
		for i := len(ee.CallStack) - 1; i >= 0; i-- {
			if p := ee.CallStack[i].Pos; p.Line > 0 && strings.HasSuffix(p.Filename(), ".star") {
				pos = fmt.Sprintf("%s:%d:%d", p.Filename(), p.Line, p.Col)
				break
			}
		}
		return &Error{pos, ee.Msg}
	}
	var se syntax.Error
	if errors.As(err, &se) {
		return &Error{fmt.Sprintf("%s:%d:%d", se.Pos.Filename(), se.Pos.Line, se.Pos.Col), se.Msg}
	}
	msg := err.Error()
	if rest, ok := strings.CutPrefix(msg, file+":"); ok {
		if i := strings.Index(rest, ": "); i > 0 {
			return &Error{file + ":" + rest[:i], rest[i+2:]}
		}
	}
	return &Error{file, msg}
}

// constants are the names that every file of a lab may use.
func constants() starlark.StringDict {
	d := starlark.StringDict{
		"us": starlark.MakeInt64(int64(sim.Microsecond)),
		"ms": starlark.MakeInt64(int64(sim.Millisecond)),
		"s":  starlark.MakeInt64(int64(sim.Second)),

		"reliable":        linkValue{sim.Reliable},
		"unreliable":      linkValue{sim.Unreliable},
		"long_reordering": linkValue{sim.LongReordering},
		"link":            starlark.NewBuiltin("link", makeLink),
		"struct":          starlark.NewBuiltin("struct", starlarkstruct.Make),
	}
	return d
}

func (ld *loader) predeclared() starlark.StringDict {
	d := constants()
	if ld.world {
		d["world"] = starlark.NewBuiltin("world", ld.worldCall)
		return d
	}
	d["lab"] = starlark.NewBuiltin("lab", ld.labCall)
	d["part"] = starlark.NewBuiltin("part", ld.partCall)
	d["test"] = starlark.NewBuiltin("test", ld.testCall)
	return d
}

// checkService refuses a service that nothing knows.
func (l *Lab) checkService() error {
	if s := l.Service; s != "" && s != "kv" && s != "lock" && s != "kvraft" {
		return fmt.Errorf("service is what stands on Raft, \"kv\", \"lock\" or \"kvraft\", found %q", s)
	}
	return nil
}

func (ld *loader) labCall(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	var title, parts starlark.Value
	if err := starlark.UnpackArgs(b.Name(), args, kw, "name", &ld.lab.Name, "parts", &parts, "title?", &title, "hints?", &ld.lab.Hints, "service?", &ld.lab.Service); err != nil {
		return nil, err
	}
	if err := ld.lab.checkService(); err != nil {
		return nil, err
	}
	if ld.lab.Hints < -1 {
		return nil, fmt.Errorf("hints is how many steps of hints a failure gives away, or -1 for all, found %d", ld.lab.Hints)
	}
	if len(ld.partFiles) > 0 {
		return nil, errors.New("lab was called before")
	}
	var err error
	if ld.partFiles, err = stringList("parts", parts); err != nil {
		return nil, err
	}
	if len(ld.partFiles) == 0 || ld.lab.Name == "" {
		return nil, errors.New("a lab needs a name and at least one part")
	}
	ld.lab.Title, err = textOf("title", title, ld.lab.Name)
	return starlark.None, err
}

func (ld *loader) partCall(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	p := &Part{}
	var title, also, requires starlark.Value
	var points starlark.Value = starlark.MakeInt(0)
	if err := starlark.UnpackArgs(b.Name(), args, kw, "name", &p.Name, "title?", &title, "also?", &also, "points?", &points, "requires?", &requires); err != nil {
		return nil, err
	}
	if p.Name == "" || strings.ContainsAny(p.Name, "/ \t\n") {
		return nil, fmt.Errorf("a part's name has no space and no slash, found %q", p.Name)
	}
	names, err := stringList("also", also)
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		// "4A 6.5840-2024": the name, and the years in which it is.
		words := strings.Fields(n)
		if len(words) == 0 {
			return nil, errors.New("also: expected a name, found none")
		}
		p.Also = append(p.Also, words[0])
		if len(words) > 1 {
			if p.Years == nil {
				p.Years = map[string][]string{}
			}
			p.Years[words[0]] = words[1:]
		}
	}
	if p.Requires, err = stringList("requires", requires); err != nil {
		return nil, err
	}
	if p.Points, err = pointsOf(points); err != nil {
		return nil, err
	}
	if p.Title, err = textOf("title", title, p.Name); err != nil {
		return nil, err
	}
	ld.part = p
	ld.lab.Parts = append(ld.lab.Parts, p)
	return starlark.None, nil
}

func (ld *loader) testCall(th *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kw []starlark.Tuple) (starlark.Value, error) {
	t := &Test{Servers: 3, Seeds: 3, Preempt: -1, Within: 300 * sim.Second, Link: sim.Reliable}
	var title starlark.Value
	var points starlark.Value = starlark.MakeInt(0)
	net := linkValue{t.Link}
	within := int64(t.Within)
	every, maxState, alone := 0, 0, false
	if err := starlark.UnpackArgs(b.Name(), args, kw, "run", &t.fn, "title?", &title, "name?", &t.Name, "points?", &points,
		"servers?", &t.Servers, "seeds?", &t.Seeds, "net?", &net, "clients?", &t.Clients, "max_state?", &maxState, "rsm?", &alone, "snapshot_every?", &every, "preempt?", &t.Preempt, "within?", &within, "like?", &t.Like, "after?", &t.After); err != nil {
		return nil, err
	}
	if ld.part == nil || len(ld.lab.Parts) == 0 {
		return nil, errors.New("test(...) stands before part(...)")
	}
	if t.Name == "" {
		t.Name = t.fn.Name()
	}
	t.Part = ld.part
	pos := th.CallFrame(1).Pos
	t.Pos = fmt.Sprintf("%s:%d", pos.Filename(), pos.Line)
	switch {
	case strings.ContainsAny(t.Name, "/ \t\n") || t.Name == "lambda":
		return nil, fmt.Errorf("a test's name has no space and no slash, found %q", t.Name)
	case t.Seeds < 1 || t.Seeds > maxSeeds:
		return nil, fmt.Errorf("test %s: expected 1 to %d seeds, found %d", t.Name, maxSeeds, t.Seeds)
	case t.Preempt < -1 || t.Preempt > 2:
		return nil, fmt.Errorf("test %s: preempt is 0, 1, 2, or -1 for 'as the seed says', found %d", t.Name, t.Preempt)
	case alone && (ld.lab.Service != "kvraft" || t.Clients > 0):
		return nil, fmt.Errorf("test %s: rsm is for tests without clients, in a lab whose service is \"kvraft\"", t.Name)
	case t.Like != "" && ld.part.Years != nil && !strings.HasPrefix(t.Like, "Test"):
		return nil, fmt.Errorf("test %s: like is a test of the course without its part, such as TestBasic, found %q", t.Name, t.Like)
	case t.Like != "" && ld.part.Years == nil && !courseTest.MatchString(t.Like):
		return nil, fmt.Errorf("test %s: like is a test of the course without the lab's number, such as TestBackupB, found %q", t.Name, t.Like)
	case within < 1:
		return nil, fmt.Errorf("test %s: within is a virtual time above 0", t.Name)
	}
	if err := t.fits(ld.lab.Service, every, maxState); err != nil {
		return nil, fmt.Errorf("test %s: %w", t.Name, err)
	}
	for _, o := range ld.part.Tests {
		if o.Name == t.Name {
			return nil, fmt.Errorf("part %s has two tests named %s", ld.part.Name, t.Name)
		}
	}
	var err error
	if t.Points, err = pointsOf(points); err != nil {
		return nil, err
	}
	t.Link, t.SnapshotEvery, t.Within = net.Link, uint64(every+maxState), sim.Time(within)
	if alone {
		t.SnapshotEvery |= wire.MachineAlone
	}
	t.Doc = t.fn.Doc()
	if t.Title, err = textOf("title", title, strings.ReplaceAll(t.Name, "_", " ")); err != nil {
		return nil, err
	}
	ld.part.Tests = append(ld.part.Tests, t)
	return starlark.None, nil
}

// fits checks what a test and a world have in common, in a lab with that service.
func (t *Test) fits(service string, every, maxState int) error {
	switch {
	case t.fn.NumParams() != 1 || t.fn.HasVarargs() || t.fn.HasKwargs():
		return fmt.Errorf("expected a function of one argument, the cluster; %s takes %d", t.fn.Name(), t.fn.NumParams())
	case t.Servers < 1 || t.Servers > maxServers:
		return fmt.Errorf("expected 1 to %d servers, found %d", maxServers, t.Servers)
	case t.Clients < 0 || t.Clients > maxClients || t.Clients > 0 && service == "":
		return fmt.Errorf("expected 0 to %d clients, and those only with a service, found %d", maxClients, t.Clients)
	case maxState < 0 || maxState > 0 && (every > 0 || service == ""):
		return fmt.Errorf("max_state is a number of bytes for a service, in place of snapshot_every, found %d", maxState)
	case every < 0:
		return fmt.Errorf("snapshot_every is a number of commands, found %d", every)
	}
	return nil
}

var courseTest = regexp.MustCompile(`^Test\w+[A-D]$`)

// CourseNames are the names of Like in the years of the course: TestBackup2B to
// 2023, and TestBackup3B. In a part with Years: TestBasic3A, one for each of Also.
func (t *Test) CourseNames() []string {
	n := len(t.Like) - 1
	if n < 0 {
		return nil
	}
	if t.Part.Years != nil {
		var names []string
		for _, also := range t.Part.Also {
			names = append(names, t.Like+also)
		}
		return names
	}
	return []string{t.Like[:n] + "2" + t.Like[n:], t.Like[:n] + "3" + t.Like[n:]}
}

func pointsOf(v starlark.Value) (float64, error) {
	f, ok := starlark.AsFloat(v)
	if !ok || f < 0 || f > 1e6 {
		return 0, fmt.Errorf("points: expected a number from 0 to 1000000, found %s", v)
	}
	return f, nil
}

func stringList(what string, v starlark.Value) ([]string, error) {
	if v == nil || v == starlark.None {
		return nil, nil
	}
	it, ok := v.(starlark.Iterable)
	if !ok {
		return nil, fmt.Errorf("%s: expected a list of strings, found %s", what, v.Type())
	}
	var out []string
	for x := range starlark.Elements(it) {
		s, ok := starlark.AsString(x)
		if !ok {
			return nil, fmt.Errorf("%s: expected strings, found %s", what, x.Type())
		}
		out = append(out, s)
	}
	return out, nil
}

// textOf reads a title: a string, or a dict by language.
func textOf(what string, v starlark.Value, otherwise string) (Text, error) {
	switch v := v.(type) {
	case nil, starlark.NoneType:
		return Text{"en": otherwise}, nil
	case starlark.String:
		return Text{"en": string(v)}, nil
	case *starlark.Dict:
		t := Text{}
		for _, kv := range v.Items() {
			lang, ok1 := starlark.AsString(kv[0])
			text, ok2 := starlark.AsString(kv[1])
			if !ok1 || !ok2 {
				return nil, fmt.Errorf("%s: expected texts by language, found %s", what, v)
			}
			t[lang] = text
		}
		if t["en"] == "" {
			return nil, fmt.Errorf(`%s: expected at least a text for "en", found %s`, what, v)
		}
		return t, nil
	}
	return nil, fmt.Errorf("%s: expected a string or a dict by language, found %s", what, v.Type())
}

// propertyOf reads a property's name in a test.
func propertyOf(name string) (check.Property, error) {
	p := check.Property(name)
	if !check.Known(p) {
		return "", fmt.Errorf("no property is named %q: see docs/properties.md", name)
	}
	return p, nil
}
