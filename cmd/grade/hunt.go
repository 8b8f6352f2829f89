package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
)

// huntTexts are what grade hunt, grade replay and --save say in one language.
type huntTexts struct {
	huntShort, huntLong, huntExamples string
	flagTime, flagWorlds, flagSave    string
	flagSaveTest                      string
	badTime                           string // found
	oneFolder                         string // command, number
	shrinking                         string // actions, worlds tried
	nothing                           string // worlds, virtual minutes, seconds
	nothingMore                       string
	found                             string // world, actions before, after
	script                            string // file
	cannotWrite                       string // file, error

	replayShort, replayLong, replayExamples string
	notFile                                 string // file, error
	tooLarge                                string // file, limit
	noReplay                                string // file, error
	sameHash, otherHash                     string // hash; hash, hash saved
	otherGrader                             string // version saved, version now
	needDir                                 string // file
	flagShrink, noScript                    string // ; file
	shrunk                                  string // actions before, after
	passes                                  string // property it was saved for
	saved                                   string // file
}

var huntEnglish = huntTexts{
	huntShort: "Search random worlds for a failure that the tests miss",
	huntLong: `hunt runs the server in DIR in random worlds, one after the other: crashes between
two effects, one-way cuts, messages doubled, late and out of order, and schedules
that aim at what just happened. Then the faults end, and a majority that is well
must elect a leader and commit. In the folder of a service (--lab kv, lock, kvraft)
its clients give the commands, and what they see must fit together. The first world
in which a property breaks is shrunk to a short script, which is shown and written
to a file.

A world depends on --seed and its number alone; --time decides only how many are
run. The same code, seed and --worlds give the same result on every machine.`,
	huntExamples: `  grade hunt                         a minute on the current folder
  grade hunt --time 10m --seed 2     longer, and other worlds
  grade hunt --worlds 200            so many worlds, however long they take`,
	flagTime: "begin no further world after `DURATION` (default 60s, or none with --worlds)", flagWorlds: "run at most `N` worlds",
	flagSave:     "write what is found into folder `DIR` (default: the current one)",
	flagSaveTest: "save each failing test's first failure into folder `DIR`, for grade replay",
	badTime:      "--time: expected a duration above 0, such as 90s or 5m, found %q",
	oneFolder:    "%s takes one folder, found %d words",
	shrinking:    "shrinking  %d actions left  %d worlds tried",
	nothing:      "Nothing found: no property broke in %d worlds, %.0f minutes of their time, %.0f s of yours.\n",
	nothingMore:  "Other worlds: grade hunt --seed %d\n",
	found:        "Found in world %d; shrunk from %d actions to %d.",
	script:       "The script: %s\n",
	cannotWrite:  "%s cannot be written: %v",
	replayShort:  "Repeat a failure that was saved or found",
	replayLong: `replay runs one world or one test again, exactly: what grade hunt wrote (a .star
file), or what grade --save wrote (a .zip file, which holds the compiled server).

With DIR, it runs on the server in DIR: has the mistake been mended? Without DIR, a
.zip file runs on the server that it holds, a .star file on the current folder. The
exit code is 1 while it fails, 0 when it passes.`,
	replayExamples: `  grade replay hunt-1-42.star            on the current folder
  grade replay agreement-rejoin-1.zip    as it was saved, on any machine
  grade replay agreement-rejoin-1.zip .  on the code as it is now
  grade replay agreement-rejoin-1.zip --shrink rejoin.star
                                         as a short script`,
	notFile:     "%s: expected a file that grade hunt or grade --save wrote: %v",
	tooLarge:    "%s: expected a file of at most %d MiB",
	noReplay:    "%s: %v",
	sameHash:    "The run is the one that was saved, to the byte: trace %.16s.\n",
	otherHash:   "The run is not the one that was saved: trace %.16s, saved was %.16s.\n",
	otherGrader: "It was saved by grade %s; this is %s, in which the same code may run otherwise.\n",
	flagShrink:  "make the failure small, and write it as a script to `FILE`",
	noScript:    "%s cannot be made a short script: the failure rests on what the test itself compared, or on how long a service took",
	shrunk:      "Shrunk from %d actions to %d.",
	needDir:     "%s is neither a .star nor a .zip file; expected one that grade hunt or grade --save wrote",
	passes:      "It passes: %s does not break any more.\n",
	saved:       "Saved: %s\n",
}

