package report

import (
	"bufio"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/sim"
)

// Lines of each section shown without Verbose.
const (
	maxDiff   = 30
	maxStack  = 14
	maxOutput = 12
)

// Failure tells the story of a failing test at full length.
func (r *Report) Failure(t *grader.TestResult) {
	f := t.Failure
	kind, means, style := r.kind(f.Kind)

	head := " " + t.Part + "/" + t.Name + " "
	tail := " " + kind + " "
	fill := r.o.Width - 2 - width(head) - width(tail) - 2
	r.printf("\n%s%s%s%s%s\n\n", r.p.dim(strings.Repeat(r.g.rule, 2)), r.p.bold(head),
		r.p.dim(strings.Repeat(r.g.rule, max(2, fill))), style(tail), r.p.dim(strings.Repeat(r.g.rule, 2)))

	r.printf("  %s  %s\n", style(property(f)), r.p.dim("("+means+")"))
	r.text("  ", clean(r.said(f.Message)), r.p.plain)
	where := fmt.Sprintf(r.m.seedAt, f.Seed, clock(f.Time))
	if r.o.HideSeeds {
		where = fmt.Sprintf(r.m.at, clock(f.Time))
	}
	if f.Server >= 0 {
		on := r.m.onServer
		if f.Servers > 0 && f.Server >= f.Servers {
			on = r.m.onClient
		}
		where += r.m.comma + fmt.Sprintf(on, node(f, f.Server))
	}
	r.printf("  %s\n", r.p.dim(where))
	if s := r.seeds(t); s != "" {
		r.printf("  %s\n", r.p.dim(s))
	}

	if len(f.History) > 0 {
		r.history(f)
	} else if (f.Expected != "" || f.Found != "") && !(f.Kind == grader.Broken && strings.HasPrefix(f.Stack, f.Found)) {
		r.printf("\n")
		w := max(width(r.m.expected), width(r.m.found)) + 2
		r.pair(r.m.expected, r.said(f.Expected), w, r.p.add)
		r.pair(r.m.found, r.said(f.Found), w, r.p.del)
	}
	if f.Diff != "" {
		r.section(r.m.difference, "")
		r.block(f.Diff, maxDiff, false, func(l string) string {
			switch {
			case strings.HasPrefix(l, "+"):
				return r.p.add(l)
			case strings.HasPrefix(l, "-"):
				return r.p.del(l)
			}
			return l
		})
	}
	if len(f.Chain) > 0 || f.Certain != nil {
		r.section(r.m.chain, "")
		r.chain(f)
	}
	if len(f.Events) > 0 {
		r.section(r.m.events, "")
		r.lanes(f)
	}
	if f.Test != "" {
		r.section(r.m.testLine, f.Test)
		if f.Source != "" {
			r.quote(lineOf(f.Test), clean(f.Source))
		}
	}
	if f.Code != "" {
		r.section(r.m.yourCode, f.Code)
		r.excerpt(f.Code)
	}
	if f.Stack != "" {
		r.section(r.m.stack, "")
		r.block(f.Stack, maxStack, false, nil)
	}
	if out := ownOutput(f); out != "" && f.Server >= 0 {
		r.section(fmt.Sprintf(r.m.output, node(f, f.Server)), "")
		r.block(out, maxOutput, true, nil)
	}
	if len(f.Evidence) > 0 {
		r.section(r.m.evidence, "")
		for _, e := range f.Evidence {
			r.text("    ", clean(r.said(e)), r.p.plain)
		}
	}
	r.hints(f)
	if again := r.replay(t); again != "" {
		r.section(r.m.again, "")
		r.printf("    %s\n", r.p.command(again))
	}
}

// node is the short name of a server or a client.
func node(f *grader.Failure, n int) string {
	if f.Servers > 0 && n >= f.Servers {
		return fmt.Sprintf("C%d", n-f.Servers)
	}
	return fmt.Sprintf("S%d", n)
}

// barWidth is how many columns the times of a history take.
const barWidth = 24

