package lessons

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// FS holds the folders of all lessons and FORMAT.md.
//
//go:embed FORMAT.md */en.md */zh.md */lesson.json
var FS embed.FS

// Text is a text in every language of the lessons.
type Text struct {
	EN string `json:"en"`
	ZH string `json:"zh"`
}

// Page is the text of a lesson in one language.
type Page struct {
	Title       string
	Description string
	Minutes     int
	Body        string // Markdown behind the front matter, with the directives
}

// Lesson is one lesson as its folder holds it.
type Lesson struct {
	Name      string          `json:"-"` // the folder's name: 03-majority
	Pages     map[string]Page `json:"-"` // by language: en, zh
	Scenario  Scenario        `json:"scenario"`
	Tasks     []Task          `json:"tasks"`
	Questions []Question      `json:"questions"`
}

// Scenario says what cluster a lesson or task starts from; FORMAT.md section 3.
// In a Task it is a patch: what is absent is as in the lesson.
type Scenario struct {
	Kind    string       `json:"kind,omitempty"`
	Servers int          `json:"servers,omitempty"`
	Clients int          `json:"clients,omitempty"`
	Seed    uint64       `json:"seed,omitempty"`
	Exact   bool         `json:"exact,omitempty"`
	Speed   float64      `json:"speed,omitempty"`
	Config  Config       `json:"config"`
	Load    []ClientLoad `json:"load,omitempty"`
	Actions []Action     `json:"actions,omitempty"`
}

// Range is a range of times in ms.
type Range [2]float64

// Config holds what can be set on a cluster. Nil means not given.
type Config struct {
	LatencyMs  *Range   `json:"latencyMs,omitempty"`
	Loss       *float64 `json:"loss,omitempty"` // probability
	ElectionMs *Range   `json:"electionMs,omitempty"`
	Heartbeat  *float64 `json:"heartbeatMs,omitempty"`

	PreVote        *bool `json:"preVote,omitempty"`
	CheckQuorum    *bool `json:"checkQuorum,omitempty"`
	Persistence    *bool `json:"persistence,omitempty"`
	CommitRule     *bool `json:"commitRule,omitempty"`
	RandomTimeouts *bool `json:"randomTimeouts,omitempty"`
	MaxPending     *int  `json:"maxPending,omitempty"` // entries

	Reads string `json:"reads,omitempty"` // kind raft: log, index, leader or any

	Policy  string `json:"policy,omitempty"`  // kind lock
	Variant string `json:"variant,omitempty"` // kind decider
}

// ClientLoad is a client that works by itself.
type ClientLoad struct {
	Client  string  `json:"client"`
	Op      string  `json:"op"`
	Key     string  `json:"key,omitempty"`
	Value   string  `json:"value,omitempty"`
	EveryMs float64 `json:"everyMs"`
}

// Action is something that a learner, or a solution, does; FORMAT.md section 4.
type Action struct {
	At      *float64   `json:"at"` // ms since the world began
	Do      string     `json:"do"`
	Server  string     `json:"server,omitempty"`
	Between string     `json:"between,omitempty"`
	From    string     `json:"from,omitempty"`
	To      string     `json:"to,omitempty"`
	Groups  [][]string `json:"groups,omitempty"`
	Method  string     `json:"method,omitempty"`
	Ms      float64    `json:"ms,omitempty"`
	Value   any        `json:"value,omitempty"` // string; with set: the new value
	Times   int        `json:"times,omitempty"`
	Client  string     `json:"client,omitempty"`
	Op      string     `json:"op,omitempty"`
	Key     string     `json:"key,omitempty"`
	Name    string     `json:"name,omitempty"`
}

// Task is something for the learner to do, with the goal that shows it is done.
type Task struct {
	ID       string    `json:"id"`
	Title    Text      `json:"title"`
	Text     Text      `json:"text"`
	Hint     Text      `json:"hint"`
	Scenario *Scenario `json:"scenario,omitempty"`
	Goal     Goal      `json:"goal"`
	Solution []Action  `json:"solution"`
}

// Goal is a condition on the trace; FORMAT.md section 5.
type Goal struct {
	Steps []Step `json:"steps"`
}

// Step is one predicate of a goal with its modifiers.
type Step struct {
	Predicate
	Count    int         `json:"count,omitempty"`
	ForMs    float64     `json:"forMs,omitempty"`
	WithinMs float64     `json:"withinMs,omitempty"`
	Without  []Predicate `json:"without,omitempty"`
	While    []Predicate `json:"while,omitempty"`
}