var huntChinese = huntTexts{
	huntShort: "在随机世界里搜索测试没有发现的失败",
	huntLong: `hunt 让 DIR 里的服务器依次在随机的世界里运行：在两个动作之间崩溃，单向断链，消息
重复、迟到、乱序，以及针对刚刚发生之事的安排。然后故障停止，健康的多数派必须选出
领导者并提交。在服务的文件夹里（--lab kv、lock、kvraft），命令由客户端发出，它们的所见必须
相互吻合。第一个破坏了性质的世界会被缩减成一个简短的脚本，显示出来并写入文件。

世界只取决于 --seed 和它的编号；--time 只决定运行多少个。同样的代码、种子和
--worlds 在任何机器上结果都相同。`,
	huntExamples: `  grade hunt                         在当前文件夹上搜索一分钟
  grade hunt --time 10m --seed 2     更久，换别的世界
  grade hunt --worlds 200            运行这么多世界，不管多久`,
	flagTime: "`DURATION` 之后不再开始新的世界（默认 60s；有 --worlds 则不限）", flagWorlds: "至多运行 `N` 个世界",
	flagSave:     "把找到的结果写入文件夹 `DIR`（默认当前文件夹）",
	flagSaveTest: "把每项未通过测试的第一次失败存入文件夹 `DIR`，供 grade replay 使用",
	badTime:      "--time：应为大于 0 的时长，如 90s 或 5m，实为 %q",
	oneFolder:    "%s 只接受一个文件夹，却给了 %d 个词",
	shrinking:    "缩减  还剩 %d 个动作  试了 %d 个世界",
	nothing:      "没有找到：%d 个世界里没有性质被破坏，世界里过了 %.0f 分钟，实际用了 %.0f 秒。\n",
	nothingMore:  "换别的世界：grade hunt --seed %d\n",
	found:        "在第 %d 个世界里找到；从 %d 个动作缩减到 %d 个。",
	script:       "脚本：%s\n",
	cannotWrite:  "无法写出 %s：%v",
	replayShort:  "重现一次保存下来或找到的失败",
	replayLong: `replay 原样再运行一个世界或一项测试：grade hunt 写出的 .star 文件，或 grade --save
写出的 .zip 文件（其中含有编译好的服务器）。

给出 DIR 时，在 DIR 里的服务器上运行：错误改好了吗？省略 DIR 时，.zip 文件在它所含
的服务器上运行，.star 文件在当前文件夹上运行。仍然失败则退出码为 1，通过则为 0。`,
	replayExamples: `  grade replay hunt-1-42.star            在当前文件夹上
  grade replay agreement-rejoin-1.zip    与保存时一样，在任何机器上
  grade replay agreement-rejoin-1.zip .  在现在的代码上
  grade replay agreement-rejoin-1.zip --shrink rejoin.star
                                         写成简短的脚本`,
	notFile:     "%s：应为 grade hunt 或 grade --save 写出的文件：%v",
	tooLarge:    "%s：应为至多 %d MiB 的文件",
	noReplay:    "%s：%v",
	sameHash:    "这次运行与保存的一字节不差：轨迹 %.16s。\n",
	otherHash:   "这次运行与保存的不同：轨迹 %.16s，保存的是 %.16s。\n",
	otherGrader: "它由 grade %s 保存；现在是 %s，同样的代码可能运行得不同。\n",
	flagShrink:  "把失败缩减，并作为脚本写入 `FILE`",
	noScript:    "%s 不能变成简短的脚本：这个失败取决于测试自己比较的结果，或服务所用的时间",
	shrunk:      "从 %d 个动作缩减到 %d 个。",
	needDir:     "%s 既不是 .star 也不是 .zip 文件；应为 grade hunt 或 grade --save 写出的文件",
	passes:      "通过了：%s 不再被破坏。\n",
	saved:       "已保存：%s\n",
}

func huntTextsIn(lang string) *huntTexts {
	if lang == "zh" {
		return &huntChinese
	}
	return &huntEnglish
}

// huntTime is for how long is searched unless a flag says otherwise.
const huntTime = time.Minute

func (c *cli) huntCommand() *cobra.Command {
	t := huntTextsIn(c.lang)
	var limit, save string
	var worlds int
	cmd := &cobra.Command{
		Use: "hunt [DIR] [flags]", Short: t.huntShort, Long: t.huntLong, Example: t.huntExamples,
		RunE: func(cmd *cobra.Command, args []string) error {
			o := grader.HuntOptions{Worlds: worlds}
			if worlds < 0 || worlds > maxSeeds {
				return fmt.Errorf(c.t.badNumber, "--worlds", 1, maxSeeds, worlds)
			}
			if limit != "" {
				d, err := time.ParseDuration(limit)
				if err != nil || d <= 0 {
					return fmt.Errorf(t.badTime, limit)
				}
				o.Time = d
			} else if worlds == 0 {
				o.Time = huntTime
			}
			if len(args) > 1 {
				return fmt.Errorf(t.oneFolder, "hunt", len(args))
			}
			return c.hunt(cmd, args, o, save)
		},
	}
	f := cmd.Flags()
	f.StringVar(&limit, "time", "", t.flagTime)
	f.IntVar(&worlds, "worlds", 0, t.flagWorlds)
	f.Uint64Var(&c.seed, "seed", 0, c.t.flagSeed)
	f.StringVar(&save, "save", "", t.flagSave)
	c.raftFlag(cmd)
	f.BoolVarP(&c.verbose, "verbose", "v", false, c.t.flagVerbose)
	f.IntVar(&c.hints, "hints", 2, c.t.flagHints)
	f.IntVar(&c.workers, "workers", 0, c.t.flagWorkers)
	f.SortFlags = false
	return cmd
}

