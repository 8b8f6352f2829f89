package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/phrase"
	"github.com/raftlab/raftlab/grader/vet"
)

// vetTexts are what grade vet says in one language.
type vetTexts struct {
	short, long, examples, flagExplain string
	clean                              string
	found                              string // findings
	explain                            string // check
	noCheck                            string // name, names
	noExplainDir                       string // folder
}

var vetEnglish = vetTexts{
	short: "Look for mistakes in the code without running it",
	long: `vet reads the code in DIR, or in the current folder, and reports mistakes that
Raft labs are known for: a lock held across an RPC, a return without unlock, a
reply that several calls share, and others. It runs nothing, writes nothing and
needs no network. What it does not find may still be wrong: grade tells.

A comment // grade:ignore CHECK on a line, or above it, keeps a check from
reporting that line. The exit code is 1 if something was found.`,
	examples: `  grade vet                      look at the current folder
  grade vet --explain staleterm  what a check looks for, and why
  grade vet --json > vet.json    for programs`,
	flagExplain:  "explain `CHECK`, and look at nothing",
	clean:        "Nothing found. Whether it works is another question: grade\n",
	found:        "Found: %d. ",
	explain:      "What a check means: grade vet --explain %s\n",
	noCheck:      "--explain: there is no check %q; there are: %s",
	noExplainDir: "--explain looks at no folder, found %s",
}

var vetChinese = vetTexts{
	short: "不运行代码，查找其中的错误",
	long: `vet 阅读 DIR（或当前文件夹）中的代码，报告 Raft 实验里常见的错误：持锁调用 RPC、
return 时没有释放锁、几次调用共用一个 reply，等等。它什么也不运行，什么也不写，也不
需要网络。它没找到的也可能是错的：用 grade 来评。

在某一行或其上一行写注释 // grade:ignore CHECK，该检查就不报告这一行。找到问题时
退出码是 1。`,
	examples: `  grade vet                      检查当前文件夹
  grade vet --explain staleterm  某项检查查找什么、为什么
  grade vet --json > vet.json    供程序使用`,
	flagExplain:  "解释检查 `CHECK`，不检查代码",
	clean:        "没有发现问题。它是否正确是另一回事：grade\n",
	found:        "发现 %d 处。",
	explain:      "某项检查的含义：grade vet --explain %s\n",
	noCheck:      "--explain：没有检查 %q；有：%s",
	noExplainDir: "--explain 不检查文件夹，却给了 %s",
}

func vetTextsIn(lang string) *vetTexts {
	if lang == "zh" {
		return &vetChinese
	}
	return &vetEnglish
}

func (c *cli) vetCommand() *cobra.Command {
	t := vetTextsIn(c.lang)
	var explain string
	var names []string
	for _, a := range vet.Analyzers() {
		names = append(names, a.Name)
	}
	cmd := &cobra.Command{
		Use: "vet [flags] [DIR]", Short: t.short, Long: t.long, Example: t.examples, Args: c.args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if explain != "" {
				text := vet.Explain(c.lang, explain)
				if text == "" {
					return fmt.Errorf(t.noCheck, explain, strings.Join(names, ", "))
				}
				if len(args) > 0 {
					return fmt.Errorf(t.noExplainDir, args[0])
				}
				fmt.Fprint(c.stdout, text)
				return nil
			}
			return c.vet(cmd, args)
		},
	}
	cmd.Flags().StringVar(&explain, "explain", "", t.flagExplain)
	complete(cmd, "explain", fixed(names...))
	c.raftFlag(cmd)
	return cmd
}

func (c *cli) vet(cmd *cobra.Command, args []string) error {
	t := vetTextsIn(c.lang)
	dir, lab, err := c.folderAndLab(args)
	if err != nil {
		return err
	}
	root, version, err := build.FindGo(cmd.Context(), build.Options{})
	if err != nil {
		return noVerdict{err}
	}
	tree, err := build.Prepare(cmd.Context(), build.Options{Dir: dir, GoVersion: version, Service: lab.Service, OnCore: grader.Raft(c.raft).OnCore()})
	if err != nil {
		return noVerdict{err}
	}
	found, err := vet.Check(tree, vet.NewLibrary(os.DirFS(filepath.Join(root, "src"))), version)
	if err != nil {
		return noVerdict{err}
	}
	switch {
	case c.json:
		if err := writeJSON(c.stdout, struct {
			Profile  string        `json:"profile"`
			Go       string        `json:"go"`
			Findings []vet.Finding `json:"findings"`
		}{tree.Profile.String(), version, found}); err != nil {
			return err
		}
	case len(found) == 0:
		fmt.Fprint(c.stdout, t.clean)
	default:
		lines := sourceLines(tree)
		for _, f := range found {
			f.Message = phrase.In(c.lang, f.Message)
			// As the student would name the file from where the command runs.
			at := f
			at.File = filepath.Join(dir, filepath.FromSlash(f.File))
			fmt.Fprintf(c.stdout, "%s\n", at)
			if l := lines[f.File]; f.Line <= len(l) {
				fmt.Fprintf(c.stdout, "    %s\n", strings.TrimSpace(l[f.Line-1]))
			}
		}
		fmt.Fprintf(c.stdout, "\n"+t.found+t.explain, len(found), found[0].Check)
	}
	if len(found) > 0 {
		return exitWith(exitFailed)
	}
	return nil
}

// sourceLines are the lines of the student's files, by the names in findings.
func sourceLines(tree *build.Tree) map[string][]string {
	m := make(map[string][]string)
	for _, s := range tree.Sources {
		m[path.Clean(s.Path)] = strings.Split(string(s.Data), "\n")
	}
	return m
}
