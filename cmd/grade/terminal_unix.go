//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// columnsOf is the width of the terminal f, or 0.
func columnsOf(f *os.File) int {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}
