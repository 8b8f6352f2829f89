package main

import (
	"github.com/spf13/cobra"
)

type completer = func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective)

func complete(cmd *cobra.Command, flag string, f completer) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err) // the flag was made just before
	}
}

func fixed(words ...string) completer {
	return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeParts proposes the lab's parts; folders come from the shell.
func (c *cli) completeParts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	lab, _, err := c.openLab(c.lab)
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	var out []string
	for _, p := range lab.Parts {
		out = append(out, p.Name+"\t"+p.Title.In(c.lang))
	}
	return out, cobra.ShellCompDirectiveDefault
}

// completeTests proposes the full names of the lab's tests.
func (c *cli) completeTests(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	lab, _, err := c.openLab(c.lab)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, p := range lab.Parts {
		for _, t := range p.Tests {
			out = append(out, p.Name+"/"+t.Name+"\t"+t.Title.In(c.lang))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}
