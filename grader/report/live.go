package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
)

// Run shows a grading while it goes on: a line on a terminal that is redrawn,
// and a line for each test as it ends.
type Run struct {
	r       *Report
	status  io.Writer
	live    bool
	stream  bool
	begin   time.Time
	stopped chan struct{}
	once    sync.Once

	mu     sync.Mutex
	at     grader.Progress
	since  time.Time // when the stage began
	failed int
	shown  bool // a line stands on the terminal and must be erased
	tick   int
}

// Start begins to show a grading. The tests' lines go to the Report, word of
// the stages to status. live says that status is a terminal on which a line can
// be redrawn, stream that the tests' lines are wanted as the tests end, in that
// order; without it Result writes them in the lab's order.
func (r *Report) Start(status io.Writer, live, stream bool) *Run {
	u := &Run{r: r, status: status, live: live, stream: stream, begin: time.Now(), stopped: make(chan struct{})}
	u.since = u.begin
	if live {
		go u.turn()
	}
	return u
}

func (u *Run) turn() {
	t := time.NewTicker(100 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-u.stopped:
			return
		case <-t.C:
			u.mu.Lock()
			u.tick++
			u.draw()
			u.mu.Unlock()
		}
	}
}

// Progress takes in how far the grading is.
func (u *Run) Progress(p grader.Progress) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if p.Stage != u.at.Stage {
		u.since = time.Now()
		if p.Stage == string(build.StageLibrary) {
			u.erase()
			fmt.Fprintln(u.status, strings.Join(wrap(u.r.m.libraryNote, u.r.o.Width), "\n"))
		}
	}
	u.at = p
	if t := p.Test; t != nil {
		if t.Status == grader.Failed {
			u.failed++
		}
		if u.stream {
			u.erase()
			u.r.Test(t)
		}
	}
	u.draw()
}

func (u *Run) erase() {
	if u.shown {
		fmt.Fprint(u.status, "\r\x1b[K")
		u.shown = false
	}
}

func (u *Run) draw() {
	if !u.live || u.at.Stage == "" {
		return
	}
	spin := []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}
	if u.r.o.ASCII {
		spin = []string{"|", "/", "-", "\\"}
	}
	line := u.r.stage(u.at.Stage)
	switch {
	case u.at.Total > 0:
		line += fmt.Sprintf("  %d/%d", u.at.Done, u.at.Total)
	case u.at.Done > 0:
		line += fmt.Sprintf("  %d", u.at.Done)
	}
	if u.failed > 0 {
		line += "  " + fmt.Sprintf(u.r.m.failedSoFar, u.failed)
	}
	if d := time.Since(u.since); d >= time.Second {
		line += fmt.Sprintf("  %.0f s", d.Seconds())
	}
	line = cut(line, u.r.o.Width-4)
	u.erase()
	fmt.Fprintf(u.status, "%s %s", u.r.p.accent(spin[u.tick%len(spin)]), line)
	u.shown = true
}

// stage is a stage's name in the report's language.
func (r *Report) stage(s string) string {
	switch s {
	case string(build.StageCheck):
		return r.m.stageCheck
	case string(build.StageLibrary):
		return r.m.stageLibrary
	case string(build.StageSelfTest):
		return r.m.stageSelfTest
	case string(build.StageBuild):
		return r.m.stageBuild
	case "compile":
		return r.m.stageCompile
	case "test":
		return r.m.stageTest
	case "hunt":
		return r.m.stageHunt
	}
	return s
}

// Stop ends the redrawn line. It may be called more than once.
func (u *Run) Stop() {
	u.once.Do(func() { close(u.stopped) })
	u.mu.Lock()
	defer u.mu.Unlock()
	u.erase()
	u.live = false
}

// Result ends the showing with a verdict.
func (u *Run) Result(res *grader.Result) {
	u.Stop()
	if !u.stream {
		for i := range res.Parts {
			for k := range res.Parts[i].Tests {
				u.r.Test(&res.Parts[i].Tests[k])
			}
		}
	}
	u.r.Result(res)
}

// Interrupted ends the showing of a grading that was broken off.
func (u *Run) Interrupted() {
	u.Stop()
	fmt.Fprintln(u.status, fmt.Sprintf(u.r.m.interrupted, u.at.Done, u.at.Total))
}