// folder makes a grading of the folder in args, or of the current one.
func (c *cli) folder(args []string) (grader.Options, error) {
	o, err := c.options(args, false)
	if err == nil && len(o.Parts) > 0 {
		err = fmt.Errorf(c.t.noLab, strings.Join(o.Parts, " "))
	}
	return o, err
}

func (c *cli) hunt(cmd *cobra.Command, args []string, ho grader.HuntOptions, save string) error {
	t := huntTextsIn(c.lang)
	o, err := c.folder(args)
	if err != nil {
		return err
	}
	out := c.people()
	rep := c.report(out)
	run := rep.Start(c.stderr, isTerminal(c.stderr), false)
	defer run.Stop()
	o.Progress = run.Progress
	ho.Shrinking = func(actions, runs int) {
		run.Progress(grader.Progress{Stage: fmt.Sprintf(t.shrinking, actions, runs)})
	}
	begin := time.Now()
	s, err := grader.Open(cmd.Context(), o)
	if err != nil {
		return noVerdict{err}
	}
	defer s.Close()
	res, err := s.Hunt(cmd.Context(), ho)
	run.Stop()
	if err != nil {
		return noVerdict{err}
	}
	if res.Found == nil {
		fmt.Fprintf(out, t.nothing, res.Worlds, float64(res.Virtual)/60e9, time.Since(begin).Seconds())
		fmt.Fprintf(out, t.nothingMore, res.Seed+1)
	} else {
		file, err := c.writeFound(save, fmt.Sprintf("hunt-%d-%d", res.Seed, res.Found.World), res.Found)
		if err != nil {
			return err
		}
		c.againFile(file, args)
		rep.Failure(res.Found.Test)
		fmt.Fprintln(out)
		c.script(out, fmt.Sprintf(t.found, res.Found.World, res.Found.Was, res.Found.Actions), file, res.Found.Script)
	}
	if c.json {
		c.stdout.Write(res.JSON())
	}
	if res.Status == grader.Failed {
		return exitWith(exitFailed)
	}
	return nil
}

// writeFound writes the script of what a hunt found and, if a folder was named
// for it, the run with its server.
func (c *cli) writeFound(dir, name string, p *grader.Prey) (string, error) {
	t := huntTextsIn(c.lang)
	file := filepath.Join(dir, name+".star")
	if dir != "" {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return "", fmt.Errorf(t.cannotWrite, dir, err)
		}
		if _, err := c.writeSaved(dir, name, p.Saved); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(file, []byte(p.Script), 0o666); err != nil {
		return "", fmt.Errorf(t.cannotWrite, file, err)
	}
	return file, nil
}

// writeSaved writes a saved failure into a folder.
func (c *cli) writeSaved(dir, name string, d *grader.Saved) (string, error) {
	t := huntTextsIn(c.lang)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", fmt.Errorf(t.cannotWrite, dir, err)
	}
	file := filepath.Join(dir, name+".zip")
	var b bytes.Buffer
	if _, err := d.WriteTo(&b); err != nil {
		return "", fmt.Errorf(t.cannotWrite, file, err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
		return "", fmt.Errorf(t.cannotWrite, file, err)
	}
	return file, nil
}

// script shows a world file, without its head.
func (c *cli) script(out io.Writer, what, file, src string) {
	fmt.Fprintf(out, "  %s  "+huntTextsIn(c.lang).script+"\n", what, file)
	for line := range strings.Lines(src) {
		if !strings.HasPrefix(line, "#") && strings.TrimSpace(line) != "" {
			fmt.Fprintf(out, "    %s\n", strings.TrimRight(line, "\n"))
		}
	}
	fmt.Fprintln(out)
}

// saver makes a grading save its failures into a folder; files gets their names.
func (c *cli) saver(dir string, files *[]string) func(*grader.TestResult, *grader.Saved) error {
	return func(t *grader.TestResult, d *grader.Saved) error {
		file, err := c.writeSaved(dir, fmt.Sprintf("%s-%s-%d", t.Part, t.Name, d.Seed), d)
		if err == nil {
			*files = append(*files, file)
		}
		return err
	}
}
