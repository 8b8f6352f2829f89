package lessons

import (
	"encoding/json"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"unicode"
	"unicode/utf8"
)

func TestAllLessonsAreSound(t *testing.T) {
	all, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 11 {
		t.Errorf("expected the eleven lessons, found %d", len(all))
	}
}

// Words of English; Chinese is counted in characters, about 1.6 of which say
// what a word says.
func TestLessonsHaveTheRightLength(t *testing.T) {
	all, _ := Load()
	for _, l := range all {
		en := len(strings.Fields(l.Pages["en"].Body))
		zh := 0
		for _, r := range l.Pages["zh"].Body {
			if unicode.Is(unicode.Han, r) {
				zh++
			}
		}
		if en < 650 || en > 1450 {
			t.Errorf("%s/en.md: %d words, expected 700 to 1400", l.Name, en)
		}
		if zh < 900 || zh > 2600 {
			t.Errorf("%s/zh.md: %d characters, expected 900 to 2600", l.Name, zh)
		}
	}
}

// FORMAT.md is what the evaluators are written from: it and the tables agree.
func TestFormatNamesEveryPredicateAndAction(t *testing.T) {
	b, err := fs.ReadFile(FS, "FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, line := range strings.Split(string(b), "\n") {
		if cells := strings.Split(line, "|"); len(cells) > 2 {
			for _, name := range regexp.MustCompile("`([A-Za-z0-9]+)`").FindAllStringSubmatch(cells[1], -1) {
				rows[name[1]] = true
			}
		}
	}
	for _, table := range []map[string]string{events, states, actions} {
		for name := range table {
			if !rows[name] {
				t.Errorf("FORMAT.md has no row for %q", name)
			}
		}
	}
}

func TestMistakesAreFound(t *testing.T) {
	// Each edit of the third lesson is a mistake; the error must name it.
	for _, m := range []struct{ file, old, new, want string }{
		{"lesson.json", `"kind": "raft"`, `"kind": "paxos"`, `kind "paxos"`},
		{"lesson.json", `"loss": 0`, `"lost": 0`, "lost"},
		{"lesson.json", `"preVote": false, `, ``, "config.preVote"},
		{"lesson.json", `"event": "campaign"`, `"event": "campain"`, "campain"},
		{"lesson.json", `{"event": "campaign"}`, `{"event": "campaign", "term": 3}`, `key "term"`},
		{"lesson.json", `"minority": "leader"`, `"minority": "boss"`, `"boss"`},
		{"lesson.json", `"down1"`, `"down0"`, `"down0"`},
		{"lesson.json", `"at": 7500`, `"at": 75`, "not before"},
		{"lesson.json", `"id": "two-sides"`, `"id": "two-of-five"`, "used twice"},
		{"lesson.json", `"zh": "一台。"`, `"zh": ""`, "empty"},
		{"lesson.json", `"sizes": [2, 2]}`, `"sizes": [2, 2]}, {}`, "either an event or a state"},
		{"en.md", "::cluster", "::clutter", "::clutter"},
		{"en.md", "::question{id=overlap}", "", "::question{id=overlap}"},
		{"en.md", "minutes:", "minute:", "minute"},
		{"en.md", "---\n", "", "front matter"},
	} {
		fsys := fstest.MapFS{}
		for _, f := range []string{"lesson.json", "en.md", "zh.md"} {
			b, err := fs.ReadFile(FS, "03-majority/"+f)
			if err != nil {
				t.Fatal(err)
			}
			s := string(b)
			if f == m.file {
				if s = strings.Replace(s, m.old, m.new, 1); s == string(b) {
					t.Errorf("%s: %q is not there", m.file, m.old)
				}
			}
			fsys["01-majority/"+f] = &fstest.MapFile{Data: []byte(s)}
		}
		if _, err := LoadFS(fsys); err == nil || !strings.Contains(err.Error(), m.want) {
			t.Errorf("%q in place of %q: expected an error with %q, got %v", m.new, m.old, m.want, err)
		}
	}
}

