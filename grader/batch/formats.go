package batch

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/raftlab/raftlab/grader/phrase"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/report/export"
)

// view is what one reader may see, and in which language.
type view struct {
	lang   string
	hints  int
	secret bool // hidden tests are kept back
	seeds  bool // seeds may be seen
}

// viewOf is what students may see at a time.
func (c *Course) viewOf(now time.Time) view {
	v := view{lang: "en", hints: feedbackHints, secret: c.secret(now)}
	v.seeds = !c.Feedback.HideSeeds || !c.Due.IsZero() && !v.secret
	if c.Feedback.Lang != "" {
		v.lang = c.Feedback.Lang
	}
	if c.Feedback.Hints != nil {
		v.hints = *c.Feedback.Hints
	}
	return v
}

// openView is that of whoever runs the course.
func (v view) open() view { return view{lang: v.lang, hints: v.hints, seeds: true} }

func (v view) options() report.Options {
	return report.Options{Lang: v.lang, Width: 100, Verbose: true, Hints: v.hints, HideSeeds: !v.seeds}
}

// sheet is a grade as other tools want it.
func (g *Grade) sheet(title string, v view) *export.Sheet {
	s := &export.Sheet{
		Student: g.ID, Title: title, Lang: v.lang, Verdict: phrase.In(v.lang, string(g.Verdict)),
		Points: g.Points, Max: g.Max, Final: g.Final, LateDays: g.LateDays, Secret: v.secret,
	}
	o := v.options()
	switch g.Verdict {
	case Graded:
		s.Facts = export.FactsOf(g.record.Result, o.HideSeeds)
	case Ungraded:
		s.State, s.Why = export.Ungraded, string(g.why(v))
	default:
		s.State, s.Why = export.Unfit, string(g.why(v))
	}
	if g.Verdict != Graded {
		s.Where = export.Places(g.record.Problems, v.lang)
		if len(s.Where) == 0 {
			s.Where = []export.Place{{Message: phrase.In(v.lang, g.Reason)}}
		}
		s.Facts = append(s.Facts, export.Fact{Name: "grader", Value: g.record.Spec.Grader}, export.Fact{Name: "labHash", Value: g.record.Spec.Hash})
	}
	s.Facts = append(s.Facts, export.Fact{Name: "submission", Value: g.Submission}, export.Fact{Name: "record", Value: g.Key})
	for _, t := range g.Tests {
		x := export.Test{Part: t.Part, Name: t.Name, Title: t.Title.In(v.lang)}
		if t.result != nil {
			x = export.TestOf(t.result, o)
		}
		x.Status, x.Points, x.Max, x.Hidden = t.Status, round(t.Points), round(t.Max), t.Hidden
		s.Tests = append(s.Tests, x)
	}
	return s
}

// perStudent and ofAll are the files of each format: one for each student, or
// one for all.
var (
	perStudent = map[export.Format]string{export.Markdown: "feedback.md", export.Gradescope: "results.json", export.Classroom: "classroom.json"}
	ofAll      = map[export.Format]string{export.JUnit: "junit.xml", export.Summary: "summary.md", export.Annotations: "annotations.txt"}
)

// export writes the book in the formats asked for. A file of a format that is not
// asked for goes, since it may say what no longer holds.
func (s *Store) export(b *Book, v view, formats []export.Format) error {
	title := b.Course
	if title == "" {
		title = b.Lab
	}
	var all []*export.Sheet
	for _, g := range b.Students {
		all = append(all, g.sheet(title, v.open()))
		seen := g.sheet(title, v)
		for f, name := range perStudent {
			err := s.put(filepath.Join("students", g.ID, name), slices.Contains(formats, f), func(w *bytes.Buffer) error {
				switch f {
				case export.Gradescope:
					return export.WriteGradescope(w, seen)
				case export.Classroom:
					return export.WriteClassroom(w, seen)
				}
				return export.WriteMarkdown(w, seen)
			})
			if err != nil {
				return err
			}
			if s.holds("students", g.ID, name) {
				b.wrote("students/*/" + name)
			}
		}
	}
	for f, name := range ofAll {
		err := s.put(name, slices.Contains(formats, f), func(w *bytes.Buffer) error {
			switch f {
			case export.JUnit:
				return export.WriteJUnit(w, title, all)
			case export.Annotations:
				return export.WriteAnnotations(w, "", all)
			}
			return export.WriteSummary(w, title, all, export.MaxSummary)
		})
		if err != nil {
			return err
		}
		if s.holds(name) {
			b.wrote(name)
		}
	}
	return nil
}

// holds reports whether a file is in the results folder.
func (s *Store) holds(name ...string) bool {
	_, err := os.Stat(filepath.Join(s.dir, filepath.Join(name...)))
	return err == nil
}

// put writes a file of the results folder unless it is there already, byte for
// byte; or removes it.
func (s *Store) put(name string, want bool, write func(*bytes.Buffer) error) error {
	name = filepath.Join(s.dir, name)
	var b bytes.Buffer
	if want {
		err := write(&b)
		if err != nil && !errors.Is(err, export.ErrUngraded) {
			return err
		}
		want = err == nil
	}
	if !want {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, b.Bytes()) {
		return nil
	}
	return writeWhole(name, b.Bytes())
}
