package grader_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/phrase"
	"github.com/raftlab/raftlab/labs"
)

// withService is a checkout of a year with a correct Raft, and a service.
func withService(t *testing.T, name, service string) *year {
	t.Helper()
	y := readYear(t, name)
	y.grade = "."
	archive, err := txtar.ParseFile("testdata/kvraft/" + service + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		y.files[f.Name] = f.Data
		if name == "2022" {
			y.files[f.Name] = []byte(strings.ReplaceAll(string(f.Data), `"6.5840/`, `"6.824/`))
		}
	}
	return y
}

// kvraftYear is a checkout with a correct Raft and a correct service.
func kvraftYear(t *testing.T, year string) *year {
	t.Helper()
	y := withService(t, year, map[string]string{"2022": "2024", "2024": "2024", "2025": "2025", "2026": "2025"}[year])
	if year == "2022" {
		// The service asks Raft before it takes a snapshot.
		server := "src/kvraft/server.go"
		y.files[server] = []byte(strings.Replace(string(y.files[server]), "if msg.SnapshotValid && msg.SnapshotIndex > kv.applied {",
			"if msg.SnapshotValid && kv.rf.CondInstallSnapshot(msg.SnapshotTerm, msg.SnapshotIndex, msg.Snapshot) {", 1))
	}
	if year == "2026" {
		// Servers are processes, and start themselves; nobody needs IService.
		server := "src/kvraft1/server.go"
		y.files[server] = []byte(strings.ReplaceAll(string(y.files[server]), "[]tester.IService", "[]any") + `
// NewServer is called by the server's process.
func NewServer(tc *tester.TesterClnt, ends []*labrpc.ClientEnd, grp tester.Tgid, srv int, persister *tester.Persister) []any {
	return StartKVServer(ends, Gid, srv, persister, tester.MaxRaftState)
}
`)
		y.files["src/kvraft1/test.go"] = append(y.files["src/kvraft1/test.go"], "\n// Gid is the group.\nconst Gid = tester.GRP0\n"...)
	}
	return y
}

// Correct services of the course's years pass, and their parts go by that year's
// names. RAFTLAB_KV_SEEDS runs each test with so many seeds.
func TestCourseServicePasses(t *testing.T) {
	seeds, _ := strconv.Atoi(os.Getenv("RAFTLAB_KV_SEEDS"))
	cache := t.TempDir()
	for year, parts := range map[string]map[string]string{
		"2022": {"service": "3A", "snapshots": "3B"},
		"2024": {"service": "4A", "snapshots": "4B"},
		"2025": {"rsm": "4A", "service": "4B", "snapshots": "4C"},
		"2026": {"rsm": "4A", "service": "4B", "snapshots": "4C"},
	} {
		t.Run(year, func(t *testing.T) {
			o := grader.Options{Dir: kvraftYear(t, year).lay(t), Lab: labs.KVRaft(), CacheDir: cache, Seeds: max(seeds, 1)}
			if seeds == 0 && (year == "2022" || year == "2026") {
				o.Run = regexp.MustCompile("rsm/(basic|restart_submit)|service/(basic|one_key|persist_one)|snapshots/(install|recover)$")
			}
			r := grade(t, o)
			allPass(t, r)
			got := map[string]string{}
			for _, p := range r.Parts {
				if p.Status != grader.Absent {
					got[p.Name] = p.Course
				}
			}
			if !maps.Equal(got, parts) {
				t.Errorf("the parts are called %v, expected %v", got, parts)
			}
			t.Logf("%s\n%g of %g points, %v to build, %v to run", r.Profile, r.Points, r.Max, r.Timing.Build, r.Timing.Run)
		})
	}
}

// courseBug is a mistake planted into one of the correct services. The test that
// finds it is the one that make test runs; make kvraft runs all.
type courseBug struct {
	year, name string
	edits      []string // file, old, new, ...
	found      string   // by which test
	properties []string
}

