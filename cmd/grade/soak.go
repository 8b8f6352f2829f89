package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/phrase"
	"github.com/raftlab/raftlab/grader/soak"
)

// soakTexts are what grade soak says in one language.
type soakTexts struct {
	short, long, examples, flagN string
	head                         string // the table's columns, with tabs
	sum                          string // seeds, runs, tests that failed, tests
	clean                        string // percent
	again, goOn                  string
	stopped                      string // seeds
}

var soakEnglish = soakTexts{
	short: "How often each test fails: many seeds, and an interval of confidence",
	long: `soak runs each test on N seeds and says how often it failed: the rate, the interval
in which the true rate is with 95 % confidence (Wilson's), and the seeds that
failed. A bug that shows once in a hundred worlds is found this way, and so is
whether a change made it rarer.

It goes seed by seed. Ctrl-C ends it with what was found so far, and with the
command that goes on from there. The exit code is 1 if any run failed.`,
	examples: `  grade soak                                 100 seeds of each test
  grade soak -n 1000 election                one part, a thousand seeds
  grade soak --run agreement/rejoin -n 5000  one test
  grade soak -n 100 --seed 101               the next hundred`,
	flagN:   "`N` seeds of each test",
	head:    "test\truns\tfailed\trate\t95 % interval\tseeds that failed\t",
	sum:     "%d seeds, %d runs: %d of %d tests failed at least once.\n",
	clean:   "A test that failed in none of these worlds fails in at most %s of all, with 95 %% confidence.\n",
	again:   "Again  ",
	goOn:    "Go on  ",
	stopped: "Stopped after %d seeds.\n",
}

var soakChinese = soakTexts{
	short: "每个测试多久失败一次：许多种子，以及置信区间",
	long: `soak 用 N 个种子运行每个测试，告诉你它失败的频率：比率、真实比率所在的 95 % 置信
区间（Wilson 区间），以及失败的种子。一百个世界里只出现一次的错误，就这样找到；一次
修改是否让它变少，也这样看出。

它按种子逐个进行。Ctrl-C 结束运行，给出到此为止的结果，以及从那里继续的命令。只要有
一次运行失败，退出码就是 1。`,
	examples: `  grade soak                                 每个测试 100 个种子
  grade soak -n 1000 election                一个部分，一千个种子
  grade soak --run agreement/rejoin -n 5000  一个测试
  grade soak -n 100 --seed 101               接下来的一百个`,
	flagN:   "每个测试 `N` 个种子",
	head:    "测试\t运行\t失败\t比率\t95 % 区间\t失败的种子\t",
	sum:     "%d 个种子，%d 次运行：%d 个测试至少失败一次（共 %d 个）。\n",
	clean:   "在这些世界里从未失败的测试，在所有世界里失败的比率至多为 %s（置信度 95 %%）。\n",
	again:   "重现  ",
	goOn:    "继续  ",
	stopped: "在 %d 个种子之后停止。\n",
}

func soakTextsIn(lang string) *soakTexts {
	if lang == "zh" {
		return &soakChinese
	}
	return &soakEnglish
}

func (c *cli) soakCommand() *cobra.Command {
	t := soakTextsIn(c.lang)
	cmd := &cobra.Command{
		Use: "soak [PART...] [flags] [DIR]", Short: t.short, Long: t.long, Example: t.examples,
		ValidArgsFunction: c.completeParts,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.soak(cmd, args) },
	}
	f := cmd.Flags()
	f.IntVarP(&c.seeds, "n", "n", 100, t.flagN)
	f.StringVar(&c.run, "run", "", c.t.flagRun)
	f.Uint64Var(&c.seed, "seed", 0, c.t.flagSeed)
	f.IntVar(&c.workers, "workers", 0, c.t.flagWorkers)
	c.raftFlag(cmd)
	f.SortFlags = false
	complete(cmd, "run", c.completeTests)
	return cmd
}

