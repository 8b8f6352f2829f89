package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/raftlab/raftlab/grader"
)

// Result writes what comes after the tests' own lines: the failures, the
// budgets if asked for, the points of each part, and the verdict.
func (r *Report) Result(res *grader.Result) {
	var failed []*grader.TestResult
	for i := range res.Parts {
		for k := range res.Parts[i].Tests {
			if t := &res.Parts[i].Tests[k]; t.Failure != nil {
				failed = append(failed, t)
			}
		}
	}
	for i, t := range failed {
		if i == 0 || r.o.Verbose {
			r.Failure(t)
		}
	}
	if r.o.Budgets || r.o.Verbose {
		r.budgets(res)
	}
	r.points(res)
	r.early(res)
	r.undecided(res)
	r.verdict(res, failed)
}

// points writes the table of the parts.
func (r *Report) points(res *grader.Result) {
	rows := [][]string{{r.m.part, "", r.m.tests, r.m.points}}
	good, all := 0, 0
	for _, p := range res.Parts {
		n := 0
		for _, t := range p.Tests {
			if t.Status == grader.Passed {
				n++
			}
		}
		good, all = good+n, all+len(p.Tests)
		if p.Status == grader.Absent {
			rows = append(rows, []string{p.Name, p.Title.In(r.o.Lang), r.m.absent, ""})
			continue
		}
		name := p.Name
		if p.Course != "" {
			name += " " + p.Course
		}
		rows = append(rows, []string{name, p.Title.In(r.o.Lang), fmt.Sprintf("%d/%d", n, len(p.Tests)), number(p.Points) + "/" + number(p.Max)})
	}
	if len(res.Parts) > 1 {
		rows = append(rows, []string{r.m.total, "", fmt.Sprintf("%d/%d", good, all), number(res.Points) + "/" + number(res.Max)})
	}
	w := columns(rows)
	r.printf("\n")
	for i, row := range rows {
		style := r.p.plain
		switch {
		case i == 0:
			style = r.p.dim
		case i > len(res.Parts):
			style = r.p.bold
		case res.Parts[i-1].Status == grader.Absent:
			style = r.p.dim
		case res.Parts[i-1].Status == grader.Passed:
			style = r.p.good
		case res.Parts[i-1].Status == grader.Failed:
			style = r.p.bad
		}
		r.printf("  %s  %s  %s  %s\n", style(pad(row[0], w[0])), r.p.dim(pad(row[1], w[1])), padLeft(row[2], w[2]), style(padLeft(row[3], w[3])))
	}
}

// early says which tests were left out for a student who is not yet that far.
func (r *Report) early(res *grader.Result) {
	for _, p := range res.Parts {
		if p.Early > 0 {
			r.printf("\n")
			r.text("  ", fmt.Sprintf(r.m.early, p.Early, p.Name), r.p.dim)
		}
	}
}

// undecided says where a history was too long to be searched for an order: a
// pass is none for Linearizability then.
func (r *Report) undecided(res *grader.Result) {
	runs := 0
	first := ""
	for _, p := range res.Parts {
		for _, t := range p.Tests {
			for _, run := range t.Runs {
				if len(run.Undecided) == 0 {
					continue
				}
				if runs++; first == "" {
					first = fmt.Sprintf("%s/%s, seed %d: %q", t.Part, t.Name, run.Seed, run.Undecided)
				}
			}
		}
	}
	if runs > 0 {
		r.printf("\n")
		r.text("  ", fmt.Sprintf(r.m.undecided, runs, first), r.p.engine)
	}
}

func columns(rows [][]string) []int {
	w := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			w[i] = max(w[i], width(c))
		}
	}
	return w
}

