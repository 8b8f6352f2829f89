package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/sim"
)

// viewTexts are what grade view says in one language.
type viewTexts struct {
	short, long, examples string
	flagHTML              string // of grade
	flagFile              string // of grade view
	written               string // test, seed, file
	opened                string // test, seed, file
	noBrowser             string // file
	passed                string // test, seed
	noFailure             string // file
	cannotWrite           string // error
}

var viewEnglish = viewTexts{
	short: "Look at a failing run in the browser",
	long: `view grades like grade, and opens the first failing run in the browser: the
servers and the messages between them with every field, what each server saved
and printed, the commands of the test, its line, and the moment the property
broke. If nothing fails, the first run of the first test is shown.

The page is one file that needs no network: it can be kept, or sent to somebody.`,
	examples: `  grade view                                   the first failure of the current folder
  grade view election                          of one part
  grade view --run agreement/rejoin --seed 7   one run
  grade view --html run.html                   write the file, open nothing`,
	flagHTML:    "write the first failing run as a page for the browser to `FILE`",
	flagFile:    "write the page to `FILE`, and open nothing",
	written:     "%s, seed %d: %s\n",
	opened:      "%s, seed %d, opens in the browser: %s\n",
	noBrowser:   "No browser was found here. Open this file in one: %s\n",
	passed:      "No test fails; this is a run of %s that passed, seed %d.\n",
	noFailure:   "grade: no test fails, so %s is not written\n",
	cannotWrite: "the page cannot be written: %v",
}

var viewChinese = viewTexts{
	short: "在浏览器中查看一次未通过的运行",
	long: `view 像 grade 一样评分，并在浏览器中打开第一次未通过的运行：服务器和它们之间的
消息（每个字段）、每台服务器保存和输出的内容、测试提出的命令、测试所在的行，以及
性质被破坏的时刻。如果全部通过，就显示第一个测试的第一次运行。

页面是一个文件，不需要网络：可以保存，也可以发给别人。`,
	examples: `  grade view                                   当前文件夹的第一个失败
  grade view election                          某一部分的
  grade view --run agreement/rejoin --seed 7   某一次运行
  grade view --html run.html                   只写文件，不打开`,
	flagHTML:    "把第一次未通过的运行写成网页 `FILE`",
	flagFile:    "把网页写到 `FILE`，不打开",
	written:     "%s，种子 %d：%s\n",
	opened:      "%s，种子 %d，在浏览器中打开：%s\n",
	noBrowser:   "这里没有找到浏览器。请在浏览器中打开这个文件：%s\n",
	passed:      "没有测试失败；这是 %s 的一次通过的运行，种子 %d。\n",
	noFailure:   "grade：没有测试失败，所以没有写 %s\n",
	cannotWrite: "无法写网页：%v",
}

func viewTextsIn(lang string) *viewTexts {
	if lang == "zh" {
		return &viewChinese
	}
	return &viewEnglish
}

func (c *cli) viewCommand() *cobra.Command {
	t := viewTextsIn(c.lang)
	cmd := &cobra.Command{
		Use: "view [PART...] [flags] [DIR]", Short: t.short, Long: t.long, Example: t.examples,
		ValidArgsFunction: c.completeParts,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.view(cmd, args) },
	}
	f := cmd.Flags()
	f.StringVar(&c.run, "run", "", c.t.flagRun)
	f.Uint64Var(&c.seed, "seed", 0, c.t.flagSeed)
	f.IntVar(&c.seeds, "seeds", 0, c.t.flagSeeds)
	f.IntVar(&c.hints, "hints", 2, c.t.flagHints)
	f.IntVar(&c.workers, "workers", 0, c.t.flagWorkers)
	f.StringVar(&c.html, "html", "", t.flagFile)
	f.SortFlags = false
	complete(cmd, "run", c.completeTests)
	return cmd
}

// view shows the first failing run in the browser. It shows; it does not judge:
// its exit code says whether there is something to look at.
func (c *cli) view(cmd *cobra.Command, args []string) error {
	t := viewTextsIn(c.lang)
	o, err := c.options(args, false)
	if err != nil {
		return err
	}
	pic := newPicture(&o, true)
	run := c.report(io.Discard).Start(c.stderr, isTerminal(c.stderr), false)
	defer run.Stop()
	o.Progress = run.Progress
	_, err = grader.Grade(cmd.Context(), o)
	run.Stop()
	if err != nil {
		return noVerdict{err}
	}
	file := c.html
	if file == "" {
		if file, err = viewFile(pic); err != nil {
			return fmt.Errorf(t.cannotWrite, err)
		}
	}
	if err := c.writePicture(pic, file); err != nil {
		return err
	}
	name, seed := pic.test.Part+"/"+pic.test.Name, pic.run.Seed
	if c.json {
		return writeJSON(c.stdout, struct {
			Test   string        `json:"test"`
			Seed   uint64        `json:"seed"`
			Status grader.Status `json:"status"`
			Hash   string        `json:"hash"`
			File   string        `json:"file"`
		}{name, seed, pic.run.Status, pic.run.Hash, file})
	}
	if pic.run.Status == grader.Passed {
		fmt.Fprintf(c.stdout, t.passed, name, seed)
	}
	switch {
	case c.html != "":
		fmt.Fprintf(c.stdout, t.written, name, seed, file)
	case openInBrowser(file):
		fmt.Fprintf(c.stdout, t.opened, name, seed, file)
	default:
		fmt.Fprintf(c.stdout, t.written, name, seed, file)
		fmt.Fprintf(c.stdout, t.noBrowser, file)
	}
	return nil
}

