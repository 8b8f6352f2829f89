package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/labs"
)

func (c *cli) initCommand() *cobra.Command {
	return &cobra.Command{
		Use: "init [DIR]", Short: c.t.initShort, Long: c.t.initLong, Args: c.args(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return c.init(dir)
		},
	}
}

// init writes the lab's skeleton into dir. It never overwrites: the folder must
// be empty, but for what a version control or an editor keeps there.
func (c *cli) init(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf(c.t.initFailed, err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			return fmt.Errorf(c.t.notEmpty, dir, e.Name())
		}
	}
	lab, files, err := c.openLab(c.lab)
	if err != nil {
		return err
	}
	if files == nil {
		files = labs.Raft()
	}
	skeleton, err := labs.Skeleton(files)
	if err != nil {
		return fmt.Errorf(c.t.initFailed, err)
	}
	if err := os.CopyFS(dir, skeleton); err != nil {
		return fmt.Errorf(c.t.initFailed, err)
	}
	if c.json {
		return writeJSON(c.stdout, struct {
			Dir string `json:"dir"`
		}{dir})
	}
	cd := ""
	if dir != "." {
		cd = "    cd " + dir + "\n"
	}
	if own, below := firstFile(lab); own != "" {
		fmt.Fprintf(c.stdout, c.t.initDoneOn, filepath.Join(dir, filepath.FromSlash(own)), below, cd, quote(c.lab), lab.Parts[0].Name)
		return nil
	}
	fmt.Fprintf(c.stdout, c.t.initDone, filepath.Join(dir, "raft", "raft.go"), cd)
	return nil
}

// firstFile is where the student of a lab on top of Raft begins, and the folders
// that hold the labs below; "" for any other lab.
func firstFile(lab *script.Lab) (own, below string) {
	switch lab.Service {
	case "kv":
		return "kv/server.go", "raft/"
	case "lock":
		return "lock/lock.go", "raft/, kv/"
	}
	return "", ""
}

func (c *cli) listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: c.t.listShort, Args: c.args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			lab, _, err := c.openLab(c.lab)
			if err != nil {
				return err
			}
			if c.json {
				c.stdout.Write(report.LabJSON(lab))
				return nil
			}
			c.report(c.stdout).Lab(lab)
			return nil
		},
	}
}

func (c *cli) referenceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "reference [PART...] [flags]", Short: c.t.referenceShort, Long: c.t.referenceLong,
		ValidArgsFunction: c.completeParts,
		RunE:              func(cmd *cobra.Command, args []string) error { return c.grade(cmd, args, true) },
	}
	c.gradeFlags(cmd)
	c.formatFlag(cmd)
	cmd.Flags().SortFlags = false
	return cmd
}

func (c *cli) labCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "lab", Short: c.t.labShort, Args: c.args(0, 0)}
	cmd.AddCommand(&cobra.Command{
		Use: "check DIR", Short: c.t.labCheckShort, Long: c.t.labCheckLong, Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.labCheck(cmd, args[0]) },
	})
	return cmd
}

// labCheck reads a lab and runs each of its tests once on the consensus core.
func (c *cli) labCheck(cmd *cobra.Command, dir string) error {
	lab, files, err := c.openLab(dir)
	if err != nil {
		return err
	}
	run := c.report(io.Discard).Start(c.stderr, isTerminal(c.stderr), false)
	defer run.Stop()
	res, err := grader.Grade(cmd.Context(), grader.Options{
		Core: true, Lab: files, Seeds: 1, Lang: c.lang, Progress: run.Progress,
	})
	run.Stop()
	if err != nil {
		return noVerdict{err}
	}
	if c.json {
		c.stdout.Write(res.JSON())
	} else {
		c.report(c.stdout).LabCheck(lab, res)
	}
	return verdict(res)
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: c.t.versionShort, Args: c.args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				return writeJSON(c.stdout, struct {
					Version string `json:"version"`
					Go      string `json:"go"`
					System  string `json:"system"`
				}{grader.Version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH})
			}
			fmt.Fprintf(c.stdout, "grade %s (%s, %s/%s)\n", grader.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return nil
		},
	}
}

// exitCodesTopic has no action: it is a topic of the help.
func (c *cli) exitCodesTopic() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: c.t.exitCodesShort, Long: c.t.exitCodesLong}
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
