//go:build !js

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// licences writes licences.txt: Go's licence and patent grant, and each other
// notice that stands at the head of a file of the tools or of the library that
// is passed on, once, with the files that carry it.
func (c *collector) licences() error {
	var out bytes.Buffer
	fmt.Fprintf(&out, "The Go compiler, the Go linker and the Go standard library of %s, unmodified,\nas compiled to WebAssembly for this page. Their licences and notices follow.\n", c.m.Go)
	for _, name := range []string{"LICENSE", "PATENTS"} {
		b, err := os.ReadFile(filepath.Join(c.goroot, name))
		if err != nil {
			return fmt.Errorf("the licence of Go: %w", err)
		}
		fmt.Fprintf(&out, "\n==== Go: %s\n\n%s", name, b)
	}
	dirs, err := c.goTool("", append([]string{"list", "-deps", "-f", "{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}\n{{end}}{{range .SFiles}}{{$d}}/{{.}}\n{{end}}", "cmd/compile", "cmd/link"}, strings.Fields(common)...)...)
	if err != nil {
		return err
	}
	notices := make(map[string][]string)
	vendored := make(map[string]bool)
	for _, file := range strings.Fields(string(dirs)) {
		rel, err := filepath.Rel(filepath.Join(c.goroot, "src"), file)
		if err != nil || strings.HasPrefix(rel, "..") {
			return fmt.Errorf("want a file of Go's source, found %s", file)
		}
		rel = filepath.ToSlash(rel)
		if _, after, ok := strings.Cut(rel, "/vendor/"); ok {
			words := strings.SplitN(after, "/", 4)
			vendored[strings.Join(append(strings.SplitN(rel, "/vendor/", 2)[:1], "vendor", words[0], words[1], words[2]), "/")] = true
		}
		src, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for _, n := range foreign(string(src)) {
			notices[n] = append(notices[n], rel)
		}
	}
	for v := range vendored {
		for _, name := range []string{"LICENSE", "PATENTS"} {
			if b, err := os.ReadFile(filepath.Join(c.goroot, "src", filepath.FromSlash(v), name)); err == nil {
				notices[string(b)] = append(notices[string(b)], v)
			}
		}
	}
	texts := make([]string, 0, len(notices))
	for n := range notices {
		texts = append(texts, n)
	}
	slices.SortFunc(texts, func(a, b string) int { return strings.Compare(notices[a][0], notices[b][0]) })
	for _, n := range texts {
		files := slices.Compact(slices.Sorted(slices.Values(notices[n])))
		fmt.Fprintf(&out, "\n==== %s\n\n%s\n", strings.Join(files, "\n     "), strings.TrimSpace(n))
	}
	return os.WriteFile(filepath.Join(c.dir, "licences.txt"), out.Bytes(), 0o666)
}

// foreign returns the comments of a source file that carry a copyright other
// than that of the Go authors.
func foreign(src string) []string {
	var found, block []string
	flush := func() {
		text := strings.Join(block, "\n")
		own := strings.Contains(text, "The Go Authors. All rights reserved.") && strings.Count(text, "opyright") == 1
		if strings.Contains(text, "opyright") && !own && (strings.Contains(text, "©") || strings.Contains(text, "(c)") || strings.Contains(text, "(C)") || strings.Contains(text, "Copyright 1") || strings.Contains(text, "Copyright 2")) {
			found = append(found, text)
		}
		block = nil
	}
	for line := range strings.Lines(src) {
		text, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), "//")
		if ok {
			block = append(block, strings.TrimPrefix(text, " "))
			continue
		}
		flush()
	}
	flush()
	return found
}
