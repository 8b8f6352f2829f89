package corpus

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/raftlab/raftlab/grader/check"
)

// Needs says what it takes to find a bug.
type Needs string

const (
	Default Needs = "default" // one default run of the lab's tests
	Hunt    Needs = "hunt"    // a search through random worlds
)

// Parts are the parts of the Raft lab, in order.
var Parts = []string{"election", "agreement", "persistence", "partition", "compaction"}

// PartsOf lists the parts of the labs that have a corpus, in order.
var PartsOf = map[string][]string{
	"raft": Parts,
	"kv":   {"service", "faults", "snapshots"},
	"lock": {"lock", "leases"},
}

// A Bug is one mistake, as edits to the correct solution.
type Bug struct {
	Name   string // of its file, without the ending
	Title  string // what the code does
	Breaks string // what goes wrong because of it, in a sentence
	Lab    string // "raft", "kv" or "lock": whose tests are to find it
	Part   string // the first part of the lab whose tests should fail
	Area   string // "election", "replication", "commit", ...
	Source string // "own", or the kind's number in docs/bugs.md
	Needs  Needs
	// Properties are those one of which a failure must name.
	Properties []check.Property
	Edits      []Edit
}

// An Edit replaces whole lines of a file. Old stands in the file exactly once,
// after the edits before this one.
type Edit struct {
	File string // slash-separated path in the student's folder
	Old  string
	New  string
}

// Solution is the correct solution whose parts are in several folders, as one.
func Solution(parts ...fs.FS) (fs.FS, error) {
	var a txtar.Archive
	for _, part := range parts {
		err := fs.WalkDir(part, ".", func(p string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			data, err := fs.ReadFile(part, p)
			a.Files = append(a.Files, txtar.File{Name: p, Data: data})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return txtar.FS(&a)
}

// Load reads all bugs of a folder, in the order of their names.
func Load(dir fs.FS) ([]Bug, error) {
	files, err := fs.Glob(dir, "*.txtar")
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, errors.New("found no bugs: expected files named *.txtar")
	}
	var bugs []Bug
	for _, file := range files {
		data, err := fs.ReadFile(dir, file)
		if err != nil {
			return nil, err
		}
		b, err := Parse(strings.TrimSuffix(path.Base(file), ".txtar"), data)
		if err != nil {
			return nil, err
		}
		bugs = append(bugs, b)
	}
	return bugs, nil
}

// Parse reads one bug. Its comment is made of lines "key: value", one for each
// of title, breaks, part, area, source, needs and properties (a list with
// commas), and lab unless it is the Raft lab; its sections are "1/file", "1/old", "1/new", "2/file" and so on.
func Parse(name string, data []byte) (Bug, error) {
	b := Bug{Name: name}
	fail := func(format string, args ...any) (Bug, error) {
		return Bug{}, fmt.Errorf("bug %s: %s", name, fmt.Sprintf(format, args...))
	}
	archive := txtar.Parse(data)
	fields := map[string]string{}
	for line := range strings.Lines(string(archive.Comment)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ": ")
		if _, twice := fields[key]; !ok || twice {
			return fail("expected each line before the edits to be a new key: value, found %q", line)
		}
		fields[key] = value
	}
	if b.Lab = fields["lab"]; b.Lab == "" {
		b.Lab = "raft"
	}
	delete(fields, "lab")
	for key, to := range map[string]*string{
		"title": &b.Title, "breaks": &b.Breaks, "part": &b.Part, "area": &b.Area, "source": &b.Source, "needs": (*string)(&b.Needs),
	} {
		if *to = fields[key]; *to == "" {
			return fail("expected a line %q", key+": ...")
		}
		delete(fields, key)
	}
	for p := range strings.SplitSeq(fields["properties"], ",") {
		p := check.Property(strings.TrimSpace(p))
		if !check.Known(p) {
			return fail("%q is not the name of a property", p)
		}
		b.Properties = append(b.Properties, p)
	}
	delete(fields, "properties")
	for key := range fields {
		return fail("there is no key %q", key)
	}
	parts := PartsOf[b.Lab]
	if parts == nil {
		return fail("expected lab to be one of raft, kv, lock, found %q", b.Lab)
	}
	if !slices.Contains(parts, b.Part) {
		return fail("expected part to be one of %s, found %q", strings.Join(parts, ", "), b.Part)
	}
	if b.Needs != Default && b.Needs != Hunt {
		return fail("expected needs to be %s or %s, found %q", Default, Hunt, b.Needs)
	}

	sections := archive.Files
	if len(sections) == 0 || len(sections)%3 != 0 {
		return fail("expected sections N/file, N/old and N/new for each edit, found %d sections", len(sections))
	}
	for i := 0; i < len(sections); i += 3 {
		for k, kind := range []string{"file", "old", "new"} {
			if want := fmt.Sprintf("%d/%s", i/3+1, kind); sections[i+k].Name != want {
				return fail("expected section %s, found %s", want, sections[i+k].Name)
			}
		}
		b.Edits = append(b.Edits, Edit{
			File: strings.TrimSpace(string(sections[i].Data)),
			Old:  string(sections[i+1].Data),
			New:  string(sections[i+2].Data),
		})
	}
	return b, nil
}

// Apply returns the correct solution's files with the bug in them.
func (b Bug) Apply(correct fs.FS) (fs.FS, error) {
	var files txtar.Archive
	at := map[string]int{}
	err := fs.WalkDir(correct, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(correct, name)
		at[name] = len(files.Files)
		files.Files = append(files.Files, txtar.File{Name: name, Data: data})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("bug %s: %w", b.Name, err)
	}
	for i, e := range b.Edits {
		k, ok := at[e.File]
		if !ok {
			return nil, fmt.Errorf("bug %s, edit %d: the correct solution has no file %s", b.Name, i+1, e.File)
		}
		data := files.Files[k].Data
		places := lines(string(data), e.Old)
		if len(places) != 1 {
			return nil, fmt.Errorf("bug %s, edit %d: expected its old lines once in %s, found them %d times:\n%s", b.Name, i+1, e.File, len(places), e.Old)
		}
		files.Files[k].Data = slices.Concat(data[:places[0]], []byte(e.New), data[places[0]+len(e.Old):])
	}
	return txtar.FS(&files)
}

// lines returns the places in text where old stands and begins a line.
func lines(text, old string) []int {
	var places []int
	for at := 0; at < len(text) && old != ""; at++ {
		if strings.HasPrefix(text[at:], old) && (at == 0 || text[at-1] == '\n') {
			places = append(places, at)
		}
	}
	return places
}
