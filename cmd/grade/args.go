package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// argsTexts are what is said of a wrong number of words, in one language.
type argsTexts struct {
	none, exactly, atLeast, atMost, between string // -; number; number; number; least, most
	nothing                                 string
	wrong                                   string // command, expected, found, how it is written
}

var argsEnglish = argsTexts{
	none: "no word", exactly: "%d word", atLeast: "at least %d word", atMost: "at most %d word", between: "%d or %d words",
	nothing: "none",
	wrong:   "%s: expected %s after the command, found %s; write: %s",
}

var argsChinese = argsTexts{
	none: "没有任何词", exactly: "%d 个词", atLeast: "至少 %d 个词", atMost: "至多 %d 个词", between: "%d 到 %d 个词",
	nothing: "没有",
	wrong:   "%s：命令之后应有%s，实为 %s；写法：%s",
}

// args checks how many words follow a command, flags aside. most < 0 is any number.
func (c *cli) args(least, most int) cobra.PositionalArgs {
	t := &argsEnglish
	if c.lang == "zh" {
		t = &argsChinese
	}
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		var want string
		switch {
		case most < 0:
			want = fmt.Sprintf(t.atLeast, least)
		case most == 0:
			want = t.none
		case least == most:
			want = fmt.Sprintf(t.exactly, least)
		case least == 0:
			want = fmt.Sprintf(t.atMost, most)
		default:
			want = fmt.Sprintf(t.between, least, most)
		}
		found := t.nothing
		if n := len(args); n > 0 {
			var words []string
			for _, a := range args[:min(n, 4)] {
				words = append(words, quote(printable(a)))
			}
			if n > 4 {
				words = append(words, "…")
			}
			found = fmt.Sprintf("%d (%s)", n, strings.Join(words, " "))
		}
		use := strings.TrimSuffix(cmd.CommandPath(), " "+cmd.Name()) + " " + cmd.Use
		return fmt.Errorf(t.wrong, cmd.CommandPath(), want, found, use)
	}
}
