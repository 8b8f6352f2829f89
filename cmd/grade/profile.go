package main

import (
	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
)

// profileFlag is for folders that are not recognised as what they are.
func (c *cli) profileFlag(cmd *cobra.Command) {
	text := "the lab that the folder holds, `NAME` (default: recognised)"
	if c.lang == "zh" {
		text = "文件夹里是哪一年的实验，`NAME`（默认自动识别）"
	}
	cmd.Flags().StringVar(&c.profile, "profile", "", text)
	complete(cmd, "profile", fixed(build.Profiles()...))
}

// raftFlag says on which Raft a service stands.
func (c *cli) raftFlag(cmd *cobra.Command) {
	text := "the Raft below a service, `own|core`: the folder's (default) or the grader's own"
	if c.lang == "zh" {
		text = "服务所用的 Raft，`own|core`：文件夹里的（默认），或评分器自己的"
	}
	cmd.Flags().StringVar(&c.raft, "raft", string(grader.OwnRaft), text)
	cmd.Flags().Lookup("raft").DefValue = ""
	complete(cmd, "raft", fixed(grader.Rafts()...))
}
