package batch

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/labs"
)

// Course is the course file, grade.toml: what an instructor decides about a lab.
// docs/batch.md explains each key.
type Course struct {
	Title string   `toml:"title"`
	Lab   string   `toml:"lab"`   // one of labs.Names, or a lab's folder, relative to the course file
	Parts []string `toml:"parts"` // those graded; none: all
	// Profile is the lab that the folders hold (grade --profile); none: each is recognised.
	Profile string      `toml:"profile"`
	Raft    grader.Raft `toml:"raft"` // what a service stands on; none: the folder's
	Due     Time        `toml:"-"`    // the deadline
	// When is Due as the file has it: a TOML date-time with its zone, or a string.
	When any `toml:"due"`

	Seeds    SeedRules          `toml:"seeds"`
	Points   map[string]float64 `toml:"points"` // by "part" or "part/test"
	Limits   LimitRules         `toml:"limits"`
	Late     LateRules          `toml:"late"`
	Feedback FeedbackRules      `toml:"feedback"`
}

// SeedRules choose the worlds.
type SeedRules struct {
	First uint64 `toml:"first"` // the first seed of each test; 0 is 1
	// FirstEnv names an environment variable that holds the first seed, or a
	// text of which it is made: so a repository may hold the course file, and a
	// secret store what nobody is to guess.
	FirstEnv string `toml:"first_env"`
	Count    int    `toml:"count"` // runs of each test; 0: each test's own number
}

// minSecret is how many characters of a text a seed may be made of: fewer are
// soon tried out.
const minSecret = 16

// FirstSeed is the first seed of each test: that of the file, or of the variable
// that it names, whose value getenv returns. A number is the seed. Any other text
// is hashed to one of 53 bits, which every reader of JSON takes in whole.
func (r *SeedRules) FirstSeed(getenv func(string) string) (uint64, error) {
	if r.FirstEnv == "" {
		return max(1, r.First), nil
	}
	text := strings.TrimSpace(getenv(r.FirstEnv))
	if n, err := strconv.ParseUint(text, 10, 64); err == nil && n > 0 {
		return n, nil
	}
	if len(text) < minSecret {
		found := "none"
		if text != "" {
			found = "something else" // which may be a secret
		}
		return 0, &CourseError{Msg: fmt.Sprintf("seeds.first_env: expected a number from 1, or a text of at least %d characters, in the environment variable %s, found %s; set it: export %s=$(openssl rand -hex 16)", minSecret, r.FirstEnv, found, r.FirstEnv)}
	}
	sum := sha256.Sum256([]byte("raftlab first seed 1\n" + text))
	return max(1, binary.BigEndian.Uint64(sum[:])>>11), nil
}

// LimitRules bound one submission. Zero fields are the defaults.
type LimitRules struct {
	Work   float64  `toml:"work"`   // million loops in all runs
	CPU    Duration `toml:"cpu"`    // processor time of the grading
	Time   Duration `toml:"time"`   // wall time
	Memory string   `toml:"memory"` // "2GiB", of each process
}

// LateRules are what a late submission loses.
type LateRules struct {
	Grace   Duration `toml:"grace"`    // after the deadline, for free
	PerDay  float64  `toml:"per_day"`  // percent of the points, for each day begun
	MaxDays int      `toml:"max_days"` // after them nothing is left; 0: no such day
}

// FeedbackRules are what students are shown.
type FeedbackRules struct {
	Lang  string `toml:"lang"`  // "en" or "zh"
	Hints *int   `toml:"hints"` // steps of hints given away; default 2
	// Hidden names parts and tests, with * for any text, that students see only
	// after the deadline; their points count at once.
	Hidden []string `toml:"hidden"`
	// HideSeeds keeps seeds, and what follows from them, from students until the
	// deadline; for good if there is none.
	HideSeeds bool `toml:"hide_seeds"`
}

// Time is a point in time with its zone.
type Time struct{ time.Time }

// readDue takes Due from what the file says.
func (c *Course) readDue() (err error) {
	switch when := c.When.(type) {
	case nil:
	case time.Time:
		c.Due.Time = when
	case string:
		c.Due.Time, err = parseTime(when)
	default: // a date or a time without its zone, or no time at all
		_, err = parseTime(fmt.Sprint(when))
	}
	if err != nil {
		return fmt.Errorf("due: %w", err)
	}
	return nil
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("expected a time with its zone, such as 2026-10-01T23:59:00-04:00, found %q", s)
}

// Duration is a time span, written like 90s or 10m.
type Duration struct{ time.Duration }

