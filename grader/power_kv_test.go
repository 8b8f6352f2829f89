package grader_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/corpus"
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
// without it a slice of them is planted. With RAFTLAB_RAFT=core the service stands
// on the grader's own Raft.
func TestPowerKV(t *testing.T) {
	bugs, err := corpus.Load(os.DirFS("testdata/bugs-kv"))
	if err != nil {
		t.Fatal(err)
	}
	which := os.Getenv("RAFTLAB_POWER_KV")
	o := grader.Options{OnCore: os.Getenv("RAFTLAB_RAFT") == "core"}
	power(t, selectBugs(t, bugs, which, powerSliceKV), which == "", correctKV(t), o, false, serviceCPU)
}