func TestAPatchLeavesTheLessonAlone(t *testing.T) {
	all, err := Load()
	if err != nil {
		t.Skip("see the other tests")
	}
	for _, l := range all {
		before, _ := json.Marshal(l.Scenario)
		for _, task := range l.Tasks {
			if _, err := l.Scenario.Patched(task.Scenario); err != nil {
				t.Error(err)
			}
		}
		if after, _ := json.Marshal(l.Scenario); string(after) != string(before) {
			t.Errorf("%s: a task's patch changed the lesson's scenario", l.Name)
		}
	}
}

// The lab's hints and handouts are texts of the same kind, held to the same rules.
func TestLabTextsAreComplete(t *testing.T) {
	b, err := os.ReadFile("../raft/hints.json")
	if err != nil {
		t.Fatal(err)
	}
	var hints map[string]struct {
		Title, Meaning Text
		Section, Kind  string
		Hints          []Text
	}
	if err := json.Unmarshal(b, &hints); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Election Safety", "State Machine Safety", "Leader Completeness",
		"Apply Order", "Apply Integrity", "Term Monotonicity", "Durable Term", "Vote Once",
		"Snapshot Integrity", "Start Contract", "Commit Without Majority", "Leader Elected",
		"Agreement", "Leader Stability", "Recovery", "Start Returns", "RPC Budget", "Byte Budget",
		"Log Size", "No Panic", "No Deadlock", "No Busy Loop", "Memory", "No Exit", "Output"} {
		h, ok := hints[name]
		c := &checker{lesson: "hints.json"}
		for _, text := range append(h.Hints, h.Title, h.Meaning) {
			c.text(name, text)
		}
		if !ok || len(c.errs) > 0 || len(h.Hints) != 3 || !strings.HasPrefix(h.Section, "§") ||
			!strings.Contains("safety liveness budget fault", h.Kind) || h.Kind == "" {
			t.Errorf("hints.json: %q is incomplete: %v", name, c.errs)
		}
		delete(hints, name)
	}
	for name := range hints {
		t.Errorf("hints.json: %q is the name of no property", name)
	}
	heading := regexp.MustCompile(`(?m)^#+ `)
	var n [2]int
	for i, f := range []string{"../raft/handout/en.md", "../raft/handout/zh.md"} {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		n[i] = len(heading.FindAll(b, -1))
	}
	if n[0] != n[1] {
		t.Errorf("handout: %d headings in English, %d in Chinese", n[0], n[1])
	}
}

// Markdown does not close an emphasis between a full stop and a Chinese
// character, nor open one between a character and a quotation mark: each run of
// asterisks must be able to do its work where it stands (CommonMark, 6.2).
func TestEmphasisIsSeenAsSuch(t *testing.T) {
	files := map[string]string{}
	all, _ := Load()
	for _, l := range all {
		for lang, p := range l.Pages {
			files[l.Name+"/"+lang+".md"] = p.Body
		}
	}
	for _, f := range []string{"../raft/handout/en.md", "../raft/handout/zh.md"} {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		files[f] = string(b)
	}
	code := regexp.MustCompile("`[^`]*`")
	runs := regexp.MustCompile(`\*+`)
	blank := func(r rune) bool { return r == utf8.RuneError || unicode.IsSpace(r) }
	punct := func(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }
	for f, body := range files {
		for _, line := range strings.Split(body, "\n") {
			if strings.HasPrefix(line, "    ") {
				continue
			}
			s := code.ReplaceAllString(line, "x")
			open := ""
			for _, at := range runs.FindAllStringIndex(s, -1) {
				run := s[at[0]:at[1]]
				before, _ := utf8.DecodeLastRuneInString(s[:at[0]])
				after, _ := utf8.DecodeRuneInString(s[at[1]:])
				if run == open {
					before, after = after, before // closing mirrors opening
				}
				if blank(after) || punct(after) && !blank(before) && !punct(before) {
					t.Errorf("%s: %q does nothing in %q", f, run, line)
				}
				switch open {
				case run:
					open = ""
				default:
					open = run
				}
			}
			if open != "" {
				t.Errorf("%s: %q is not closed in %q", f, open, line)
			}
		}
	}
}
