package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/labs"
)

// openLab reads the lab that the flags name.
func (a *app) openLab() (*script.Lab, error) {
	if a.lab == "" {
		return grader.OpenLab(nil)
	}
	return grader.OpenLab(os.DirFS(a.lab))
}

// partNames and testNames serve shell completion; a broken lab has none.
func (a *app) partNames() []string {
	lab, err := a.openLab()
	if err != nil {
		return nil
	}
	var names []string
	for _, p := range lab.Parts {
		names = append(names, p.Name)
	}
	return names
}

func (a *app) testNames() []string {
	lab, err := a.openLab()
	if err != nil {
		return nil
	}
	var names []string
	for _, p := range lab.Parts {
		for _, t := range p.Tests {
			names = append(names, p.Name+"/"+t.Name)
		}
	}
	return names
}

func (a *app) referenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reference [PART...]",
		Short: "Run the lab's tests on our own consensus core",
		Long: `reference runs the same tests on the consensus core that comes with grade. It
must pass them all: a test that fails there is wrong.`,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.grade(grader.Options{Core: true, Parts: args}, "")
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return a.partNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
}

func (a *app) initCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [DIR]",
		Short: "Write the skeleton of the lab",
		Long: `init writes the lab's skeleton into DIR (default: raft-lab), which must be empty
or not there yet: nothing is ever overwritten.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "raft-lab"
			if len(args) > 0 {
				dir = args[0]
			}
			return a.writeSkeleton(dir)
		},
	}
}

func (a *app) writeSkeleton(dir string) error {
	var lab fs.FS = labs.Raft()
	if a.lab != "" {
		lab = os.DirFS(a.lab)
	}
	files, err := labs.Skeleton(lab)
	if err != nil {
		return err
	}
	switch old, err := os.ReadDir(dir); {
	case err == nil && len(old) > 0:
		return fmt.Errorf("%s is not empty: name a folder that is not there yet, such as 'grade init raft-lab'", dir)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: expected a folder, or none yet: %v", dir, err)
	}
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		to := filepath.Join(dir, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(to, 0o777)
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o666)
	})
	if err != nil {
		return fmt.Errorf("writing the skeleton: %v", err)
	}
	next := map[string]string{
		"en": "%s holds the skeleton of the lab. Begin with its README.md and raft/raft.go, then:\n\n  grade election %s\n",
		"zh": "%s 中已写好实验骨架。请先读 README.zh.md 和 raft/raft.go，然后运行：\n\n  grade election %s\n",
	}
	text := next[a.lang]
	if text == "" {
		text = next["en"]
	}
	fmt.Fprintf(a.out, text, dir, dir)
	return nil
}

func (a *app) listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the lab's parts and tests, with their points",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			lab, err := a.openLab()
			if err != nil {
				return a.fail(err)
			}
			if a.json {
				return a.listJSON(lab)
			}
			r, err := a.reporter(a.out, "")
			if err != nil {
				return err
			}
			r.Lab(lab)
			return nil
		},
	}
}

func (a *app) listJSON(lab *script.Lab) error {
	type test struct {
		Name   string      `json:"name"`
		Title  script.Text `json:"title"`
		Points float64     `json:"points"`
		Seeds  int         `json:"seeds"`
	}
	type part struct {
		Name   string      `json:"name"`
		Also   []string    `json:"also"`
		Title  script.Text `json:"title"`
		Points float64     `json:"points"`
		Tests  []test      `json:"tests"`
	}
	var parts []part
	for _, p := range lab.Parts {
		x := part{Name: p.Name, Also: p.Also, Title: p.Title, Points: p.Points}
		for _, t := range p.Tests {
			x.Tests = append(x.Tests, test{t.Name, t.Title, t.Points, t.Seeds})
		}
		parts = append(parts, x)
	}
	enc := json.NewEncoder(a.out)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]any{"lab": lab.Name, "hash": lab.Hash, "parts": parts})
}

func (a *app) labCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "lab",
		Short: "Work on a lab of your own",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(&cobra.Command{
		Use:   "check DIR",
		Short: "Check a lab's files, and run each test once on the core",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if st, err := os.Stat(args[0]); err != nil || !st.IsDir() {
				return fmt.Errorf("%s: expected the folder of a lab, with a lab.star in it", args[0])
			}
			files := os.DirFS(args[0])
			lab, err := grader.OpenLab(files)
			if err != nil {
				return a.fail(err)
			}
			res, err := grader.Grade(a.ctx, grader.Options{Core: true, Lab: files, Seeds: 1, Lang: a.lang})
			if err != nil {
				return a.fail(err)
			}
			if a.json {
				a.out.Write(res.JSON())
				return verdict(res)
			}
			r, err := a.reporter(a.out, "")
			if err != nil {
				return err
			}
			r.LabCheck(lab, res)
			return verdict(res)
		},
	})
	return c
}

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of grade, and of the Go that built it",
		Args:  cobra.NoArgs,
		Run: func(*cobra.Command, []string) {
			fmt.Fprintf(a.out, "grade %s %s %s/%s\n", grader.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What grade's exit codes mean",
		Long: `grade ends with one of these exit codes:

  0    every test that was asked for passed
  1    a test failed
  2    wrong usage: flags, parts, folders, or a lab with a mistake
  3    the server does not build, or breaks a rule for submitted code
  4    the grader's own failure: nothing was found out about the server
  130  interrupted`,
	}
}
