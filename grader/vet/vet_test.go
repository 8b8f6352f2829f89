package vet_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/grader/phrase"
	"github.com/raftlab/raftlab/grader/vet"
)

const correct = "../testdata/correct"

// check vets a folder in files with the standard library of the installed Go.
func check(t *testing.T, lib *vet.Library, version string, files fs.FS) ([]vet.Finding, error) {
	t.Helper()
	return checkService(t, lib, version, files, "")
}

func checkService(t *testing.T, lib *vet.Library, version string, files fs.FS, service string) ([]vet.Finding, error) {
	t.Helper()
	tree, err := build.Prepare(t.Context(), build.Options{Dir: ".", Files: files, GoVersion: version, Service: service})
	if err != nil {
		t.Fatal(err)
	}
	return vet.Check(tree, lib, version)
}

func library(t *testing.T) (*vet.Library, string) {
	t.Helper()
	root, version, err := build.FindGo(t.Context(), build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return vet.NewLibrary(os.DirFS(root + "/src")), version
}

// What is right is not complained about.
func TestNothingIsFoundInCorrectServers(t *testing.T) {
	lib, version := library(t)
	for _, dir := range []string{correct, "../testdata/variants/actor", "../testdata/variants/polling", "../testdata/variants/seeded"} {
		found, err := check(t, lib, version, os.DirFS(dir))
		if err != nil {
			t.Errorf("%s: %v", dir, err)
		}
		for _, f := range found {
			t.Errorf("%s: %s", dir, f)
		}
	}
}

// Of the planted bugs, those that can be seen in the code are, by the check that
// is made for them, and no other check finds anything.
func TestPlantedBugsAreFound(t *testing.T) {
	want := map[string]string{
		"applier-spins":              "busyloop",
		"batch-in-background":        "busyloop",
		"candidate-spins":            "busyloop",
		"ticker-spins":               "busyloop",
		"command-not-sent":           "rpcfields",
		"lower-case-field":           "rpcfields",
		"install-holds-lock":         "lockacross",
		"lock-held-during-call":      "lockacross",
		"lock-held-while-applying":   "lockacross",
		"vote-lock-held-during-call": "lockacross",
		"old-append-reply-counted":   "staleterm",
		"old-votes-counted":          "staleterm",
		"reply-shared-by-calls":      "replyreuse",
		"return-without-unlock":      "missingunlock",
		// Of the services.
		"answers-not-in-snapshot":        "rpcfields",
		"applier-waits-for-gone-handler": "lockacross lockacross",
	}
	lib, version := library(t)
	solution, err := corpus.Solution(os.DirFS(correct), os.DirFS(correct+"-kv"))
	if err != nil {
		t.Fatal(err)
	}
	var bugs []corpus.Bug
	for _, dir := range []string{"bugs", "bugs-kv"} {
		some, err := corpus.Load(os.DirFS("../testdata/" + dir))
		if err != nil {
			t.Fatal(err)
		}
		bugs = append(bugs, some...)
	}
	seen := 0
	for _, b := range bugs {
		files, err := b.Apply(solution)
		if err != nil {
			t.Fatal(err)
		}
		service := b.Lab
		if service == "raft" {
			service = ""
		}
		found, err := checkService(t, lib, version, files, service)
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
		}
		var checks []string
		for _, f := range found {
			checks = append(checks, f.Check)
		}
		if got := strings.Join(checks, " "); got != want[b.Name] {
			t.Errorf("%s: found by %q, want %q", b.Name, got, want[b.Name])
		}
		if want[b.Name] != "" {
			seen++
		}
	}
	if seen != len(want) {
		t.Errorf("%d of the %d bugs listed here are in the corpus", seen, len(want))
	}
}

