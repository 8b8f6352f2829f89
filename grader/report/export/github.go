package export

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/raftlab/raftlab/grader"
)

// maxAnnotations is how many of each kind GitHub shows for a step.
const maxAnnotations = 10

// WriteAnnotations writes workflow commands that make GitHub Actions show what is
// wrong beside the code. dir is the submission's folder within the repository.
// Of many students each has at most one, and the code is not in the repository.
func WriteAnnotations(w io.Writer, dir string, sheets []*Sheet) error {
	var list []annotation
	for _, s := range sheets {
		if len(sheets) == 1 && s.Student == "" {
			list = append(list, s.annotations(dir)...)
		} else if s.State != Graded {
			a := annotation{level: "warning", title: s.Student + ": " + s.Verdict, message: s.brief()}
			if s.State == Ungraded {
				a.level = "error"
			}
			list = append(list, a)
		}
	}
	var b strings.Builder
	for _, level := range []string{"error", "warning", "notice"} {
		var of []annotation
		for _, a := range list {
			if a.level == level {
				of = append(of, a)
			}
		}
		if n := len(of); n > maxAnnotations {
			more := fmt.Sprintf(messagesIn(sheets[0].Lang).annotationsMore, n-maxAnnotations+1)
			of = append(of[:maxAnnotations-1:maxAnnotations-1], annotation{level: level, message: more})
		}
		for _, a := range of {
			b.WriteString(a.command())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *Sheet) annotations(dir string) []annotation {
	var list []annotation
	for _, p := range s.Where {
		a := annotation{level: "error", title: s.Verdict, message: p.Message}
		if p.File != "" {
			a.file, a.line, a.column = path.Join(dir, p.File), p.Line, p.Column
		}
		list = append(list, a)
	}
	if s.State != Graded {
		if len(list) == 0 {
			list = append(list, annotation{level: "error", title: s.Verdict, message: s.Why})
		}
		return list
	}
	for i := range s.Tests {
		t := &s.Tests[i]
		if t.Status == grader.Passed || t.Status == grader.Skipped || t.Hidden && s.Secret {
			continue
		}
		a := annotation{level: "error", title: t.ID() + ": " + t.Property, message: t.Message}
		if t.Again != "" {
			a.message += "\n" + t.Again
		}
		if t.File != "" {
			a.file, a.line = path.Join(dir, t.File), t.Line
		}
		list = append(list, a)
	}
	heading, _, _ := strings.Cut(s.heading(), "\n")
	return append(list, annotation{level: "notice", title: s.Title, message: heading})
}

// annotation is one workflow command.
type annotation struct {
	level        string // error, warning, notice
	title        string
	message      string
	file         string
	line, column int
}

func (a *annotation) command() string {
	var props []string
	add := func(name, value string) {
		if value != "" {
			props = append(props, name+"="+escapeProperty(value))
		}
	}
	add("file", line(a.file))
	if a.file != "" && a.line > 0 {
		add("line", fmt.Sprint(a.line))
		if a.column > 0 {
			add("col", fmt.Sprint(a.column))
		}
	}
	add("title", short(line(a.title), 200))
	return "::" + a.level + " " + strings.Join(props, ",") + "::" + escapeData(short(plain(a.message), 4<<10)) + "\n"
}

var (
	dataEscaper     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscaper = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func escapeData(s string) string     { return dataEscaper.Replace(s) }
func escapeProperty(s string) string { return propertyEscaper.Replace(s) }

// MaxSummary is how many bytes GitHub takes as the summary of a step.
const MaxSummary = 1 << 20

// WriteSummary writes the job summary, at most room bytes: one submission's
// feedback, or a table of all students.
func WriteSummary(w io.Writer, name string, sheets []*Sheet, room int) error {
	if len(sheets) == 1 && sheets[0].Student == "" {
		return sheets[0].writeMarkdown(w, room)
	}
	lang := "en"
	if len(sheets) > 0 {
		lang = sheets[0].Lang
	}
	m := messagesIn(lang)
	p := &page{room: room, tail: "\n" + m.tooLong + "\n"}
	p.put("# " + inline(name) + "\n\n" + fmt.Sprintf(m.students, len(sheets)) + "\n\n")
	p.put(row(m.student, m.verdict, m.pointsHead, m.result) + row(":--", ":--", "--:", ":--"))
	for _, s := range sheets {
		points := number(s.Final) + " / " + number(s.Max)
		say, _, _ := strings.Cut(s.brief(), "\n")
		switch s.State {
		case Ungraded:
			points = ""
		case Graded:
			say = ""
			for i := range s.Tests {
				if t := &s.Tests[i]; t.Status == grader.Failed {
					say = t.ID() + ": " + t.Property
					break
				}
			}
		}
		p.put(row(inline(s.Student), inline(s.Verdict), points, inline(short(line(say), 200))))
	}
	return p.write(w)
}
