package host

import (
	"strings"
	"testing"

	"github.com/raftlab/raftlab/grader/sim"
)

// Log files and the like work in a folder in memory, which is empty in each life.
func TestFilesInMemory(t *testing.T) {
	m := compileGuest(t, "probe", Options{})
	for range 2 { // two lives
		d := drive(t, m, sim.BootInfo{}, 1).start("logfiles").run(10 * sim.Millisecond)
		for _, want := range []string{
			"note before: true ",
			`print true "\[raftlab: logs/raft.log is a file in memory: it is gone when this server ends\]`,
			"note closed: <nil>",
			`note read: "one\\ntwo\\n" <nil>`,
			`note middle: "1xy"`,
			"note exclusive: .*File exists",
			"note rename: <nil>",
			"note stat: 6 true <nil>",
			"note mkdir: <nil>, again .*File exists",
			"note entry: b.txt false\n[^\n]*note entry: logs true\n[^\n]*note entry: x true\n",
			"note not empty: .*Directory not empty",
			"note removed: <nil> <nil> .*No such file[^\\n]*",
			"note temporary: true <nil>",
			"note passwd: .*No such file[^\\n]*",
			"note read a folder: .*Is a directory",
			"respond 1: ",
		} {
			d.want(want)
		}
		if d.fault != nil {
			t.Errorf("the server ended: %s", d.fault.Data)
		}
	}
}

// A folder in memory is bounded: then it is full, which the report says once,
// and the server goes on.
func TestFilesAreBounded(t *testing.T) {
	d := drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{}, 1).start("fillfiles").run(10 * sim.Millisecond)
	d.want("note 8 write big.log: No space[^\n]*").want("note 8388608 bytes, then <nil>").want("respond 1: ")
	if n := strings.Count(d.text(), "files are full"); n != 1 || d.fault != nil {
		t.Errorf("said %d times that the files are full; fault %v:\n%s", n, d.fault, d.text())
	}
	d = drive(t, compileGuest(t, "probe", Options{}), sim.BootInfo{}, 1).start("manyfiles").run(10 * sim.Millisecond)
	d.want("note last: open last: .*").want("respond 1: ")
}
