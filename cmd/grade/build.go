package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/build/release"
)

// buildTexts are those of grade build, in one language.
type buildTexts struct{ short, long, flagOut, done, failed string }

func (c *cli) buildTexts() buildTexts {
	if c.lang == "zh" {
		return buildTexts{
			short: "只编译，不评分：写出评分所用的 WebAssembly 模块",
			long: `grade build 检查并编译一个文件夹，写出评分时运行的 WebAssembly 模块。
网页可以直接为这样的模块评分；同一份代码、同一个 Go 版本得到同样的字节。`,
			flagOut: "写到这个文件", done: "%s：%d 字节，SHA-256 %s，%s\n", failed: "无法写出 %s：%v",
		}
	}
	return buildTexts{
		short: "Compile only: write the WebAssembly module that is graded",
		long: `grade build checks and compiles a folder and writes the WebAssembly module that
would be graded. The page grades such a module as it is; the same code and the
same Go release give the same bytes.`,
		flagOut: "write the module to this file", done: "%s: %d bytes, SHA-256 %s, %s\n", failed: "cannot write %s: %v",
	}
}

func (c *cli) buildCommand() *cobra.Command {
	t := c.buildTexts()
	out := "server.wasm"
	cmd := &cobra.Command{
		Use: "build [DIR] [-o FILE]", Short: t.short, Long: t.long, Args: c.args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, lab, err := c.folderAndLab(args)
			if err != nil {
				return err
			}
			m, err := build.Build(cmd.Context(), build.Options{Dir: dir, Profile: c.profile, Service: lab.Service, SelfTest: release.Test})
			if err != nil {
				return noVerdict{err}
			}
			if err := os.WriteFile(out, m.Wasm, 0o666); err != nil {
				return fmt.Errorf(t.failed, out, err)
			}
			if c.json {
				return writeJSON(c.stdout, struct {
					File  string `json:"file"`
					Bytes int    `json:"bytes"`
					Hash  string `json:"module"`
					Go    string `json:"go"`
				}{out, len(m.Wasm), m.Hash, m.Go})
			}
			fmt.Fprintf(c.stdout, t.done, out, len(m.Wasm), m.Hash, m.Go)
			return nil
		},
	}
	c.profileFlag(cmd)
	cmd.Flags().StringVarP(&out, "output", "o", out, t.flagOut)
	return cmd
}
