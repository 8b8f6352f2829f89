package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/corpus"
)

// What docs/replay.md quotes of the terminal is what grade says: each paragraph
// of the indented text after "(`bug`), part/test:", however its lines are broken.
func TestTheDocsQuoteWhatGradeSays(t *testing.T) {
	page, err := os.ReadFile("../../docs/replay.md")
	if err != nil {
		t.Fatal(err)
	}
	bugs, err := corpus.Load(os.DirFS("../../grader/testdata/bugs"))
	if err != nil {
		t.Fatal(err)
	}
	planted := make(map[string]corpus.Bug)
	for _, b := range bugs {
		planted[b.Name] = b
	}
	quotes := regexp.MustCompile("\\(`([a-z-]+)`\\), (\\w+/\\w+):\n\n((?:    .*\n|\n)+)").FindAllStringSubmatch(string(page), -1)
	if len(quotes) != 3 {
		t.Fatalf("docs/replay.md quotes %d failures, expected 3", len(quotes))
	}
	t.Setenv("GOCACHE", goCache(t)) // before its place depends on the next line
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	for _, q := range quotes {
		name, test, quoted := q[1], q[2], q[3]
		b, ok := planted[name]
		if !ok {
			t.Errorf("docs/replay.md names the bug %s: there is none", name)
			continue
		}
		code, err := b.Apply(os.DirFS("../../grader/testdata/correct"))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(t.TempDir(), "server")
		if err := os.CopyFS(dir, code); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		if exit := run([]string{"--run", test, "--seeds", "1", "--lang", "en", "--color", "never", dir}, &out, &errs); exit != exitFailed {
			t.Fatalf("%s: exit code %d, expected %d\n%s", name, exit, exitFailed, errs.String())
		}
		said := words(out.String())
		for _, p := range strings.Split(strings.Trim(quoted, "\n"), "\n\n") {
			if !strings.Contains(said, words(p)) {
				t.Errorf("%s: docs/replay.md quotes\n%s\nwhich grade does not say any more; run make pictures, and quote from\n%s", name, p, out.String())
				break
			}
		}
	}
}
