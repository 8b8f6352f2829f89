package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader/race"
)

// raceTexts are what grade race says in one language.
type raceTexts struct {
	short, long, examples, flagSeeds, flagTrust, flagReport string
	refused                                                 string
	found                                                   string // n
	clean                                                   string // runs, tests
	writes, reads                                           string // place
	through                                                 string // part of the framework
	from                                                    string // place
	seen                                                    string // test, seed, who, time, runs, of
	server, client                                          string // number
	why, again, failed                                      string
	entries                                                 map[string]string
	started                                                 string // function, place
}

var raceEnglish = raceTexts{
	short: "Find data races: the tests natively under Go's race detector",
	long: `race compiles the code in DIR (or the current folder) as a program of this machine,
with Go's race detector in it, and runs each test once, in virtual time. It tells
each pair of places that use the same memory without anything that orders them.
grade cannot see these: there, one goroutine runs at a time.

The code runs with all that you may do: it is for your own machine and your own
code. Where a CI system is at work, race refuses, unless --trust-native is given.
It needs Go 1.25 or newer and a C compiler. The exit code is 1 if there is a race;
whether the tests pass is another question: grade.`,
	examples: `  grade race                          the whole lab on the current folder
  grade race election                 one part
  grade race --run agreement/backup --seeds 5
  grade race --report                 with the detector's own words`,
	flagSeeds:  "`N` runs of each test, with consecutive seeds",
	flagTrust:  "run the code natively where a CI system is at work, too",
	flagReport: "add the race detector's own report of each race",
	refused:    "the race check runs code without any confinement, and this is a CI system (CI is set): for code that you trust, add --trust-native",
	found:      "Data races: %d\n",
	clean:      "No data race in %d runs of %d tests. Whether the server is right is another question: grade\n",
	writes:     "written at %s",
	reads:      "read at %s",
	through:    ", by %s",
	from:       "called from %s",
	seen:       "seen in %s, seed %d, by %s at %s; in %d of %d runs",
	server:     "server %d", client: "client %d",
	why:    "Nothing makes one of the two come before the other. Hold the lock at both places, or copy\nwhat is needed while it is held.\n",
	again:  "Again  ",
	failed: "Runs that failed, for these or other reasons: %d. What is wrong with them: grade\n",
	entries: map[string]string{
		race.EntryMake: "in Make", race.EntryRPC: "in the handler %s", race.EntryStart: "in a call of Start", race.EntrySnapshot: "in a call of Snapshot",
		race.EntryGetState: "in a call of GetState", race.EntryTimer: "in the goroutine %s", race.EntryMaker: "in %s", race.EntryCall: "in a call of %s",
	},
	started: "in the goroutine %s, started at %s",
}

var raceChinese = raceTexts{
	short: "查找数据竞争：在 Go 的竞争检测器下原生运行测试",
	long: `race 把 DIR（或当前文件夹）中的代码编译成本机程序，带上 Go 的竞争检测器，在虚拟时间里
把每个测试运行一次。它报告每一对使用同一内存、却没有任何先后次序的位置。grade 看不到
它们：在那里一次只有一个 goroutine 在运行。

代码拥有您的全部权限：只用于自己的机器和自己的代码。在 CI 系统里，除非给出
--trust-native，race 会拒绝运行。它需要 Go 1.25 或更新版本，以及 C 编译器。有竞争时退出
码是 1；测试是否通过是另一个问题：用 grade 来评。`,
	examples: `  grade race                          当前文件夹，整个实验
  grade race election                 一个部分
  grade race --run agreement/backup --seeds 5
  grade race --report                 附上检测器的原文`,
	flagSeeds:  "每个测试运行 `N` 次，种子相继",
	flagTrust:  "在 CI 系统里也原生运行代码",
	flagReport: "附上竞争检测器对每个竞争的原文报告",
	refused:    "竞争检查会不加限制地运行代码，而这里是 CI 系统（设置了 CI）：如果信任这份代码，请加上 --trust-native",
	found:      "数据竞争：%d 处\n",
	clean:      "%d 次运行（%d 个测试）中没有数据竞争。服务器是否正确是另一回事：grade\n",
	writes:     "写：%s",
	reads:      "读：%s",
	through:    "，由 %s 进行",
	from:       "调用自 %s",
	seen:       "见于 %s，种子 %d，%s，时刻 %s；%d/%d 次运行",
	server:     "服务器 %d", client: "客户端 %d",
	why:    "没有什么规定这两者谁先谁后。请在两处都持有锁，或者在持有它时复制需要的内容。\n",
	again:  "重现  ",
	failed: "未通过的运行（因为这些竞争或别的原因）：%d 次。哪里不对：grade\n",
	entries: map[string]string{
		race.EntryMake: "在 Make 中", race.EntryRPC: "在 RPC 处理函数 %s 中", race.EntryStart: "在对 Start 的调用中", race.EntrySnapshot: "在对 Snapshot 的调用中",
		race.EntryGetState: "在对 GetState 的调用中", race.EntryTimer: "在 goroutine %s 中", race.EntryMaker: "在 %s 中", race.EntryCall: "在对 %s 的调用中",
	},
	started: "在 goroutine %s 中，它启动于 %s",
}

func raceTextsIn(lang string) *raceTexts {
	if lang == "zh" {
		return &raceChinese
	}
	return &raceEnglish
}

