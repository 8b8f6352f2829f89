package batch

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// odd are the attacks that are no tree of plain files: archives, links, names.
func odd() []attack {
	correct := func(t *testing.T, more ...member) []member {
		dir := t.TempDir()
		edited(t, dir)
		var all []member
		err := fs.WalkDir(os.DirFS(dir), ".", func(p string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			b, err := os.ReadFile(filepath.Join(dir, p))
			all = append(all, member{name: p, body: string(b)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return append(all, more...)
	}
	archive := func(name, title string, v Verdict, says string, make func(t *testing.T) []byte) attack {
		id, _, _ := strings.Cut(name, ".")
		a := attack{name: id, title: title, verdicts: []Verdict{v}, says: regexp.MustCompile("(?i)" + says)}
		if v == Graded {
			a.points = []string{"all"}
		}
		a.put = func(t *testing.T, submissions string) { put(t, filepath.Join(submissions, name), make(t)) }
		return a
	}
	folder := func(name, title string, v Verdict, says string, fill func(t *testing.T, dir string)) attack {
		a := archive(name, title, v, says, nil)
		a.put = func(t *testing.T, submissions string) {
			dir := filepath.Join(submissions, name)
			edited(t, dir)
			fill(t, dir)
		}
		return a
	}
	link := func(t *testing.T, to, from string) {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	return []attack{
		archive("zip-slip.zip", "a zip whose names lead out", Unreadable, "leads out", func(t *testing.T) []byte {
			return zipped(t, correct(t, member{name: "../../../../tmp/owned.go", body: "package owned"})...)
		}),
		archive("zip-absolute.zip", "a zip with the name of a system's file", Unreadable, "leads out", func(t *testing.T) []byte {
			return zipped(t, correct(t, member{name: "/etc/cron.d/owned", body: "* * * * * root id"})...)
		}),
		archive("zip-windows.zip", "a zip with backslashes and a drive", Unreadable, "backslash or a drive", func(t *testing.T) []byte {
			return zipped(t, correct(t, member{name: `C:\Windows\owned.go`, body: "package owned"})...)
		}),
		archive("zip-twice.zip", "a zip with two files of one name", Unreadable, "two files", func(t *testing.T) []byte {
			return zipped(t, correct(t, member{name: "raft/raft.go", body: "package raft"})...)
		}),
		archive("zip-file-and-folder.zip", "a zip in which a file is a folder too", Unreadable, "a file and a folder", func(t *testing.T) []byte {
			return zipped(t, correct(t, member{name: "raft/raft.go/x.go", body: "package raft"})...)
		}),
		archive("zip-entries.zip", "a zip with sixty thousand files", TooBig, "more than", func(t *testing.T) []byte {
			var many []member
			for i := range 60_000 {
				many = append(many, member{name: fmt.Sprintf("d/%d", i)})
			}
			return zipped(t, many...)
		}),
		archive("zip-bomb.zip", "a zip of Go files that unpack to a gigabyte", TooBig, "more than", func(t *testing.T) []byte {
			var many []member
			body := strings.Repeat("//\n", 1<<20)
			for i := range 40 {
				many = append(many, member{name: fmt.Sprintf("raft/x%d.go", i), body: body})
			}
			return zipped(t, many...)
		}),
		archive("zip-count-lies.zip", "a zip whose directory says sixty-five thousand entries", Unreadable, "not a zip", func(t *testing.T) []byte {
			b := zipped(t, correct(t)...)
			binary.LittleEndian.PutUint16(b[len(b)-12:], 65534)
			binary.LittleEndian.PutUint16(b[len(b)-14:], 65534)
			return b
		}),
		archive("tar-bomb.tar.gz", "a tar.gz of a megabyte that unpacks to a gigabyte", TooBig, "unpacks to more", func(t *testing.T) []byte {
			var head, out bytes.Buffer
			head.Write(tarHeader(t, "raft/zero.txt", 1<<30))
			z := gzip.NewWriter(&out)
			z.Write(head.Bytes())
			zero := make([]byte, 1<<20)
			for range 1 << 10 {
				z.Write(zero)
			}
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
			return out.Bytes()
		}),
		archive("tar-link.tar.gz", "a tar.gz with a link to a system's file", Refused, "symbolic link", func(t *testing.T) []byte {
			return tarred(t, correct(t, member{"raft/passwd.go", "/etc/passwd", fs.ModeSymlink})...)
		}),
		archive("tar-fifo.tar.gz", "a tar.gz with a pipe in the place of a file", Refused, "", func(t *testing.T) []byte {
			return tarred(t, correct(t, member{"raft/pipe.go", "", fs.ModeNamedPipe})...)
		}),
		archive("gzip-cut.tar.gz", "a tar.gz that is cut off", Unreadable, "", func(t *testing.T) []byte {
			b := tarred(t, correct(t)...)
			return b[:len(b)/2]
		}),
		archive("names-deep.zip", "folders sixty deep", Unreadable, "deeper than", func(t *testing.T) []byte {
			return zipped(t, correct(t, member{name: strings.Repeat("d/", 60) + "x.go", body: "package x"})...)
		}),
		archive("names-control.zip", "names with line ends and escapes", Unreadable, "is not text", func(t *testing.T) []byte {
			return zipped(t, correct(t, member{name: "raft/\x1b[2J\n.go", body: "package raft"})...)
		}),
		archive("names-case.zip", "names that differ in case only", NoBuild, "upper and lower case", func(t *testing.T) []byte {
			return zipped(t, correct(t, member{name: "raft/Extra.go", body: "package raft"}, member{name: "raft/extra.go", body: "package raft"})...)
		}),
		archive("names-reserved.zip", "a name that no Windows can hold", Refused, "not every system", func(t *testing.T) []byte {
			return zipped(t, correct(t, member{name: "raft/a?b.go", body: "package raft"})...)
		}),
		folder("link-folder", "the package is a link to somebody else's", Refused, "symbolic link", func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "raft")); err != nil {
				t.Fatal(err)
			}
			link(t, "../honest-correct/raft", filepath.Join(dir, "raft"))
		}),
		folder("link-file", "a file is a link to somebody else's", Refused, "symbolic link", func(t *testing.T, dir string) {
			os.Remove(filepath.Join(dir, "raft", "raft.go"))
			link(t, "../../honest-correct/raft/raft.go", filepath.Join(dir, "raft", "raft.go"))
		}),
		folder("link-circle", "links in a circle", Graded, "", func(t *testing.T, dir string) {
			link(t, ".", filepath.Join(dir, "raft", "again"))
			link(t, "loop", filepath.Join(dir, "loop"))
		}),
		folder("many-files", "three hundred files in the package", Refused, "more than 200", func(t *testing.T, dir string) {
			for i := range 300 {
				put(t, filepath.Join(dir, "raft", fmt.Sprintf("x%d.go", i)), []byte("package raft\n"))
			}
		}),
		folder("much-source", "six megabytes of source", Refused, "the limit", func(t *testing.T, dir string) {
			body := []byte("package raft\n" + strings.Repeat("// x\n", 200_000))
			for i := range 6 {
				put(t, filepath.Join(dir, "raft", fmt.Sprintf("x%d.go", i)), body)
			}
		}),
		folder("no-text", "a file of zeros", NoBuild, "", func(t *testing.T, dir string) {
			put(t, filepath.Join(dir, "raft", "zero.go"), make([]byte, 1000))
		}),
	}
}

// tarHeader is the first block of a file of size bytes.
func tarHeader(t *testing.T, name string, size int64) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg, Size: size}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