// history shows the operations of clients that no order explains, each with the
// stretch of time in which it took effect.
func (r *Report) history(f *grader.Failure) {
	r.printf("\n")
	r.pair(r.m.expected, r.said(f.Expected), width(r.m.expected)+2, r.p.add)
	r.section(r.m.history, "")
	from, to := f.History[0].Call, f.History[0].Call
	who := 0
	for _, o := range f.History {
		to = max(to, o.Call, o.Return)
		who = max(who, width(o.Who))
	}
	column := func(t sim.Time) int { return int(int64(barWidth-1) * int64(t-from) / max(1, int64(to-from))) }
	for i, o := range f.History {
		a, b, end := column(o.Call), barWidth-1, r.g.right
		if o.Return >= 0 {
			b, end = column(o.Return), r.g.barEnd
		}
		bar := strings.Repeat(" ", a) + r.g.barBegin + strings.Repeat(r.g.dash, max(0, b-a-1))
		if b > a {
			bar += end
		}
		style := r.p.plain
		if i == r.last(f) {
			style = r.p.del
		}
		head := "    " + pad(o.Who, who) + "  " + pad(bar, barWidth) + "  "
		for k, l := range wrap(clean(o.Ask+" = "+o.Answer), r.o.Width-width(head)) {
			if k > 0 {
				head = strings.Repeat(" ", width(head))
			}
			r.printf("%s%s\n", head, style(l))
		}
	}
	r.printf("    %s\n", r.p.dim(pad("", who)+"  "+pad(clock(from), barWidth-len(clock(to)))+clock(to)))
}

// last is the operation whose answer came last: it is the one that does not fit.
func (r *Report) last(f *grader.Failure) int {
	last := 0
	for i, o := range f.History {
		if o.Return > f.History[last].Return {
			last = i
		}
	}
	return last
}

// chain tells how the property came to break, a line for each event.
func (r *Report) chain(f *grader.Failure) {
	digits := 0
	for _, e := range f.Chain {
		digits = max(digits, len(clock(e.Time)))
	}
	room := r.o.Width - 4 - digits - 2
	for _, e := range f.Chain {
		at := clock(e.Time)
		for _, l := range wrap(clean(r.said(e.What)), room) {
			r.printf("    %s  %s\n", r.p.dim(padLeft(at, digits)), l)
			at = ""
		}
	}
	if f.So != "" {
		r.text("    ", clean(r.said(f.So)), r.p.bold)
	}
	switch c := f.Certain; {
	case c == nil:
	case c.Time == 0:
		r.text("    ", fmt.Sprintf(r.m.certainAlways, c.Tried), r.p.plain)
	case c.Time == f.Time:
		r.text("    ", fmt.Sprintf(r.m.certainLate, clock(c.Before), c.Some, c.Tried), r.p.plain)
	default:
		r.text("    ", fmt.Sprintf(r.m.certain, clock(c.Time), c.Tried, clock(c.Before), c.Some), r.p.plain)
	}
}

// ownOutput is what the program printed before Go's runtime printed the stack,
// which the report shows by itself.
func ownOutput(f *grader.Failure) string {
	first, _, _ := strings.Cut(f.Stack, "\n")
	if i := strings.LastIndex(f.Output, first); first != "" && i >= 0 {
		return strings.TrimSpace(f.Output[:i])
	}
	return strings.TrimRight(f.Output, "\n ")
}

// replay is the command that repeats a failing run.
func (r *Report) replay(t *grader.TestResult) string {
	switch {
	case r.o.HideSeeds:
		return ""
	case r.o.Replay != nil:
		return r.o.Replay(t)
	}
	return t.Failure.Replay
}

// seeds says which of several runs failed.
func (r *Report) seeds(t *grader.TestResult) string {
	var bad []string
	for _, run := range t.Runs {
		if run.Status == grader.Failed {
			bad = append(bad, strconv.FormatUint(run.Seed, 10))
		}
	}
	if len(t.Runs)+t.Left < 2 || len(bad) == 0 {
		return ""
	}
	n := len(bad)
	left := ""
	if t.Left > 0 {
		left = fmt.Sprintf(r.m.runsLeft, t.Left)
	}
	if r.o.HideSeeds {
		return fmt.Sprintf(r.m.runsFail, n, len(t.Runs)) + left
	}
	if n > 8 {
		bad = append(bad[:8], "…")
	}
	return fmt.Sprintf(r.m.seedsFail, n, len(t.Runs), strings.Join(bad, ", ")) + left
}

