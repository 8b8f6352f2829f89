package grader_test

import (
	"context"
	"os"
	"testing"

	"github.com/raftlab/raftlab/grader"
)

// courseSuite is what the MIT 6.5840 suite of 28 tests takes, in seconds of wall time.
const courseSuite = 302

// BenchmarkEditToVerdict grades the correct server after an edit: built anew,
// no compiled module in the cache.
func BenchmarkEditToVerdict(b *testing.B) {
	var sum grader.Timing
	for b.Loop() {
		cache, err := os.MkdirTemp(b.TempDir(), "")
		if err != nil {
			b.Fatal(err)
		}
		r, err := grader.Grade(context.Background(), grader.Options{Dir: "testdata/correct", CacheDir: cache})
		if err != nil {
			b.Fatal(err)
		}
		if r.Status != grader.Passed {
			b.Fatalf("%s with %g points of %g", r.Status, r.Points, r.Max)
		}
		sum.Build += r.Timing.Build
		sum.Compile += r.Timing.Compile
		sum.Run += r.Timing.Run
		sum.Total += r.Timing.Total
	}
	n := float64(b.N)
	b.ReportMetric(sum.Build.Seconds()/n, "build-s")
	b.ReportMetric(sum.Compile.Seconds()/n, "instrument+compile-s")
	b.ReportMetric(sum.Run.Seconds()/n, "run-s")
	b.ReportMetric(sum.Total.Seconds()/n, "total-s")
	b.ReportMetric(courseSuite*n/sum.Total.Seconds(), "times-faster-than-302s")
	b.ReportMetric(0, "ns/op")
}
