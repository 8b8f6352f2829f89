package grader_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/corpus"
	"github.com/raftlab/raftlab/labs"
)

// powerSliceKV is planted in every run of the tests: some bugs for each part of
// the key/value and the lock lab.
var powerSliceKV = strings.Fields(`
	duplicates-checked-on-arrival reply-by-index-alone read-from-leaders-map test-and-set-on-arrival
	table-not-in-snapshot clerk-new-serial-for-each-try
	lock-without-fencing unlock-by-non-holder
`)

// serviceCPU is what a default run of one of the labs on top of Raft may cost.
const serviceCPU = 8 * time.Second

// TestPowerKV plants every bug of the corpus of the key/value and the lock lab
// into the correct service, one at a time, and grades it as `grade --lab` does by
// default. RAFTLAB_POWER_KV says which bugs, as RAFTLAB_POWER does for TestPower;
// without it a slice of them is planted.
func TestPowerKV(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("testdata/bugs-kv"))
	if err != nil {
		t.Fatal(err)
	}
	correct := correctKV(t)
	which := os.Getenv("RAFTLAB_POWER_KV")
	cache := t.TempDir()
	var all []*planted
	for _, b := range selectBugs(t, bugs, which, powerSliceKV) {
		lab, _ := labs.Named(b.Lab)
		o := grader.Options{CacheDir: cache, Lab: lab}
		if which == "" {
			o.Parts = []string{b.Part}
		}
		p, err := plant(t, b, correct, o, false)
		if err != nil {
			t.Errorf("%s: %v", b.Name, err)
			continue
		}
		if all = append(all, p); p.verdict == "found" {
			t.Log(p)
		} else {
			t.Errorf("%s\n    accepted: %v", p, b.Properties)
		}
	}
	summarize(t, all, serviceCPU)
}