// viewFile is where a page goes that nobody named a place for: beside the
// compiled modules, so that the submission's folder stays as it is.
func viewFile(p *picture) (string, error) {
	dir := cacheDir()
	if dir == "" {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "views")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return filepath.Join(dir, fmt.Sprintf("%s-%s-%d.html", p.test.Part, p.test.Name, p.run.Seed)), nil
}

// picture is the run of a grading that is to be shown: the first that fails in
// the lab's order or, if all pass and that will do, the first.
type picture struct {
	mu    sync.Mutex
	order func(part, test string) int
	test  *grader.TestResult
	run   *grader.RunResult
	trace []byte
	err   error
}

// newPicture makes the grading o keep the trace of the run to be shown.
func newPicture(o *grader.Options, passed bool) *picture {
	p := &picture{}
	o.TracePassed = passed
	lab, err := grader.OpenLab(o.Lab)
	if err != nil {
		p.err = err
	}
	p.order = func(part, test string) int {
		n := 0
		for _, q := range lab.Parts {
			for _, t := range q.Tests {
				if n++; q.Name == part && t.Name == test {
					return n
				}
			}
		}
		return n
	}
	o.Trace = p.take
	return p
}

func (p *picture) take(test *grader.TestResult, run *grader.RunResult, h sim.Header, rec *sim.Recorder) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil && !p.before(test, run) {
		return
	}
	var b bytes.Buffer
	if p.err = rec.WriteTrace(&b, h); p.err != nil {
		return
	}
	r := *run
	p.test, p.run, p.trace = test, &r, b.Bytes()
}

// before says whether a run is rather to be shown than the one at hand.
func (p *picture) before(test *grader.TestResult, run *grader.RunResult) bool {
	if a, b := run.Status == grader.Passed, p.run.Status == grader.Passed; a != b {
		return b
	}
	if a, b := p.order(test.Part, test.Name), p.order(p.test.Part, p.test.Name); a != b {
		return a < b
	}
	return run.Seed < p.run.Seed
}

// writePicture writes the page. The grading must be over.
func (c *cli) writePicture(p *picture, file string) error {
	t := viewTextsIn(c.lang)
	if p.err != nil {
		return fmt.Errorf(t.cannotWrite, p.err)
	}
	if p.run == nil {
		fmt.Fprintf(c.stderr, t.noFailure, file)
		return nil
	}
	lab, _, err := c.openLab(c.lab)
	if err != nil {
		return err
	}
	again := ""
	if p.test.Failure != nil {
		again = c.replay(p.test)
	}
	var b bytes.Buffer
	err = report.WritePicture(&b, &report.Picture{Lang: c.lang, Lab: lab, Test: p.test, Run: p.run, Trace: p.trace, Again: again, Hints: c.hints})
	if err == nil {
		err = os.WriteFile(file, b.Bytes(), 0o666)
	}
	if err != nil {
		return fmt.Errorf(t.cannotWrite, err)
	}
	return nil
}

// openInBrowser opens a file in the browser that $BROWSER or the system names,
// and says whether there is one. It does not wait for it.
func openInBrowser(file string) bool {
	path, err := filepath.Abs(file)
	if err != nil {
		return false
	}
	var words []string
	switch b := os.Getenv("BROWSER"); {
	case b != "":
		b, _, _ = strings.Cut(b, string(os.PathListSeparator))
		words = strings.Fields(b)
	case runtime.GOOS == "darwin":
		words = []string{"open"}
	case runtime.GOOS == "windows":
		words = []string{"rundll32", "url.dll,FileProtocolHandler"}
	case os.Getenv("DISPLAY") != "" || os.Getenv("WAYLAND_DISPLAY") != "":
		words = []string{"xdg-open"}
	}
	if len(words) == 0 {
		return false
	}
	cmd := exec.Command(words[0], append(words[1:], path)...)
	return cmd.Start() == nil && cmd.Process.Release() == nil
}
