package batch

import (
	"math"
	"path"
	"slices"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/script"
)

// Grade is what a student gets: the record, with the course's points and its
// late policy applied. Nothing is graded again when these change.
type Grade struct {
	Entry
	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"`
	// Points are those of the tests, Final what is left of them after LateDays.
	Points   float64     `json:"points"`
	Max      float64     `json:"max"`
	LateDays int         `json:"lateDays,omitempty"`
	Final    float64     `json:"final"`
	Tests    []TestGrade `json:"tests"`
	Hash     string      `json:"hash,omitempty"` // over all traces

	record *Record
}

// TestGrade is one test of a Grade.
type TestGrade struct {
	Part   string        `json:"part"`
	Name   string        `json:"name"`
	Title  grader.Text   `json:"title"`
	Status grader.Status `json:"status"`
	Points float64       `json:"points"`
	Max    float64       `json:"max"`
	// Hidden: students see it only after the deadline.
	Hidden bool `json:"hidden,omitempty"`

	result *grader.TestResult // nil if it was not run
}

// gradeOf applies the course's rules to a record.
func (c *Course) gradeOf(lab *script.Lab, e Entry, r *Record) *Grade {
	g := &Grade{Entry: e, Verdict: r.Verdict, Reason: r.Reason, record: r}
	results := make(map[string]*grader.TestResult)
	if r.Result != nil {
		g.Hash = r.Result.Hash
		for i := range r.Result.Parts {
			for k := range r.Result.Parts[i].Tests {
				t := &r.Result.Parts[i].Tests[k]
				results[t.Part+"/"+t.Name] = t
			}
		}
	}
	for _, p := range lab.Parts {
		if len(r.Spec.Parts) > 0 && !slices.Contains(r.Spec.Parts, p.Name) {
			continue
		}
		points := c.pointsOf(p)
		for i, t := range p.Tests {
			tg := TestGrade{Part: p.Name, Name: t.Name, Title: t.Title, Status: grader.Skipped, Max: points[i], Hidden: c.hides(p.Name, t.Name)}
			if res := results[p.Name+"/"+t.Name]; res != nil {
				tg.Status, tg.result = res.Status, res
				if res.Max > 0 {
					tg.Points = points[i] * res.Points / res.Max
				} else if res.Status == grader.Passed {
					tg.Points = points[i]
				}
			}
			g.Points += tg.Points
			g.Max += tg.Max
			g.Tests = append(g.Tests, tg)
		}
	}
	g.Points, g.Max = round(g.Points), round(g.Max)
	g.LateDays = c.lateDays(e.Submitted)
	g.Final = round(g.Points * c.kept(g.LateDays))
	return g
}

// round takes off what adding fractions leaves behind: points have four decimals.
func round(f float64) float64 { return math.Round(f*1e4) / 1e4 }

// pointsOf are the points of a part's tests: the course's, or the lab's. Points
// of a whole part are shared out among its tests in proportion to theirs.
func (c *Course) pointsOf(p *script.Part) []float64 {
	points := make([]float64, len(p.Tests))
	sum := 0.0
	for i, t := range p.Tests {
		points[i] = t.Points
		if n, ok := c.Points[p.Name+"/"+t.Name]; ok {
			points[i] = n
		}
		sum += points[i]
	}
	for _, name := range append([]string{p.Name}, p.Also...) {
		if n, ok := c.Points[name]; ok && sum > 0 {
			for i := range points {
				points[i] *= n / sum
			}
			break
		}
	}
	return points
}

func (c *Course) hides(part, test string) bool {
	return slices.ContainsFunc(c.Feedback.Hidden, func(p string) bool {
		a, _ := path.Match(p, part)
		b, _ := path.Match(p, part+"/"+test)
		return a || b
	})
}

// lateDays counts the days begun after the deadline and its grace.
func (c *Course) lateDays(submitted time.Time) int {
	if c.Due.IsZero() || submitted.IsZero() {
		return 0
	}
	late := submitted.Sub(c.Due.Add(c.Late.Grace.Duration))
	if late <= 0 {
		return 0
	}
	return int(math.Ceil(late.Hours() / 24))
}

// kept is the share of the points that is left after so many days.
func (c *Course) kept(days int) float64 {
	if c.Late.MaxDays > 0 && days > c.Late.MaxDays {
		return 0
	}
	return max(0, 1-float64(days)*c.Late.PerDay/100)
}

// secret says whether at a time something is still kept from students.
func (c *Course) secret(now time.Time) bool { return !c.Due.IsZero() && now.Before(c.Due.Time) }
