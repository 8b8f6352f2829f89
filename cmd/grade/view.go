package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/script"
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
	notWithFile           string // flag, file
	noTrace, notTrace     string // file, error
	traceAlone            string // file, words
}

var viewEnglish = viewTexts{
	short: "Look at a failing run in the browser",
	long: `view grades like grade, and opens the first failing run in the browser: the
servers and the messages between them with every field, what each server saved
and printed, the commands of the test, its line, and the moment the property
broke. If nothing fails, the first run of the first test is shown.

With FILE it shows what was saved before: a failure that grade --save wrote (.zip),
a world that grade hunt or --shrink wrote (.star), or a trace that the site wrote
(.trace). The first two are run once more, on DIR if it is given, as grade replay
does; a trace needs no server.

The page is one file that needs no network: it can be kept, or sent to somebody.`,
	examples: `  grade view                                   the first failure of the current folder
  grade view election                          of one part
  grade view --run agreement/rejoin --seed 7   one run
  grade view hunt-1-42.star                    what a hunt found, on the current folder
  grade view agreement-rejoin-1.zip            as it was saved, on any machine
  grade view --html run.html                   write the file, open nothing`,
	flagHTML:    "write the first failing run as a page for the browser to `FILE`",
	flagFile:    "write the page to `FILE`, and open nothing",
	written:     "%s, seed %d: %s\n",
	opened:      "%s, seed %d, opens in the browser: %s\n",
	noBrowser:   "No browser was found here. Open this file in one: %s\n",
	passed:      "No test fails; this is a run of %s that passed, seed %d.\n",
	noFailure:   "grade: no test fails, so %s is not written\n",
	cannotWrite: "the page cannot be written: %v",
	notWithFile: "--%s says which run to show, and so does the file %s: expected one of them",
	noTrace:     "%s: expected a trace: %v",
	notTrace:    "%s: %v",
	traceAlone:  "%s is a trace and needs no server: expected nothing after it, found %s",
}

var viewChinese = viewTexts{
	short: "在浏览器中查看一次未通过的运行",
	long: `view 像 grade 一样评分，并在浏览器中打开第一次未通过的运行：服务器和它们之间的
消息（每个字段）、每台服务器保存和输出的内容、测试提出的命令、测试所在的行，以及
性质被破坏的时刻。如果全部通过，就显示第一个测试的第一次运行。

给出 FILE 时，显示以前保存的内容：grade --save 写出的失败（.zip），grade hunt 或
--shrink 写出的世界（.star），或网站写出的轨迹（.trace）。前两种会像 grade replay
那样再运行一次，给出 DIR 时在它上面运行；轨迹不需要服务器。

页面是一个文件，不需要网络：可以保存，也可以发给别人。`,
	examples: `  grade view                                   当前文件夹的第一个失败
  grade view election                          某一部分的
  grade view --run agreement/rejoin --seed 7   某一次运行
  grade view hunt-1-42.star                    搜索找到的结果，在当前文件夹上
  grade view agreement-rejoin-1.zip            与保存时一样，在任何机器上
  grade view --html run.html                   只写文件，不打开`,
	flagHTML:    "把第一次未通过的运行写成网页 `FILE`",
	flagFile:    "把网页写到 `FILE`，不打开",
	written:     "%s，种子 %d：%s\n",
	opened:      "%s，种子 %d，在浏览器中打开：%s\n",
	noBrowser:   "这里没有找到浏览器。请在浏览器中打开这个文件：%s\n",
	passed:      "没有测试失败；这是 %s 的一次通过的运行，种子 %d。\n",
	noFailure:   "grade：没有测试失败，所以没有写 %s\n",
	cannotWrite: "无法写网页：%v",
	notWithFile: "--%s 指定要显示哪次运行，文件 %s 也是：应只给出其中一个",
	noTrace:     "%s：应为轨迹文件：%v",
	notTrace:    "%s：%v",
	traceAlone:  "%s 是轨迹，不需要服务器：后面不应再有别的，却有 %s",
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
		Use: "view [PART...|FILE] [flags] [DIR]", Short: t.short, Long: t.long, Example: t.examples,
		ValidArgsFunction: c.completeParts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && isSaved(args[0]) {
				return c.viewSaved(cmd, args[0], args[1:])
			}
			return c.view(cmd, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.run, "run", "", c.t.flagRun)
	f.Uint64Var(&c.seed, "seed", 0, c.t.flagSeed)
	f.IntVar(&c.seeds, "seeds", 0, c.t.flagSeeds)
	f.IntVar(&c.hints, "hints", 2, c.t.flagHints)
	f.IntVar(&c.workers, "workers", 0, c.t.flagWorkers)
	f.StringVar(&c.html, "html", "", t.flagFile)
	c.raftFlag(cmd)
	f.SortFlags = false
	complete(cmd, "run", c.completeTests)
	return cmd
}

