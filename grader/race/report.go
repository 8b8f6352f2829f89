package race

import (
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Place is a line of the student's.
type Place struct {
	File string `json:"file"` // as the student sees it
	Line int    `json:"line"`
	Func string `json:"func"` // such as (*Raft).RequestVote
}

// Access is one of the two sides of a race.
type Access struct {
	Write bool  `json:"write"`
	At    Place `json:"at"`
	// In says within what the memory was used: "" in the line itself, else the
	// framework's part that the line calls, such as labrpc.Call or labgob.
	In string `json:"in,omitempty"`
	// Stack are the student's frames, the innermost first.
	Stack []Place `json:"stack"`
	// Entry says what runs this goroutine: one of the Entry constants.
	Entry string `json:"entry"`
	// Started is where the student's code started the goroutine, for EntryGo.
	Started *Place `json:"started,omitempty"`
}

// What runs a goroutine.
const (
	EntryMake     = "Make"
	EntryRPC      = "RPC" // a handler: the outermost frame
	EntryStart    = "Start"
	EntrySnapshot = "Snapshot"
	EntryGetState = "GetState"
	EntryMaker    = "maker" // what makes a service, a clerk or a lock: the outermost frame
	EntryCall     = "call"  // a client's operation, or a question to a server: the outermost frame
	EntryTimer    = "timer" // time.AfterFunc
	EntryGo       = "go"    // a go statement of the student's
)

// frame is one of a stack trace.
type frame struct {
	fn, file string
	line     int
}

var (
	accessLine  = regexp.MustCompile(`^(?:Previous )?(?:atomic )?([Rr]ead|[Ww]rite) at 0x[0-9a-f]+ by (.*):$`)
	createdLine = regexp.MustCompile(`^(Goroutine \d+) \(.*\) created at:$`)
	placeLine   = regexp.MustCompile(`^\s+(.+\.go):(\d+)(?: \+0x[0-9a-f]+)?$`)
)

// names tells the student's files from the kit's.
type names struct {
	client  bool              // the program is a client
	sources map[string]string // build.Native.SourceMap
	kit     string
}

// parse reads what the detector wrote: all races between two places of the
// student's, each with its report. What the kit does inside itself, without the
// detector's knowledge, is left out.
func (n *names) parse(text string) (races [][2]Access, reports []string) {
	for _, block := range strings.Split(text, "==================\n") {
		if !strings.HasPrefix(block, "WARNING: DATA RACE") {
			continue
		}
		if r, ok := n.race(block); ok {
			races, reports = append(races, r), append(reports, n.shown(block))
		}
	}
	return races, reports
}

func (n *names) race(block string) (r [2]Access, ok bool) {
	var stacks [2][]frame
	var who [2]string
	created := make(map[string][]frame)
	k := 0
	for _, part := range strings.Split(strings.TrimPrefix(block, "WARNING: DATA RACE\n"), "\n\n") {
		head, rest, _ := strings.Cut(part, "\n")
		if m := accessLine.FindStringSubmatch(head); m != nil && k < 2 {
			r[k].Write = strings.EqualFold(m[1], "write")
			stacks[k], who[k] = frames(rest), m[2]
			k++
		} else if m := createdLine.FindStringSubmatch(head); m != nil {
			created[strings.ToLower(m[1])] = frames(rest)
		}
	}
	if k < 2 {
		return r, false
	}
	for i := range r {
		if !n.access(&r[i], stacks[i], created[strings.ToLower(who[i])]) {
			return r, false
		}
	}
	// The same pair is the same race, whichever came first.
	if slices.Compare(key(&r[0]), key(&r[1])) > 0 {
		r[0], r[1] = r[1], r[0]
	}
	return r, true
}

func key(a *Access) []string {
	return []string{a.At.File, strconv.Itoa(a.At.Line + 1_000_000), strconv.FormatBool(a.Write)}
}

// frames reads a stack trace: a line with the function, a line with the place.
func frames(text string) []frame {
	var out []frame
	fn := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if m := placeLine.FindStringSubmatch(line); m != nil {
			n, _ := strconv.Atoi(m[2])
			if !strings.Contains(fn, ".gowrap") { // the compiler's, at the go statement
				out = append(out, frame{fn, m[1], n})
			}
			continue
		}
		fn = strings.TrimSuffix(strings.TrimSpace(line), "()")
	}
	return out
}

// access fills in a from its stack. It reports false if the memory is the kit's.
func (n *names) access(a *Access, stack, created []frame) bool {
	own := false
	for _, f := range stack {
		switch file, ok := n.sources[f.file]; {
		case ok:
			p := Place{file, f.line, short(f.fn)}
			if !own {
				own, a.At = true, p
			}
			a.Stack = append(a.Stack, p)
		case !own && strings.HasPrefix(f.file, n.kit):
			return false
		case !own && a.In != "labrpc.Call":
			if p := path.Base(path.Dir(f.file)); p == "labgob" || p == "labrpc" {
				if a.In = p; p == "labrpc" {
					a.In = "labrpc.Call"
				}
			}
		}
	}
	if !own {
		return false
	}
	if a.Entry == "" {
		a.Entry = EntryTimer
		for _, f := range created {
			if file, ok := n.sources[f.file]; ok {
				a.Entry, a.Started = EntryGo, &Place{file, f.line, short(f.fn)}
				break
			}
			if strings.HasPrefix(f.file, n.kit) {
				a.Entry = n.entry(a.Stack[len(a.Stack)-1].Func)
				break
			}
		}
	}
	return true
}

// entry is what the kit runs by calling the student's function fn. Its own frames
// are not in the detector's stacks, since it is compiled without instruments.
func (n *names) entry(fn string) string {
	switch name := fn[strings.LastIndex(fn, ".")+1:]; {
	case slices.Contains([]string{"StartKVServer", "MakeClerk", "MakeLock", "MakeRSM"}, name):
		return EntryMaker
	case n.client || name == "Raft" || name == "Submit":
		return EntryCall
	case slices.Contains([]string{EntryMake, EntryStart, EntrySnapshot, EntryGetState}, name):
		return name
	}
	return EntryRPC
}

// short is a function without its package's path.
func short(fn string) string {
	fn = fn[strings.LastIndex(fn, "/")+1:]
	if _, rest, ok := strings.Cut(fn, "."); ok {
		return rest
	}
	return fn
}

// shown is a report with the student's own file names.
func (n *names) shown(block string) string {
	for module, file := range n.sources {
		block = strings.ReplaceAll(block, module+":", file+":")
	}
	return strings.TrimSpace(block)
}
