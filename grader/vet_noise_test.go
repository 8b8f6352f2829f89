package grader_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/vet"
)

// TestVetNoise: grade vet finds nothing in the correct servers, in the shape of
// each year of the course and of each service. RAFTLAB_VET names a folder of
// folders with code of other people, in which the findings are counted and shown:
// whether they are right is for a reader to say.
func TestVetNoise(t *testing.T) {
	root, version, err := build.FindGo(t.Context(), build.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lib := vet.NewLibrary(os.DirFS(root + "/src"))
	check := func(o build.Options) ([]vet.Finding, error) {
		o.GoVersion = version
		tree, err := build.Prepare(t.Context(), o)
		if err != nil {
			return nil, err
		}
		return vet.Check(tree, lib, version)
	}
	right := map[string]build.Options{}
	for _, dir := range []string{"correct", "variants/actor", "variants/polling", "variants/seeded"} {
		right[dir] = build.Options{Dir: "testdata/" + dir}
	}
	for _, service := range []string{"kv", "lock"} {
		right[service] = build.Options{Dir: ".", Files: correctKV(t), Service: service}
	}
	years, err := filepath.Glob("testdata/years/*.txtar")
	if err != nil || len(years) < 7 {
		t.Fatal(years, err)
	}
	for _, file := range years {
		year := strings.TrimSuffix(filepath.Base(file), ".txtar")
		right[year] = build.Options{Dir: readYear(t, year).lay(t)}
	}
	for _, year := range []string{"2022", "2024", "2025", "2026"} {
		right["kvraft "+year] = build.Options{Dir: kvraftYear(t, year).lay(t), Service: "kvraft"}
	}
	sum := 0
	for _, name := range slices.Sorted(maps.Keys(right)) {
		found, err := check(right[name])
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, f := range found {
			sum++
			t.Errorf("%s: %s", name, f)
		}
	}
	t.Logf("%d correct servers: %d findings", len(right), sum)

	public := os.Getenv("RAFTLAB_VET")
	if public == "" {
		return
	}
	entries, err := os.ReadDir(public)
	if err != nil {
		t.Fatal(err)
	}
	read, without := 0, 0
	sum = 0
	count := map[string]int{}
	begin := time.Now()
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		found, err := check(build.Options{Dir: filepath.Join(public, e.Name())})
		if err != nil {
			first, _, _ := strings.Cut(err.Error(), "\n")
			t.Logf("%-24s not read: %s", e.Name(), first)
			continue
		}
		if read++; len(found) == 0 {
			without++
		}
		for _, f := range found {
			count[f.Check]++
			sum++
			t.Logf("%-24s %s", e.Name(), f)
		}
	}
	t.Logf("%d folders read in %.1f s: %d findings in %d of them", read, time.Since(begin).Seconds(), sum, read-without)
	for _, name := range slices.Sorted(maps.Keys(count)) {
		t.Logf("    %-14s %d", name, count[name])
	}
}