// verdict writes the last lines: what a tired reader sees first.
func (r *Report) verdict(res *grader.Result, failed []*grader.TestResult) {
	r.printf("\n")
	took := ""
	if res.Timing.Total > 0 { // a kept record has no times
		took = r.p.dim("  " + seconds(res.Timing.Total))
	}
	if res.Profile != "" && (r.o.Verbose || !strings.HasPrefix(res.Profile, "raftlab:")) {
		r.text("  ", fmt.Sprintf(r.m.recognised, clean(r.said(res.Profile))), r.p.dim)
		if !r.o.Verbose {
			r.printf("\n")
		}
	}
	if res.Raft.OnCore() {
		r.text("  ", r.m.onCore, r.p.dim)
		if !r.o.Verbose {
			r.printf("\n")
		}
	}
	if r.o.Verbose {
		for _, f := range res.LeftOut {
			name, why, _ := strings.Cut(f, ": ")
			r.text("  ", fmt.Sprintf(r.m.leftOut, clean(name), clean(r.said(why))), r.p.dim)
		}
		if res.Module != "" {
			r.text("  ", fmt.Sprintf(r.m.moduleIs, res.Go, brief(res.Module)), r.p.dim)
		}
		if !r.o.HideSeeds {
			r.text("  ", fmt.Sprintf(r.m.traceIs, res.Seed, brief(res.LabHash), brief(res.Hash)), r.p.dim)
		}
		if res.Timing.Total > 0 {
			r.text("  ", fmt.Sprintf(r.m.tookParts, seconds(res.Timing.Build), seconds(res.Timing.Compile), seconds(res.Timing.Run)), r.p.dim)
		}
		r.printf("\n")
	}
	switch res.Status {
	case grader.Passed:
		r.printf("  %s%s\n", r.p.good(fmt.Sprintf(r.m.allPassed, number(res.Points), number(res.Max))), took)
		return
	case grader.Failed:
		r.printf("  %s%s\n", r.p.bad(fmt.Sprintf(r.m.someFailed, number(res.Points), number(res.Max))), took)
	default:
		r.printf("  %s%s\n", r.p.engine(r.m.notSet), took)
	}
	if len(failed) == 0 {
		return
	}
	all := 0
	for _, p := range res.Parts {
		all += len(p.Tests)
	}
	r.text("  ", fmt.Sprintf(r.m.counts, len(failed), all, r.kinds(failed)), r.p.plain)
	if len(failed) > 1 && !r.o.Verbose {
		r.text("  ", r.m.showAll, r.p.dim)
		if one := r.replay(failed[1]); one != "" {
			r.printf("  %s\n", r.p.dim(fmt.Sprintf(r.m.showOne, one)))
		}
	}
}

// kinds counts failures by their kind, the gravest first.
func (r *Report) kinds(failed []*grader.TestResult) string {
	order := []grader.FailureKind{grader.Safety, grader.Liveness, grader.Limit, grader.Broken, grader.Engine}
	count := map[grader.FailureKind]int{}
	for _, t := range failed {
		count[t.Failure.Kind]++
	}
	var out []string
	for _, k := range order {
		if count[k] > 0 {
			word, _, _ := r.kind(k)
			out = append(out, fmt.Sprintf("%d %s", count[k], word))
		}
	}
	return strings.Join(out, r.m.comma)
}

func brief(hash string) string { return hash[:min(12, len(hash))] }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// budgets writes the greatest use of each limit, over all runs of a test.
func (r *Report) budgets(res *grader.Result) {
	r.printf("\n  %s\n", r.p.bold(r.m.budgets))
	rows := [][]string{{r.m.tests, r.m.budgetName, r.m.used, r.m.limit}}
	var share []float64
	for _, p := range res.Parts {
		for _, t := range p.Tests {
			var worst []grader.Budget
			for _, run := range t.Runs {
				for _, b := range run.Budgets {
					i := slices.IndexFunc(worst, func(w grader.Budget) bool { return w.Name == b.Name })
					switch {
					case i < 0:
						worst = append(worst, b)
					case cmp.Compare(b.Used*worst[i].Limit, worst[i].Used*b.Limit) > 0:
						worst[i] = b
					}
				}
			}
			for _, b := range worst {
				rows = append(rows, []string{t.Part + "/" + t.Name, r.said(b.Name), number(b.Used), number(b.Limit) + " " + r.said(b.Unit)})
				share = append(share, b.Used/b.Limit)
			}
		}
	}
	if len(share) == 0 {
		r.printf("    %s\n", r.p.dim(r.m.noBudgets))
		return
	}
	w := columns(rows)
	room := max(12, r.o.Width-4-w[0]-2-2-w[2]-2-w[3])
	for i, row := range rows {
		style := r.p.plain
		switch {
		case i == 0:
			style = r.p.dim
		case share[i-1] > 1:
			style = r.p.budget
		}
		r.printf("    %s  %s  %s  %s\n", pad(row[0], w[0]), pad(cut(row[1], room), min(w[1], room)), style(padLeft(row[2], w[2])), r.p.dim(row[3]))
	}
}