var courseBugs = []courseBug{
	{"2024", "no memory of what was done", []string{
		"src/kvraft/server.go", "if args.Serial <= d.Serial {", "if args.Kind == \"Get\" && args.Serial <= d.Serial {",
		"src/kvraft/server.go", "; d.Serial == args.Serial {", "; args.Kind == \"Get\" && d.Serial == args.Serial {",
	}, "service/one_key", []string{"Exactly Once", "Linearizability"}},
	{"2024", "a leader answers reads with what it has", []string{
		"src/kvraft/server.go", "\tindex, term, leader := kv.rf.Start(*args)\n", `	if _, leads := kv.rf.GetState(); leads && args.Kind == "Get" {
		*reply = Reply{Err: OK, Value: kv.data[args.Key]}
		kv.mu.Unlock()
		return
	}
	index, term, leader := kv.rf.Start(*args)
`,
	}, "service/old_leader", []string{"Stale Read", "Linearizability", "Lost Update"}},
	{"2024", "whoever waits for an index is told that it is done", []string{
		"src/kvraft/server.go", "if w.args != args {", "if false && w.args != args {",
		"src/kvraft/server.go", "if w.term != term {", "if false && w.term != term {",
	}, "service/lost_index", []string{"Lost Update", "Linearizability"}},
	{"2024", "what was done is not in the snapshot", []string{
		"src/kvraft/server.go", "e.Encode(kv.clients)", "e.Encode(map[int64]done{})",
	}, "snapshots/unanswered", []string{"Exactly Once", "Linearizability"}},
	{"2024", "the log is never cut", []string{
		"src/kvraft/server.go", "if kv.maxraftstate > 0 &&", "if kv.maxraftstate < -1 &&",
	}, "snapshots/size", []string{"Log Size"}},
	{"2024", "a restart forgets the snapshot", []string{
		"src/kvraft/server.go", "\tkv.restore(persister.ReadSnapshot())\n", "",
	}, "snapshots/restored", []string{"Lost Update", "Linearizability"}},
	{"2025", "a put that was sent twice is said to have failed", []string{
		"src/kvraft1/client.go", "if again && reply.Err == rpc.ErrVersion {", "if false && again {",
	}, "service/one_key", []string{"Exactly Once", "Linearizability"}},
	{"2025", "a server answers reads with what it has", []string{
		"src/kvraft1/server.go", "\terr, result := kv.rsm.Submit(*args)\n\tif err != rpc.OK {\n\t\treply.Err = err\n\t\treturn\n\t}\n\t*reply = result.(rpc.GetReply)\n", `	if _, leads := kv.rsm.Raft().GetState(); !leads {
		reply.Err = rpc.ErrWrongLeader
		return
	}
	*reply = kv.DoOp(*args).(rpc.GetReply)
`,
	}, "service/old_leader", []string{"Stale Read", "Linearizability", "Lost Update"}},
	{"2025", "versions are not looked at", []string{
		"src/kvraft1/server.go", "case e.Version != r.Version:", "case e.Version < r.Version:",
	}, "service/basic", []string{"Linearizability"}},
	{"2025", "Submit returns the result of whatever stands at its index", []string{
		"src/kvraft1/rsm/rsm.go", "if w.op.Me == op.Me && w.op.Id == op.Id {", "if true {",
		"src/kvraft1/rsm/rsm.go", "if w.term != term {", "if false && w.term != term {",
	}, "rsm/leader_partition", []string{"Commit Without Majority", "Linearizability"}},
	{"2025", "Submit waits for ever for an entry that is lost", []string{
		"src/kvraft1/rsm/rsm.go", "if w.op.Me == op.Me && w.op.Id == op.Id {", "if w.op.Me != op.Me || w.op.Id != op.Id {\n\t\t\t\trsm.waiting[-msg.CommandIndex] = w\n\t\t\t} else if true {",
		"src/kvraft1/rsm/rsm.go", "if w.term != term {", "if false && w.term != term {",
	}, "rsm/leader_partition", []string{"Client Progress"}},
	{"2025", "DoOp on the leader alone", []string{
		"src/kvraft1/rsm/rsm.go", "\t\tvalue := rsm.sm.DoOp(op.Req)\n", "\t\tvar value any\n\t\tif op.Me == rsm.me {\n\t\t\tvalue = rsm.sm.DoOp(op.Req)\n\t\t}\n",
	}, "rsm/basic", []string{"Agreement", "Linearizability"}},
	{"2025", "a snapshot that is installed is not restored", []string{
		"src/kvraft1/rsm/rsm.go", "\t\t\trsm.sm.Restore(msg.Snapshot)\n\t\t\tcontinue\n", "\t\t\tcontinue\n",
	}, "snapshots/left_behind", []string{"Lost Update", "Stale Read", "Linearizability"}},
	{"2025", "a restart forgets the snapshot", []string{
		"src/kvraft1/rsm/rsm.go", "\t\tsm.Restore(snapshot)\n", "",
	}, "rsm/snapshot", []string{"Linearizability", "Agreement"}},
}