// UnmarshalText reads what time.ParseDuration does.
func (d *Duration) UnmarshalText(b []byte) (err error) {
	if d.Duration, err = time.ParseDuration(string(b)); err != nil || d.Duration < 0 {
		return fmt.Errorf("expected a time span such as 90s or 10m, found %q", b)
	}
	return nil
}

// CourseError says what is wrong with a course file, and where.
type CourseError struct {
	File string // "" if it is not known
	Line int    // 0: the file as a whole
	Msg  string
}

func (e *CourseError) Error() string {
	switch {
	case e.File == "":
		return e.Msg
	case e.Line > 0:
		return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
	}
	return e.File + ": " + e.Msg
}

// ReadCourse reads a course file.
func ReadCourse(name string) (*Course, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, &CourseError{File: name, Msg: "cannot be read: " + cause(err).Error()}
	}
	return ParseCourse(name, b)
}

// ParseCourse reads the text of a course file; name is for messages. Unknown
// keys are errors: a misspelt deadline must not be no deadline.
func ParseCourse(name string, b []byte) (*Course, error) {
	var c Course
	d := toml.NewDecoder(bytes.NewReader(b)).DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return nil, courseError(name, err)
	}
	err := c.readDue()
	if err == nil {
		err = c.check()
	}
	if err != nil {
		key, msg, _ := strings.Cut(err.Error(), ": ")
		return nil, &CourseError{File: name, Line: lineOf(b, key), Msg: key + ": " + msg}
	}
	if _, ours := labs.Named(c.Lab); c.Lab != "" && !ours && !filepath.IsAbs(c.Lab) {
		c.Lab = filepath.Join(filepath.Dir(name), filepath.FromSlash(c.Lab))
	}
	return &c, nil
}

func courseError(name string, err error) error {
	var missing *toml.StrictMissingError
	var decode *toml.DecodeError
	switch {
	case errors.As(err, &missing) && len(missing.Errors) > 0:
		e := missing.Errors[0]
		line, _ := e.Position()
		return &CourseError{File: name, Line: line, Msg: fmt.Sprintf("there is no key %s; expected one of %s", strings.Join(e.Key(), "."), keysBeside(e.Key()))}
	case errors.As(err, &decode):
		line, _ := decode.Position()
		return &CourseError{File: name, Line: line, Msg: strings.TrimPrefix(decode.Error(), "toml: ")}
	}
	return &CourseError{File: name, Msg: strings.TrimPrefix(err.Error(), "toml: ")}
}

// keysBeside lists the keys that a table has.
func keysBeside(key []string) string {
	tables := map[string]string{
		"": "title, lab, parts, profile, raft, due, [seeds], [points], [limits], [late], [feedback]", "seeds": "first, first_env, count",
		"limits": "work, cpu, time, memory", "late": "grace, per_day, max_days", "feedback": "lang, hints, hidden, hide_seeds",
	}
	if len(key) > 1 {
		if s := tables[key[0]]; s != "" {
			return s
		}
	}
	return tables[""]
}

// lineOf finds the line of a key in the file, to show where a bad value stands.
func lineOf(b []byte, key string) int {
	table, name, ok := strings.Cut(key, ".")
	if !ok {
		table, name = "", key
	}
	at := ""
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			at = strings.Trim(line, "[] ")
			continue
		}
		k, _, _ := strings.Cut(line, "=")
		k = strings.Trim(strings.TrimSpace(k), `"'`)
		if at == table && k == name || at == "" && k == key {
			return n
		}
	}
	return 0
}