// Predicate is an event or a state. Which keys go with which is in FORMAT.md
// sections 5.2 and 5.3, and in the tables of check.go.
type Predicate struct {
	Event string `json:"event,omitempty"`
	State string `json:"state,omitempty"`

	Server   string   `json:"server,omitempty"`
	Servers  Servers  `json:"servers,omitempty"`
	Client   string   `json:"client,omitempty"`
	Op       string   `json:"op,omitempty"`
	Value    string   `json:"value,omitempty"`
	Result   string   `json:"result,omitempty"`
	Requests int      `json:"requests,omitempty"`
	Between  bool     `json:"between,omitempty"`
	Term     uint64   `json:"term,omitempty"`
	WasOn    string   `json:"wasOn,omitempty"`
	OldTerm  bool     `json:"oldTerm,omitempty"`
	Property Names    `json:"property,omitempty"`
	AtLeast  *float64 `json:"atLeast,omitempty"`
	AtMost   *float64 `json:"atMost,omitempty"`
	Is       any      `json:"is,omitempty"`
	Minority string   `json:"minority,omitempty"`
	Sizes    []int    `json:"sizes,omitempty"`
	Deaf     string   `json:"deaf,omitempty"`
	Mute     string   `json:"mute,omitempty"`
	From     string   `json:"from,omitempty"`
	To       string   `json:"to,omitempty"`
	Conflict bool     `json:"conflict,omitempty"`
	Entries  int      `json:"entries,omitempty"`
	Name     string   `json:"name,omitempty"`
}

// Servers is a number of servers, or All.
type Servers int

// All stands for every server of the scenario; in JSON "all".
const All Servers = -1

// UnmarshalJSON reads a number or "all".
func (s *Servers) UnmarshalJSON(b []byte) error {
	if string(b) == `"all"` {
		*s = All
		return nil
	}
	n, err := strconv.Atoi(string(b))
	if err != nil || n < 1 {
		return fmt.Errorf(`servers: expected a number above 0 or "all", found %s`, b)
	}
	*s = Servers(n)
	return nil
}

// MarshalJSON writes a number or "all".
func (s Servers) MarshalJSON() ([]byte, error) {
	if s == All {
		return []byte(`"all"`), nil
	}
	return strconv.AppendInt(nil, int64(s), 10), nil
}

// Names is a list of names; in JSON one alone may stand without brackets.
type Names []string

// UnmarshalJSON reads a string or a list of strings.
func (n *Names) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*n = Names{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(n))
}

// Question is a question with explained answers.
type Question struct {
	ID      string   `json:"id"`
	Prompt  Text     `json:"prompt"`
	Choices []Choice `json:"choices"`
}

// Choice is one answer and why it is right or wrong.
type Choice struct {
	Text    Text `json:"text"`
	Correct bool `json:"correct"`
	Why     Text `json:"why"`
}

// languages are the languages that every lesson has.
var languages = []string{"en", "zh"}

// Load reads and checks all lessons, in order. The error tells every mistake.
func Load() ([]Lesson, error) { return LoadFS(FS) }

// LoadFS is Load on another folder of lessons.
func LoadFS(fsys fs.FS) ([]Lesson, error) {
	dirs, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var all []Lesson
	var errs []error
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		l, err := loadOne(fsys, d.Name())
		if err != nil {
			errs = append(errs, err)
		} else if err := l.check(len(all) + 1); err != nil {
			errs = append(errs, err)
		}
		all = append(all, l)
	}
	if len(all) == 0 {
		errs = append(errs, errors.New("lessons: no folder NN-name here"))
	}
	return all, errors.Join(errs...)
}

func loadOne(fsys fs.FS, name string) (Lesson, error) {
	l := Lesson{Name: name, Pages: map[string]Page{}}
	b, err := fs.ReadFile(fsys, name+"/lesson.json")
	if err != nil {
		return l, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		line := 1 + bytes.Count(b[:min(int(d.InputOffset()), len(b))], []byte("\n"))
		return l, fmt.Errorf("%s/lesson.json: near line %d: %w", name, line, err)
	}
	if _, err := d.Token(); err != io.EOF {
		return l, fmt.Errorf("%s/lesson.json: more than one value in the file", name)
	}
	for _, lang := range languages {
		b, err := fs.ReadFile(fsys, name+"/"+lang+".md")
		if err != nil {
			return l, err
		}
		if l.Pages[lang], err = parsePage(string(b)); err != nil {
			return l, fmt.Errorf("%s/%s.md: %w", name, lang, err)
		}
	}
	return l, nil
}

func parsePage(s string) (p Page, err error) {
	head, body, ok := strings.Cut(strings.TrimPrefix(s, "---\n"), "\n---\n")
	if !ok || !strings.HasPrefix(s, "---\n") {
		return p, errors.New("expected a front matter between two lines of ---")
	}
	seen := map[string]bool{}
	for _, line := range strings.Split(head, "\n") {
		key, val, _ := strings.Cut(line, ":")
		val = strings.TrimSpace(val)
		if u, err := strconv.Unquote(val); err == nil {
			val = u
		}
		if val == "" || seen[key] {
			return p, fmt.Errorf("front matter: %q is empty, or there twice", line)
		}
		seen[key] = true
		switch key {
		case "title":
			p.Title = val
		case "description":
			p.Description = val
		case "minutes":
			if p.Minutes, err = strconv.Atoi(val); err != nil || p.Minutes < 1 {
				return p, fmt.Errorf("front matter: minutes: expected a whole number above 0, found %q", val)
			}
		default:
			return p, fmt.Errorf("front matter: unknown key %q; known: title, description, minutes", key)
		}
	}
	if len(seen) != 3 {
		return p, errors.New("front matter: expected title, description and minutes")
	}
	p.Body = body
	return p, nil
}

var directive = regexp.MustCompile(`(?m)^::.*$`)

// Directives lists the directives of a page, in order, as they stand there.
func (p Page) Directives() []string { return directive.FindAllString(p.Body, -1) }