// edited is the correct server with one text replaced in raft/replication.go.
func edited(t *testing.T, old, new string) fs.FS {
	t.Helper()
	b := corpus.Bug{Name: "edit", Edits: []corpus.Edit{{File: "raft/replication.go", Old: old, New: new}}}
	files, err := b.Apply(os.DirFS(correct))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestFindingsCanBeIgnored(t *testing.T) {
	lib, version := library(t)
	const ticker = "func (rf *Raft) sender() {"
	for comment, want := range map[string]int{"": 1, " // grade:ignore busyloop": 0, " // grade:ignore timeafter": 1} {
		found, err := check(t, lib, version, edited(t, ticker, "func (rf *Raft) spin() {\n\tfor !rf.killed() {"+comment+"\n\t}\n}\n\n"+ticker))
		if err != nil || len(found) != want {
			t.Errorf("with %q: %v, %v, want %d", comment, found, err, want)
		}
	}
}

// A clerk has one operation at a time: it may hold its lock while it asks, and it
// knows no terms. A server of a service may not forget its lock.
func TestClerksMayWaitWithTheirLock(t *testing.T) {
	lib, version := library(t)
	solution, err := corpus.Solution(os.DirFS(correct), os.DirFS(correct+"-kv"))
	if err != nil {
		t.Fatal(err)
	}
	b := corpus.Bug{Edits: []corpus.Edit{{File: "kv/client.go", Old: "		if reply, ok := ck.try(ck.leader, op); ok {\n", New: "		var direct Reply\n		if ck.servers[ck.leader].Call(\"KVServer.Do\", &op, &direct) {\n			return direct\n		}\n		if reply, ok := ck.try(ck.leader, op); ok {\n"}}}
	files, err := b.Apply(solution)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := checkService(t, lib, version, files, "kv"); err != nil || len(found) > 0 {
		t.Errorf("a clerk that waits: %v, %v", found, err)
	}
	b.Edits[0] = corpus.Edit{File: "kv/server.go", Old: "	if !leader {\n		kv.mu.Unlock()\n", New: "	if !leader {\n"}
	if files, err = b.Apply(solution); err != nil {
		t.Fatal(err)
	}
	if found, err := checkService(t, lib, version, files, "kv"); err != nil || len(found) != 1 || found[0].Check != "missingunlock" {
		t.Errorf("a server that keeps its lock: %v, %v", found, err)
	}
}

func TestCodeThatDoesNotCompileIsRefused(t *testing.T) {
	lib, version := library(t)
	_, err := check(t, lib, version, edited(t, "func (rf *Raft) sender() {", "func (rf *Raft) sender() {\n\tundefined()"))
	e, ok := err.(*build.Error)
	if !ok || e.Kind != build.Compile || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("got %v", err)
	}
}

// Every check is explained, and every message of one translated.
func TestChecksSpeakBothLanguages(t *testing.T) {
	for _, a := range vet.Analyzers() {
		en, zh := vet.Explain("en", a.Name), vet.Explain("zh", a.Name)
		if !strings.HasPrefix(en, a.Name+" finds") || !strings.HasPrefix(zh, a.Name+" ") || !strings.ContainsFunc(zh, han) {
			t.Errorf("%s is explained as %q, %q", a.Name, en, zh)
		}
		b, err := os.ReadFile(a.Name + "/" + a.Name + ".go")
		if err != nil {
			t.Fatal(err)
		}
		formats := regexp.MustCompile(`[rR]eportf?\(pass, [^"]*"([^"]+)"|Reportf\([^"]*"([^"]+)"`).FindAllStringSubmatch(string(b), -1)
		if len(formats) == 0 {
			t.Errorf("%s reports nothing", a.Name)
		}
		for _, f := range formats {
			s := strings.NewReplacer("%d", "7", "but %s %s", "but x is sent", "%s after", "x is changed after", "%s", "x").Replace(f[1] + f[2])
			if !strings.ContainsFunc(phrase.In("zh", s), han) {
				t.Errorf("%s: no translation of %q", a.Name, s)
			}
		}
	}
	if vet.Explain("en", "nothing") != "" {
		t.Error("a check that does not exist is explained")
	}
}

func han(r rune) bool { return unicode.Is(unicode.Han, r) }