func (r *Report) section(title, place string) {
	if place != "" {
		place = "  " + r.p.accent(clean(place))
	}
	r.printf("\n  %s%s\n", r.p.bold(title), place)
}

// pair writes a label of w columns and the text beside it.
func (r *Report) pair(label, s string, w int, style func(...any) string) {
	if s == "" {
		s = r.m.nothingPrinted
	}
	for i, l := range wrap(clean(s), r.o.Width-2-w) {
		if i > 0 {
			label = ""
		}
		r.printf("  %s%s\n", r.p.bold(pad(label, w)), style(l))
	}
}

// block writes lines behind a bar, so that nothing a program printed can be
// taken for the report's own words. tail keeps the last n lines, not the first.
func (r *Report) block(s string, n int, tail bool, style func(string) string) {
	all := strings.Split(strings.TrimRight(clean(s), "\n"), "\n")
	left := 0
	if !r.o.Verbose && len(all) > n {
		left = len(all) - n
		if tail {
			all = all[left:]
		} else {
			all = all[:n]
		}
	}
	note := func() {
		if left > 0 {
			r.printf("    %s %s\n", r.p.dim(r.g.bar), r.p.dim(fmt.Sprintf(r.m.moreLines, left)))
		}
	}
	if tail {
		note()
	}
	for _, l := range all {
		l = cut(l, max(r.o.Width-6, 20))
		if style != nil {
			l = style(l)
		}
		r.printf("    %s %s\n", r.p.dim(r.g.bar), l)
	}
	if !tail {
		note()
	}
}

// lineOf returns the line number in "file:line" or "file:line:col", or 0.
func lineOf(pos string) int {
	_, rest, _ := strings.Cut(pos, ":")
	line, _, _ := strings.Cut(rest, ":")
	n, _ := strconv.Atoi(line)
	return n
}

// quote writes a line of source with its number.
func (r *Report) quote(n int, source string) {
	num := ""
	if n > 0 {
		num = strconv.Itoa(n)
	}
	for i, l := range strings.Split(source, "\n") {
		if i > 0 {
			num = ""
		}
		r.printf("    %s %s %s\n", r.p.dim(padLeft(num, 4)), r.p.dim(r.g.bar), cut(l, max(r.o.Width-11, 20)))
	}
}

// excerpt quotes the line at pos, "file:line[:col]", from the student's folder,
// with its neighbours. What cannot be read is left out.
func (r *Report) excerpt(pos string) {
	file, _, _ := strings.Cut(pos, ":")
	at := lineOf(pos)
	if r.o.Code == nil || at < 1 || path.Ext(file) != ".go" || !fs.ValidPath(file) {
		return
	}
	f, err := r.o.Code.Open(file)
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return
	}
	scan := bufio.NewScanner(f)
	for n := 1; scan.Scan() && n <= at+1; n++ {
		if n < at-1 {
			continue
		}
		l := cut(strings.TrimRight(clean(scan.Text()), " "), max(r.o.Width-11, 20))
		if n == at {
			r.printf("  %s %s %s %s\n", r.p.bad(r.g.mark), padLeft(strconv.Itoa(n), 4), r.p.dim(r.g.bar), r.p.bold(l))
		} else {
			r.printf("    %s %s %s\n", r.p.dim(padLeft(strconv.Itoa(n), 4)), r.p.dim(r.g.bar), r.p.dim(l))
		}
	}
}

func (r *Report) hints(f *grader.Failure) {
	n := min(max(r.o.Hints, 0), len(f.Hints))
	if len(f.Hints) == 0 {
		return
	}
	r.printf("\n")
	for i, h := range f.Hints[:n] {
		label := fmt.Sprintf(r.m.hint, i+1)
		for k, l := range wrap(h.In(r.o.Lang), r.o.Width-4-width(label)) {
			if k > 0 {
				label = strings.Repeat(" ", width(label))
			}
			r.printf("  %s  %s\n", r.p.hint(label), l)
		}
	}
	if n < len(f.Hints) {
		r.printf("  %s\n", r.p.dim(fmt.Sprintf(r.m.moreHints, n+1)))
	}
}
