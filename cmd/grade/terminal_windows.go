package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// columnsOf is the width of the terminal f, or 0.
func columnsOf(f *os.File) int {
	var info windows.ConsoleScreenBufferInfo
	if err := windows.GetConsoleScreenBufferInfo(windows.Handle(f.Fd()), &info); err != nil {
		return 0
	}
	return int(info.Window.Right - info.Window.Left)
}