// check refuses values that cannot be meant. Its errors begin with the key.
func (c *Course) check() error {
	switch {
	case c.Profile != "" && !slices.Contains(build.Profiles(), c.Profile):
		return fmt.Errorf("profile: expected one of %s, found %q", strings.Join(build.Profiles(), ", "), c.Profile)
	case !c.Raft.Known():
		return fmt.Errorf("raft: expected %s, found %q", strings.Join(grader.Rafts(), " or "), c.Raft)
	case c.Seeds.First != 0 && c.Seeds.FirstEnv != "":
		return errors.New("seeds.first_env: expected first or first_env, found both")
	case c.Seeds.Count < 0 || c.Seeds.Count > 10_000:
		return fmt.Errorf("seeds.count: expected a number from 1 to 10000, found %d", c.Seeds.Count)
	case c.Limits.Work < 0 || c.Limits.Work > 1e9:
		return fmt.Errorf("limits.work: expected a number of million loops from 1 to 1e9, found %g", c.Limits.Work)
	case c.Late.PerDay < 0 || c.Late.PerDay > 100:
		return fmt.Errorf("late.per_day: expected a percentage from 0 to 100, found %g", c.Late.PerDay)
	case c.Late.MaxDays < 0:
		return fmt.Errorf("late.max_days: expected a number of days from 0, found %d", c.Late.MaxDays)
	case (c.Late.PerDay > 0 || c.Late.MaxDays > 0) && c.Due.IsZero():
		return errors.New("late.per_day: a late policy needs a deadline: set due")
	case len(c.Feedback.Hidden) > 0 && c.Due.IsZero():
		return errors.New("feedback.hidden: what is hidden until the deadline needs one: set due")
	case c.Feedback.Lang != "" && c.Feedback.Lang != "en" && c.Feedback.Lang != "zh":
		return fmt.Errorf("feedback.lang: expected en or zh, found %q", c.Feedback.Lang)
	case c.Feedback.Hints != nil && (*c.Feedback.Hints < 0 || *c.Feedback.Hints > 9):
		return fmt.Errorf("feedback.hints: expected a number from 0 to 9, found %d", *c.Feedback.Hints)
	}
	for name, points := range c.Points {
		if points < 0 || math.IsInf(points, 0) || math.IsNaN(points) {
			return fmt.Errorf("points.%s: expected points from 0, found %g", name, points)
		}
	}
	for _, p := range c.Feedback.Hidden {
		if _, err := path.Match(p, ""); err != nil {
			return fmt.Errorf("feedback.hidden: %q is not a pattern: %v", p, err)
		}
	}
	_, err := c.limits()
	return err
}

// limits are the course's, or the defaults.
func (c *Course) limits() (Limits, error) {
	l := DefaultLimits()
	if c.Limits.Work > 0 {
		l.Work = int64(c.Limits.Work * 1e6)
	}
	if d := c.Limits.CPU.Duration; d > 0 {
		l.CPU = int(max(1, math.Ceil(d.Seconds())))
	}
	if d := c.Limits.Time.Duration; d > 0 {
		l.Time = int(max(1, math.Ceil(d.Seconds())))
	}
	if s := c.Limits.Memory; s != "" {
		n, err := parseBytes(s)
		if err != nil || n < 512<<20 {
			return l, fmt.Errorf("limits.memory: expected at least 512MiB, written like 2GiB, found %q", s)
		}
		l.Memory = n
	}
	return l, nil
}

func parseBytes(s string) (int64, error) {
	for unit, n := range map[string]float64{"MiB": 1 << 20, "GiB": 1 << 30, "MB": 1e6, "GB": 1e9} {
		if digits, ok := strings.CutSuffix(s, unit); ok {
			f, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
			if err != nil || f < 0 || f*n > 1<<50 {
				return 0, errors.New("not a size")
			}
			return int64(f * n), nil
		}
	}
	return 0, errors.New("not a size")
}

// Fit checks the names in the course file against the lab.
func (c *Course) Fit(name string, lab *script.Lab) error {
	known := func(n string) bool {
		for _, p := range lab.Parts {
			if p.Is(n) {
				return true
			}
			for _, t := range p.Tests {
				if n == p.Name+"/"+t.Name {
					return true
				}
			}
		}
		return false
	}
	for _, n := range c.Parts {
		if !slices.ContainsFunc(lab.Parts, func(p *script.Part) bool { return p.Is(n) }) {
			return &CourseError{File: name, Msg: fmt.Sprintf("parts: the lab %s has no part %q", lab.Name, n)}
		}
	}
	for _, pattern := range c.Feedback.Hidden { // a slip would show what is to be hidden
		only := Course{Feedback: FeedbackRules{Hidden: []string{pattern}}}
		if !slices.ContainsFunc(lab.Parts, func(p *script.Part) bool {
			return slices.ContainsFunc(p.Tests, func(t *script.Test) bool { return only.hides(p.Name, t.Name) })
		}) {
			return &CourseError{File: name, Msg: fmt.Sprintf("feedback.hidden: the lab %s has no part or test %q; parts go by their own names (grade list), tests are named part/test", lab.Name, pattern)}
		}
	}
	if c.Raft.OnCore() && lab.Service == "" {
		return &CourseError{File: name, Msg: fmt.Sprintf("raft: expected own, found core: the lab %s grades the Raft itself; a lab on top of it, such as kv, may stand on the core", lab.Name)}
	}
	for n := range c.Points {
		if !known(n) {
			return &CourseError{File: name, Msg: fmt.Sprintf("points: the lab %s has no part or test %q; tests are named part/test", lab.Name, n)}
		}
	}
	return nil
}