func (c *cli) soak(cmd *cobra.Command, args []string) error {
	if c.seeds < 1 {
		return fmt.Errorf(c.t.badNumber, "-n", 1, maxSeeds, c.seeds)
	}
	o, err := c.options(args, false)
	if err != nil {
		return err
	}
	run := c.report(io.Discard).Start(c.stderr, isTerminal(c.stderr), false)
	defer run.Stop()
	o.Progress = run.Progress
	res, err := soak.Run(cmd.Context(), o)
	run.Stop()
	if res == nil {
		return noVerdict{err}
	}
	if c.json {
		if err := writeJSON(c.stdout, res); err != nil {
			return err
		}
	} else {
		c.soakReport(res, err != nil, args)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return exitWith(exitInterrupted)
	case err != nil:
		return noVerdict{err}
	}
	for _, t := range res.Tests {
		if t.Failed > 0 {
			return exitWith(exitFailed)
		}
	}
	return nil
}

// shownSeeds is how many of the seeds that failed are listed.
const shownSeeds = 8

func (c *cli) soakReport(res *soak.Result, stopped bool, args []string) {
	t := soakTextsIn(c.lang)
	var bad []soak.Test
	clean, runs := 0, 0
	for _, s := range res.Tests {
		runs += s.Runs
		if s.Failed > 0 {
			bad = append(bad, s)
		} else {
			clean++
		}
	}
	// The most frequent first.
	slices.SortStableFunc(bad, func(a, b soak.Test) int { return b.Failed - a.Failed })
	if len(bad) > 0 {
		w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "  %s\n", strings.TrimSuffix(t.head, "\t"))
		for _, s := range bad {
			fmt.Fprintf(w, "  %s\t%d\t%d\t%s\t%s – %s\t%s\n", s.Part+"/"+s.Name, s.Runs, s.Failed, percent(s.Rate), percent(s.Low), percent(s.High), seedList(s.Seeds))
		}
		w.Flush()
		fmt.Fprintln(c.stdout)
		for _, s := range bad {
			for _, p := range slices.Sorted(maps.Keys(s.Properties)) {
				fmt.Fprintf(c.stdout, "  %s: %s (%d)", s.Part+"/"+s.Name, p, s.Properties[p])
				if s.First != nil && s.First.Property == p {
					fmt.Fprintf(c.stdout, ": %s", phrase.In(c.lang, s.First.Message))
				}
				fmt.Fprintln(c.stdout)
			}
		}
		fmt.Fprintln(c.stdout)
	}
	if stopped {
		fmt.Fprintf(c.stdout, t.stopped, res.Seeds)
	}
	fmt.Fprintf(c.stdout, t.sum, res.Seeds, runs, len(bad), len(res.Tests))
	if clean > 0 && res.Seeds > 0 {
		_, high := soak.Wilson(0, res.Seeds)
		fmt.Fprintf(c.stdout, t.clean, percent(high))
	}
	if len(bad) > 0 {
		fmt.Fprintf(c.stdout, "\n%s%s\n", t.again, c.replay(&grader.TestResult{Part: bad[0].Part, Name: bad[0].Name, Failure: bad[0].First}))
	}
	if stopped {
		left := c.seeds - res.Seeds
		words := []string{"grade", "soak", "-n", strconv.Itoa(left), "--seed", strconv.FormatUint(res.Next, 10)}
		if c.run != "" {
			words = append(words, "--run", quote(c.run))
		}
		if c.lab != "" {
			words = append(words, "--lab", quote(c.lab))
		}
		again := strings.Join(words, " ") + grader.Raft(c.raft).Flag()
		for _, a := range args {
			again += " " + quote(a)
		}
		fmt.Fprintf(c.stdout, "%s%s\n", t.goOn, again)
	}
}

func seedList(seeds []uint64) string {
	var words []string
	for i, s := range seeds {
		if i == shownSeeds {
			words = append(words, "…")
			break
		}
		words = append(words, strconv.FormatUint(s, 10))
	}
	return strings.Join(words, ", ")
}

// percent shows a rate with three digits that count.
func percent(x float64) string {
	return strconv.FormatFloat(100*x, 'g', 3, 64) + " %"
}
