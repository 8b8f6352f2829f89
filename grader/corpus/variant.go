package corpus

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"testing/fstest"
)

// own are names that only the solution itself uses: any other name would do.
var own = regexp.MustCompile(`\b(lastIndex|entry|persist|resetElectionTimer|becomeFollower|backUp|sendTo|cutLog|acknowledge|advanceCommit|becomeLeader|` +
	`upToDate|startElection|sendSnapshot|sendEntries|heartbeats|conflictIndex|baseIndex|commitIndex|lastApplied|currentTerm|votedFor|matchIndex|nextIndex)\b`)

// timeouts are the solution's own choices of time, in milliseconds.
var timeouts = regexp.MustCompile(`(electionTimeoutMax = )800( \* time\.Millisecond)`)

// Variant returns the solution, or one with a bug in it, as the n-th of many
// students would have written it: other names, and an election timeout that is
// up to 199 ms longer. Its module and its runs differ from every other's; the
// 0-th is the solution itself.
func Variant(files fs.FS, n int) (fs.FS, error) {
	out := make(fstest.MapFS)
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if n > 0 && path.Ext(name) == ".go" {
			data = own.ReplaceAll(data, fmt.Appendf(nil, "${1}%d", n))
			data = timeouts.ReplaceAll(data, fmt.Appendf(nil, "${1}%d${2}", 800+n%200))
		}
		out[name] = &fstest.MapFile{Data: data, Mode: 0o444}
		return err
	})
	return out, err
}
