package report

import (
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/fatih/color"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/phrase"
)

// Options say how to show what there is to show.
type Options struct {
	Lang    string // "en" or "zh"
	Width   int    // columns of the terminal; 0 is 80
	Color   bool
	ASCII   bool // no line-drawing characters
	Verbose bool // every failure at full length, every line of it
	Budgets bool // a table of what was used and allowed
	Hints   int  // how many steps of hints to give away
	// HideSeeds leaves out what would let a reader repeat the run: seeds, hashes
	// and the command that does so.
	HideSeeds bool
	// Code, if not nil, holds the student's folder, to quote lines from.
	Code fs.FS
	// Replay, if not nil, makes the command that repeats a test's first failing
	// run; without it the Failure's own is shown.
	Replay func(*grader.TestResult) string
}

// Report writes to one place, in one language and style.
type Report struct {
	w io.Writer
	o Options
	m *messages
	p palette
	g glyphs
}

// WithCode returns a Report that quotes from the code in files instead; nil is none.
func (r *Report) WithCode(files fs.FS) *Report {
	o := *r
	o.o.Code = files
	return &o
}

// said is a sentence of the grader's in the report's language.
func (r *Report) said(sentence string) string { return phrase.In(r.o.Lang, sentence) }

// New returns a Report that writes to w.
func New(w io.Writer, o Options) *Report {
	if o.Width <= 0 {
		o.Width = 80
	}
	o.Width = min(max(o.Width, 40), 120)
	g := lines
	if o.ASCII {
		g = ascii
	}
	return &Report{w: w, o: o, m: messagesIn(o.Lang), p: newPalette(o.Color), g: g}
}

func (r *Report) printf(format string, args ...any) { fmt.Fprintf(r.w, format, args...) }

// text writes s wrapped, each line after indent.
func (r *Report) text(indent, s string, style func(...any) string) {
	for _, l := range wrap(s, r.o.Width-width(indent)) {
		r.printf("%s%s\n", indent, style(l))
	}
}

// palette colours text. Every meaning of a colour is also said in words.
type palette struct {
	plain, bold, dim, good, bad, accent, add, del          func(...any) string
	safety, liveness, budget, fault, engine, hint, command func(...any) string
}

func newPalette(on bool) palette {
	style := func(attrs ...color.Attribute) func(...any) string {
		c := color.New(attrs...)
		if on {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c.SprintFunc()
	}
	return palette{
		plain: fmt.Sprint, bold: style(color.Bold), dim: style(color.Faint),
		good: style(color.FgGreen), bad: style(color.FgRed, color.Bold), accent: style(color.FgCyan),
		add: style(color.FgGreen), del: style(color.FgRed),
		safety: style(color.FgRed, color.Bold), liveness: style(color.FgYellow, color.Bold),
		budget: style(color.FgMagenta, color.Bold), fault: style(color.FgRed, color.ReverseVideo), engine: style(color.FgBlue, color.Bold),
		hint: style(color.FgCyan, color.Bold), command: style(color.Bold),
	}
}

// glyphs are the characters that figures are drawn with.
type glyphs struct {
	rule, lane, dot, dash, right, left, mark, bar, barBegin, barEnd string
}

var (
	lines = glyphs{rule: "─", lane: "│", dot: "●", dash: "─", right: "▶", left: "◀", mark: "▶", bar: "│", barBegin: "├", barEnd: "┤"}
	ascii = glyphs{rule: "-", lane: ".", dot: "o", dash: "-", right: ">", left: "<", mark: ">", bar: "|", barBegin: "[", barEnd: "]"}
)

// kind returns a kind of failure as a word, with its style and meaning.
func (r *Report) kind(k grader.FailureKind) (word, means string, style func(...any) string) {
	switch k {
	case grader.Safety:
		return r.m.safety, r.m.safetyMeans, r.p.safety
	case grader.Liveness:
		return r.m.liveness, r.m.livenessMeans, r.p.liveness
	case grader.Limit:
		return r.m.budget, r.m.budgetMeans, r.p.budget
	case grader.Broken:
		return r.m.fault, r.m.faultMeans, r.p.fault
	}
	return r.m.engine, r.m.engineMeans, r.p.engine
}

// property is the name of what broke, and where the paper has it.
func property(f *grader.Failure) string {
	if f.Section == "" {
		return f.Property
	}
	return f.Property + ", " + f.Section
}

// Test writes the line of a test that has ended, and a second one if it failed.
func (r *Report) Test(t *grader.TestResult) {
	word, style := r.m.ok, r.p.good
	switch t.Status {
	case grader.Failed:
		word, style = r.m.fail, r.p.bad
	case grader.Skipped:
		word, style = r.m.skip, r.p.dim
	case grader.NotGraded:
		word, style = r.m.ungraded, r.p.engine
	}
	points := number(t.Points) + "/" + number(t.Max)
	name := pad(t.Part+"/"+t.Name, 35)
	room := r.o.Width - 2 - 6 - width(name) - 1 - 1 - width(points)
	title := ""
	if room >= 12 {
		title = pad(cut(t.Title.In(r.o.Lang), room), room) + " "
	}
	r.printf("  %s%s %s%s\n", style(pad(word, 6)), r.p.plain(name), r.p.dim(title), points)
	if f := t.Failure; f != nil {
		kind, _, kindStyle := r.kind(f.Kind)
		head := kind + "  " + property(f) + "  "
		r.printf("        %s  %s  %s\n", kindStyle(kind), r.p.bold(property(f)),
			cut(strings.ReplaceAll(clean(r.said(f.Message)), "\n", " "), r.o.Width-8-width(head)))
	}
}
