package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/labs"
)

// recognise sets the lab that the folder among the arguments, or else the
// current one, shows to be meant: in that of the MIT course's service, the
// service; in one of ours, the last lab that is begun there, unless a part of
// one before it is named. No lab set is the Raft lab.
func (c *cli) recognise(args []string) {
	dir := "."
	var words []string
	for _, arg := range args {
		if info, err := os.Stat(arg); err == nil && info.IsDir() {
			dir = arg
		} else {
			words = append(words, arg)
		}
	}
	if build.CourseService(dir) {
		c.lab = "kvraft"
		return
	}
	own := build.OwnService(dir)
	if own == "" {
		return
	}
	if part, _, ok := strings.Cut(c.run, "/"); ok {
		words = append(words, part)
	}
	begun := labs.Names[:slices.Index(labs.Names, own)+1]
	c.lab = own
	for _, name := range slices.Backward(begun) {
		if len(words) > 0 && hasParts(name, words) {
			c.lab = name
			break
		}
	}
	if c.lab == "raft" {
		c.lab = ""
		return
	}
	if !c.json {
		fmt.Fprintf(c.stderr, c.t.labIs, c.lab, strings.Join(slices.DeleteFunc(slices.Clone(begun), func(name string) bool { return name == c.lab }), ", "))
	}
}

// folderAndLab is the folder in args, or else the current one, and the lab: the one
// that is set, or else the one that the folder shows to be meant.
func (c *cli) folderAndLab(args []string) (dir string, lab *script.Lab, err error) {
	dir = "."
	if len(args) == 1 {
		dir = args[0]
	}
	if c.lab == "" {
		c.recognise([]string{dir})
	}
	lab, _, err = c.openLab(c.lab)
	return dir, lab, err
}

// hasParts says whether all words name parts of the lab.
func hasParts(name string, words []string) bool {
	files, _ := labs.Named(name)
	lab, err := grader.OpenLab(files)
	return err == nil && !slices.ContainsFunc(words, func(w string) bool { return partNamed(lab, w) == nil })
}
