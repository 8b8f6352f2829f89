package build

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

// TestFolders holds what becomes of the folders in testdata/*.txtar. The text
// before the first file tells the story; its lines that begin with a dot are
// instructions for what an archive cannot hold:
//
//	.with NAME           the files of testdata/NAME.txt come first
//	.dir PATH            the folder that is named, default the archive's root
//	.rm PATH             remove what .with has brought
//	.link PATH TARGET    a symbolic link
//	.crlf PATH           the file's lines end in CR LF
//	.bom PATH            the file begins with a byte order mark
//	.many PATTERN N      N files, %d in PATTERN being the number
//	.grow PATH N         the file ends in a comment of N bytes
//	.linux               not on other systems
//	.fs                  also as an fs.FS, with the same outcome
//	.env NAME=VALUE      in the grader's environment
//	.build               compile too
//	.go VERSION          the release that is assumed
//	.profile NAME        the lab that was named
//	.service NAME        the lab's service
//	.core                on the grader's own Raft
//
// The file "want" holds the expected outcome.
func TestFolders(t *testing.T) {
	stories, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, story := range stories {
		t.Run(strings.TrimSuffix(filepath.Base(story), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(story)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, archive)
			if *update {
				archive.Files = slices.DeleteFunc(archive.Files, func(f txtar.File) bool { return f.Name == "want" })
				archive.Files = append(archive.Files, txtar.File{Name: "want", Data: []byte(got)})
				if err := os.WriteFile(story, txtar.Format(archive), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			for _, f := range archive.Files {
				if f.Name == "want" && string(f.Data) != got {
					t.Errorf("expected:\n%s\nfound:\n%s\n(go test -update rewrites it)", f.Data, got)
				}
			}
		})
	}
}

// tell lays the folder out, prepares or builds it, and writes the outcome down.
func tell(t *testing.T, archive *txtar.Archive) string {
	root := t.TempDir()
	for line := range strings.Lines(string(archive.Comment)) {
		if name, ok := strings.CutPrefix(line, ".with "); ok {
			base, err := txtar.ParseFile("testdata/" + strings.TrimSpace(name) + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			lay(t, root, base)
		}
	}
	lay(t, root, archive)
	o := Options{GoVersion: "go1.26.1"}
	dir, asFS, compile := ".", false, false
	for line := range strings.Lines(string(archive.Comment)) {
		if line[0] != '.' {
			continue
		}
		word := strings.Fields(line)
		file := ""
		if len(word) > 1 {
			file = filepath.Join(root, filepath.FromSlash(word[1]))
		}
		switch word[0] {
		case ".with":
		case ".dir":
			dir = word[1]
		case ".link":
			if err := os.Symlink(word[2], file); err != nil {
				t.Skip("no symbolic links here:", err)
			}
		case ".crlf":
			alter(t, file, func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) })
		case ".bom":
			alter(t, file, func(b []byte) []byte { return append([]byte("\ufeff"), b...) })
		case ".grow":
			alter(t, file, func(b []byte) []byte {
				n := 0
				fmt.Sscan(word[2], &n)
				return append(b, "// "+strings.Repeat("x", n)+"\n"...)
			})
		case ".many":
			n := 0
			fmt.Sscan(word[2], &n)
			for i := range n {
				write(t, fmt.Sprintf(file, i), []byte("package raft\n"))
			}
		case ".rm":
			if err := os.RemoveAll(file); err != nil {
				t.Fatal(err)
			}
		case ".linux":
			if runtime.GOOS != "linux" {
				t.Skip("for file systems like those of Linux")
			}
		case ".fs":
			asFS = true
		case ".env":
			name, value, _ := strings.Cut(strings.TrimSpace(line[len(".env "):]), "=")
			t.Setenv(name, strings.ReplaceAll(value, "$ROOT", root))
		case ".build":
			compile = true
		case ".go":
			o.GoVersion = word[1]
		case ".profile":
			o.Profile = word[1]
		case ".service":
			o.Service = word[1]
		case ".core":
			o.OnCore = true
		default:
			t.Fatalf("unknown instruction %s", line)
		}
	}
	before := snapshot(t, root)
	o.Dir = filepath.Join(root, filepath.FromSlash(dir))
	got := strings.ReplaceAll(outcome(o, compile), root, "ROOT")
	if after := snapshot(t, root); after != before {
		t.Errorf("the student's folder was changed: before\n%s\nafter\n%s", before, after)
	}
	if strings.Contains(got, filepath.Join(os.TempDir(), "raftlab-")) {
		t.Errorf("a path of this machine shows in:\n%s", got)
	}
	if asFS {
		o.Files, o.Dir = os.DirFS(root), path.Clean(dir)
		if other := outcome(o, false); other != got {
			t.Errorf("as an fs.FS, expected:\n%s\nfound:\n%s", got, other)
		}
	}
	return got
}

func outcome(o Options, compile bool) string {
	var b strings.Builder
	tree, err := Prepare(context.Background(), o)
	if err == nil && compile {
		_, err = Build(context.Background(), o)
	}
	var e *Error
	switch {
	case errors.As(err, &e):
		fmt.Fprintf(&b, "%s\n%v\n", e.Kind, e)
	case err != nil:
		fmt.Fprintf(&b, "not an *Error: %v\n", err)
	default:
		fmt.Fprintf(&b, "%v\ngo %s\n", &tree.Profile, tree.GoLine)
		for _, s := range tree.Sources {
			fmt.Fprintf(&b, "%s is %s\n", s.Path, s.Module)
		}
		for _, s := range tree.Skipped {
			fmt.Fprintf(&b, "%s left out: %s\n", s.Path, s.Why)
		}
	}
	return b.String()
}

func lay(t *testing.T, root string, archive *txtar.Archive) {
	t.Helper()
	for _, f := range archive.Files {
		if f.Name != "want" {
			write(t, filepath.Join(root, filepath.FromSlash(f.Name)), f.Data)
		}
	}
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

func alter(t *testing.T, name string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	write(t, name, change(b))
}

// snapshot writes down every file below root with its size and time.
func snapshot(t *testing.T, root string) string {
	var b strings.Builder
	err := filepath.Walk(root, func(p string, fi os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&b, p, fi.Size(), fi.Mode(), fi.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