func TestCourseServiceBugsAreFound(t *testing.T) {
	cache := t.TempDir()
	for _, b := range courseBugs {
		t.Run(b.year+" "+b.name, func(t *testing.T) {
			y := kvraftYear(t, b.year)
			for i := 0; i < len(b.edits); i += 3 {
				text := string(y.files[b.edits[i]])
				if strings.Count(text, b.edits[i+1]) != 1 {
					t.Fatalf("%s: expected once, found %d times: %s", b.edits[i], strings.Count(text, b.edits[i+1]), b.edits[i+1])
				}
				y.files[b.edits[i]] = []byte(strings.Replace(text, b.edits[i+1], b.edits[i+2], 1))
			}
			o := grader.Options{Dir: y.lay(t), Lab: labs.KVRaft(), CacheDir: cache, Run: regexp.MustCompile("^" + b.found + "$")}
			if os.Getenv("RAFTLAB_KVRAFT") == "all" {
				o.Run = nil
			}
			r := grade(t, o)
			found := 0
			for _, p := range r.Parts {
				for _, x := range p.Tests {
					if f := x.Failure; f != nil {
						found++
						t.Logf("%s/%s: %s: %s; expected %s, found %.200s", x.Part, x.Name, f.Property, f.Message, f.Expected, f.Found)
						if x.Part+"/"+x.Name == b.found && !slices.Contains(b.properties, f.Property) {
							t.Errorf("named %s, expected one of %v", f.Property, b.properties)
						}
					}
				}
			}
			if found == 0 {
				t.Error("not found")
			}
		})
	}
}

// Who has not begun to write gets nothing, and is told what was expected, in both
// languages.
func TestFreshCourseServiceGetsNothing(t *testing.T) {
	cache := t.TempDir()
	for year, says := range map[string][]string{
		"2024": {"a put had returned, and a later read does not show it", `is missing from "all", though its Append had returned`},
		"2025": {`client 0's Get("a") ended with the error ""`, "no Submit ended with OK within 10000 ms"},
	} {
		t.Run(year, func(t *testing.T) {
			r := grade(t, grader.Options{Dir: withService(t, year, "fresh-"+year).lay(t), Lab: labs.KVRaft(), CacheDir: cache, Seeds: 1})
			if r.Points != 0 || r.Max < 80 {
				t.Errorf("%g points of %g", r.Points, r.Max)
			}
			said := map[string]bool{}
			for _, p := range r.Parts {
				for _, x := range p.Tests {
					if x.Failure == nil {
						t.Errorf("%s/%s passes", x.Part, x.Name)
						continue
					}
					said[x.Failure.Message] = true
					if x.Failure.Expected == "" {
						t.Errorf("%s/%s: %s: nothing is expected", x.Part, x.Name, x.Failure.Message)
					}
					for _, text := range []string{x.Failure.Message, x.Failure.Expected} {
						if phrase.In("zh", text) == text && strings.Contains(text, " ") {
							t.Errorf("no Chinese for %q", text)
						}
					}
				}
			}
			t.Log(slices.Sorted(maps.Keys(said)))
			for _, s := range says {
				if !slices.ContainsFunc(slices.Collect(maps.Keys(said)), func(m string) bool { return strings.Contains(m, s) }) {
					t.Errorf("nobody says %q", s)
				}
			}
		})
	}
}