// view shows the first failing run in the browser. It shows; it does not judge:
// its exit code says whether there is something to look at.
func (c *cli) view(cmd *cobra.Command, args []string) error {
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
	lab, _, err := c.openLab(c.lab)
	if err != nil {
		return err
	}
	p, err := c.pictured(pic, lab)
	if err != nil {
		return err
	}
	return c.show(p)
}

// isSaved says whether a word of the command line means a file that holds a run.
func isSaved(word string) bool {
	info, err := os.Stat(word)
	return (err != nil || !info.IsDir()) && slices.Contains([]string{".star", ".zip", ".trace"}, strings.ToLower(filepath.Ext(word)))
}

// viewSaved shows what a file holds: a trace as it is, a saved failure or a world
// by running it once more.
func (c *cli) viewSaved(cmd *cobra.Command, file string, dirs []string) error {
	t := viewTextsIn(c.lang)
	for _, name := range []string{"run", "seed", "seeds"} {
		if cmd.Flags().Changed(name) {
			return fmt.Errorf(t.notWithFile, name, file)
		}
	}
	if strings.EqualFold(filepath.Ext(file), ".trace") {
		return c.viewTrace(file, dirs)
	}
	saved, src, err := c.readFailure(file)
	if err != nil {
		return err
	}
	if len(dirs) > 1 {
		return fmt.Errorf(huntTextsIn(c.lang).oneFolder, "view FILE", len(dirs))
	}
	o, err := c.ofFailure(saved, file, src, dirs)
	if err != nil {
		return err
	}
	c.againFile(file, dirs)
	pic := &picture{}
	o.Trace, o.TracePassed = pic.take, true
	run := c.report(io.Discard).Start(c.stderr, isTerminal(c.stderr), false)
	defer run.Stop()
	o.Progress = run.Progress
	var lab *script.Lab
	if saved != nil {
		if lab, err = saved.Tests(); err == nil {
			_, _, err = saved.Replay(cmd.Context(), o, nil)
		}
	} else {
		if lab, _, err = script.LoadWorld(filepath.Base(file), src); err == nil {
			_, _, err = replayWorld(cmd, o, file, src, nil)
		}
	}
	run.Stop()
	if err != nil {
		return noVerdict{err}
	}
	p, err := c.pictured(pic, lab)
	if err != nil {
		return err
	}
	if err := c.show(p); err != nil {
		return err
	}
	if saved != nil && len(dirs) == 0 {
		c.compare(c.people(), saved, p.Run.Hash)
	}
	return nil
}

// viewTrace shows a trace. What server it was, only the trace says.
func (c *cli) viewTrace(file string, dirs []string) error {
	t := viewTextsIn(c.lang)
	if len(dirs) > 0 {
		return fmt.Errorf(t.traceAlone, file, strings.Join(dirs, " "))
	}
	b, err := c.readLimited(file, maxShownTrace, t.noTrace)
	if err != nil {
		return err
	}
	trace, err := sim.DecodeTrace(b)
	if err != nil {
		return fmt.Errorf(t.notTrace, file, err)
	}
	tr, lab, err := grader.OfTrace(trace)
	if err != nil {
		return noVerdict{err}
	}
	return c.show(&report.Picture{Lang: c.lang, Lab: lab, Test: tr, Run: &tr.Runs[0], Trace: b, Hints: c.hints})
}

// maxShownTrace bounds the size in bytes of a trace that is shown: a run of a
// test has a few megabytes, and a page with more than this opens slowly.
const maxShownTrace = 64 << 20

// show writes a picture and opens it, unless --html says where it goes.
func (c *cli) show(p *report.Picture) error {
	t := viewTextsIn(c.lang)
	file, err := c.html, error(nil)
	if file == "" {
		if file, err = viewFile(p); err != nil {
			return fmt.Errorf(t.cannotWrite, err)
		}
	}
	if err := c.writePicture(p, file); err != nil {
		return err
	}
	name, seed := strings.Trim(p.Test.Part+"/"+p.Test.Name, "/"), p.Run.Seed
	if c.json {
		return writeJSON(c.stdout, struct {
			Test   string        `json:"test"`
			Seed   uint64        `json:"seed"`
			Status grader.Status `json:"status"`
			Hash   string        `json:"hash"`
			File   string        `json:"file"`
		}{name, seed, p.Run.Status, p.Run.Hash, file})
	}
	if p.Run.Status == grader.Passed {
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
func viewFile(p *report.Picture) (string, error) {
	dir := cacheDir()
	if dir == "" {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "views")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return filepath.Join(dir, fmt.Sprintf("%s-%s-%d.html", fileName(p.Test.Part), fileName(p.Test.Name), p.Run.Seed)), nil
}

// fileName makes a name, which a trace may have from anywhere, one of a file.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return '-'
	}, s)
	return s[:min(len(s), 80)]
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