func (c *cli) raceCommand() *cobra.Command {
	t := raceTextsIn(c.lang)
	var trust, full bool
	var seeds int
	cmd := &cobra.Command{
		Use: "race [PART...] [flags] [DIR]", Short: t.short, Long: t.long, Example: t.examples,
		ValidArgsFunction: c.completeParts,
		RunE: func(cmd *cobra.Command, args []string) error {
			if ci := os.Getenv("CI"); ci != "" && ci != "false" && ci != "0" && !trust {
				return errors.New(t.refused)
			}
			return c.race(cmd, args, seeds, full)
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.run, "run", "", c.t.flagRun)
	f.Uint64Var(&c.seed, "seed", 0, c.t.flagSeed)
	c.raftFlag(cmd)
	f.IntVar(&seeds, "seeds", 1, t.flagSeeds)
	f.IntVar(&c.workers, "workers", 0, c.t.flagWorkers)
	f.BoolVar(&full, "report", false, t.flagReport)
	f.BoolVar(&trust, "trust-native", false, t.flagTrust)
	f.SortFlags = false
	complete(cmd, "run", c.completeTests)
	return cmd
}

func (c *cli) race(cmd *cobra.Command, args []string, seeds int, full bool) error {
	t := raceTextsIn(c.lang)
	if seeds < 1 || seeds > maxSeeds {
		return fmt.Errorf(c.t.badNumber, "--seeds", 1, maxSeeds, seeds)
	}
	o, err := c.options(args, false)
	if err != nil {
		return err
	}
	o.Seeds = seeds
	run := c.report(io.Discard).Start(c.stderr, isTerminal(c.stderr), false)
	defer run.Stop()
	o.Progress = run.Progress
	res, err := race.Run(cmd.Context(), o)
	run.Stop()
	switch {
	case errors.Is(err, context.Canceled):
		return exitWith(exitInterrupted)
	case err != nil:
		return noVerdict{err}
	case c.json:
		if err := writeJSON(c.stdout, res); err != nil {
			return err
		}
	default:
		c.raceReport(t, res, o.Dir, full)
	}
	if len(res.Races) > 0 {
		return exitWith(exitFailed)
	}
	return nil
}

func (c *cli) raceReport(t *raceTexts, res *race.Result, dir string, full bool) {
	w := c.stdout
	if len(res.Races) == 0 {
		fmt.Fprintf(w, t.clean, res.Runs, res.Tests)
	} else {
		fmt.Fprintf(w, t.found, len(res.Races))
	}
	place := func(p race.Place) string {
		if p.File == "" {
			return p.Func
		}
		return fmt.Sprintf("%s:%d", filepath.Join(dir, filepath.FromSlash(p.File)), p.Line)
	}
	for i, r := range res.Races {
		fmt.Fprintf(w, "\n%d. ", i+1)
		for k, a := range r.Accesses {
			if k > 0 {
				fmt.Fprint(w, "   ")
			}
			said := t.reads
			if a.Write {
				said = t.writes
			}
			fmt.Fprintf(w, said, place(a.At))
			if a.In != "" {
				fmt.Fprintf(w, t.through, a.In)
			}
			fmt.Fprintf(w, "\n      %s\n", c.sourceLine(a.At))
			for _, f := range a.Stack[min(1, len(a.Stack)):] {
				fmt.Fprintf(w, "      "+t.from+"\n", place(f)+" "+f.Func)
			}
			fmt.Fprintf(w, "      %s\n", t.entry(&a, place))
		}
		who := fmt.Sprintf(t.server, r.Server)
		if r.Client >= 0 {
			who = fmt.Sprintf(t.client, r.Client)
		}
		fmt.Fprintf(w, "   "+t.seen+"\n", r.Run.Part+"/"+r.Run.Test, r.Run.Seed, who, virtualTime(int64(r.Time)), r.Runs, res.Runs)
		if full {
			fmt.Fprintf(w, "\n      %s\n", strings.ReplaceAll(r.Report, "\n", "\n      "))
		}
	}
	if len(res.Races) > 0 {
		first := res.Races[0].Run
		again := c.same(fmt.Sprintf("grade race --run %s/%s --seed %d", first.Part, first.Test, first.Seed))
		fmt.Fprintf(w, "\n%s%s%s\n", t.why, t.again, again)
	}
	if len(res.Failed) > 0 {
		fmt.Fprintf(w, "\n"+t.failed, len(res.Failed))
	}
}

// virtualTime is a time of the world in seconds.
func virtualTime(ns int64) string { return fmt.Sprintf("%.3f s", float64(ns)/1e9) }

// entry says what runs the goroutine of one side.
func (t *raceTexts) entry(a *race.Access, place func(race.Place) string) string {
	outer := a.At.Func
	if n := len(a.Stack); n > 0 {
		outer = a.Stack[n-1].Func
	}
	if a.Entry == race.EntryGo {
		return fmt.Sprintf(t.started, outer, place(*a.Started))
	}
	if said := t.entries[a.Entry]; strings.Contains(said, "%s") {
		return fmt.Sprintf(said, outer)
	} else {
		return said
	}
}

// sourceLine is a line of the student's, and in which function it stands.
func (c *cli) sourceLine(p race.Place) string {
	if c.code != nil && p.File != "" {
		if b, err := c.code.ReadFile(filepath.FromSlash(p.File)); err == nil {
			if lines := strings.Split(string(b), "\n"); p.Line <= len(lines) && p.Line > 0 {
				return strings.TrimSpace(lines[p.Line-1])
			}
		}
	}
	return p.Func
}
