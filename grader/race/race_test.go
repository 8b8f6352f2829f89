package race

import (
	"context"
	"fmt"
	"regexp"
	"testing"

	"github.com/raftlab/raftlab/grader"
)

func TestX(t *testing.T) {
	res, err := Run(context.Background(), grader.Options{Dir: "../testdata/correct", Run: regexp.MustCompile("^election/initial|agreement/backup|compaction/basic")})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%d runs failed %v\n", res.Runs, res.Failed)
	for _, r := range res.Races {
		fmt.Println(r.Report, r)
	}
}
