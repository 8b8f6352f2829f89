package main

import (
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/mattn/go-isatty"
)

// isTerminal says whether w is a terminal on which a line can be redrawn.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("TERM") == "dumb" {
		return false
	}
	return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd())
}

// colored says whether to write colours to w. See https://no-color.org.
func (c *cli) colored(w io.Writer) bool {
	switch c.color {
	case "always":
		return true
	case "never":
		return false
	}
	return isTerminal(w) && os.Getenv("NO_COLOR") == ""
}

// widthOfFiles is the width for output that is read later, in a log.
const widthOfFiles = 100

func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(w) {
		return widthOfFiles
	}
	return columnsOf(f) // 0 if unknown
}

// unicodeTerminal says whether line-drawing characters will be seen as such:
// not on old Windows consoles, nor in a locale of another character set.
func unicodeTerminal(env func(string) string) bool {
	if runtime.GOOS == "windows" {
		return env("WT_SESSION") != "" || env("TERM_PROGRAM") != "" || env("MSYSTEM") != ""
	}
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(env(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}
