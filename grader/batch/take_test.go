package batch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

type member struct {
	name, body string
	mode       fs.FileMode
}

func zipped(t testing.TB, members ...member) []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, m := range members {
		h := &zip.FileHeader{Name: m.name, Method: zip.Deflate}
		h.SetMode(m.mode | 0o644)
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(m.body))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func tarred(t testing.TB, members ...member) []byte {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	w := tar.NewWriter(z)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(m.body))}
		switch {
		case m.mode&fs.ModeSymlink != 0:
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, m.body, 0
		case m.mode&fs.ModeNamedPipe != 0:
			h.Typeflag, h.Size = tar.TypeFifo, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			w.Write([]byte(m.body))
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// The same files have the same hash, however they are handed in: as a folder, a
// zip, a tar.gz or a commit; and packing them again changes nothing.
func TestHashIsOfTheFilesAlone(t *testing.T) {
	members := []member{
		{"go.mod", "module x\n", 0}, {"raft/raft.go", "package raft\n", 0}, {"notes.txt", "not kept", 0},
		{"raft/link.go", "raft.go", fs.ModeSymlink},
	}
	dir := t.TempDir()
	for _, m := range members {
		name := filepath.Join(dir, m.name)
		os.MkdirAll(filepath.Dir(name), 0o777)
		var err error
		if m.mode != 0 {
			err = os.Symlink(m.body, name)
		} else {
			err = os.WriteFile(name, []byte(m.body), 0o666)
		}
		if err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	want, err := Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	check := func(how string, f *Files, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", how, err)
		} else if f.Hash() != want.Hash() {
			t.Errorf("%s: hash %s, the folder's is %s", how, f.Hash(), want.Hash())
		}
	}
	f, err := Unpack("zip", zipped(t, members...))
	check("zip", f, err)
	f, err = Unpack("tar.gz", tarred(t, members...))
	check("tar.gz", f, err)
	f, err = Unpack("zip", want.Zip())
	check("packed again", f, err)
	if !bytes.Equal(f.Zip(), want.Zip()) {
		t.Error("packed twice, the bytes differ")
	}
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Skipf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "handed in")
	os.WriteFile(filepath.Join(dir, "raft", "raft.go"), []byte("package later\n"), 0o666)
	f, err = TakeCommit(context.Background(), dir, "HEAD", "")
	check("commit", f, err)
	if _, err = TakeCommit(context.Background(), dir, "nowhere", ""); err == nil {
		t.Error("a commit that is not there was taken")
	}
	if _, err = TakeCommit(context.Background(), dir, "--output=/tmp/x", ""); err == nil {
		t.Error("an option in place of a commit was taken")
	}
}

// Archives that mean harm, or that mean different things to different programs,
// are not graded, and say why.
func TestUnfitArchives(t *testing.T) {
	many := make([]member, MaxEntries+1)
	for i := range many {
		many[i] = member{name: fmt.Sprintf("f%d.txt", i)}
	}
	zeros := strings.Repeat("\x00", 1<<20)
	var bomb []member
	for i := range MaxUnpacked>>20 + 1 {
		bomb = append(bomb, member{name: fmt.Sprintf("b%d.bin", i), body: zeros})
	}
	var code []member
	for i := range 33 {
		code = append(code, member{name: fmt.Sprintf("c%d.go", i), body: zeros})
	}
	ok := member{"raft/raft.go", "package raft\n", 0}
	for _, c := range []struct {
		name    string
		members []member
		want    Verdict
		reason  string
	}{
		{"up and out", []member{{"../../etc/passwd", "x", 0}}, Unreadable, "leads out"},
		{"up in the middle", []member{{"a/../../b.go", "x", 0}}, Unreadable, "leads out"},
		{"absolute", []member{{"/etc/cron.d/x.go", "x", 0}}, Unreadable, "leads out"},
		{"drive", []member{{"C:/x.go", "x", 0}}, Unreadable, "drive letter"},
		{"backslash", []member{{`raft\..\..\x.go`, "x", 0}}, Unreadable, "backslash"},
		{"newline", []member{{"a\nb.go", "x", 0}}, Unreadable, "not text"},
		{"escape", []member{{"\x1b[2Ja.go", "x", 0}}, Unreadable, "not text"},
		{"not UTF-8", []member{{"a\xff.go", "x", 0}}, Unreadable, "not text"},
		{"twice", []member{ok, ok}, Unreadable, "two files"},
		{"file and folder", []member{{"raft", "x", 0}, ok}, Unreadable, "a file and a folder"},
		{"long", []member{{strings.Repeat("a", 600) + ".go", "x", 0}}, Unreadable, "longer than"},
		{"deep", []member{{strings.Repeat("a/", 40) + "x.go", "x", 0}}, Unreadable, "longer than"},
		{"many", many, TooBig, "more than 10000 files"},
		{"much code", code, TooBig, "Go files have more than"},
	} {
		for kind, b := range map[string][]byte{"zip": zipped(t, c.members...), "tar.gz": tarred(t, c.members...)} {
			_, err := Unpack(kind, b)
			var u *Unfit
			if !errors.As(err, &u) || u.Verdict != c.want || !strings.Contains(u.Reason, c.reason) {
				t.Errorf("%s as %s: %v, expected %s: %s", c.name, kind, err, c.want, c.reason)
			}
		}
	}
	_, err := Unpack("tar.gz", tarred(t, bomb...))
	var u *Unfit
	if !errors.As(err, &u) || u.Verdict != TooBig || !strings.Contains(u.Reason, "unpacks to more") {
		t.Errorf("a bomb as tar.gz: %v", err)
	}
	// In a zip, what is not kept is not unpacked.
	if _, err := Unpack("zip", zipped(t, append(bomb, ok)...)); err != nil {
		t.Errorf("a zip with large files that no build reads: %v", err)
	}
	for _, b := range []string{"", "hello", "PK\x03\x04", "\x1f\x8b\x08"} {
		for _, kind := range []string{"zip", "tar", "tar.gz"} {
			if f, err := Unpack(kind, []byte(b)); err == nil && len(f.entries) > 0 {
				t.Errorf("%q as %s was taken", b, kind)
			}
		}
	}
}

// Whatever an archive's bytes are, taking it in ends with files or an *Unfit,
// and files survive being packed again.
func FuzzUnpack(f *testing.F) {
	f.Add("zip", zipped(f, member{"raft/raft.go", "package raft\n", 0}, member{"a", "b", fs.ModeSymlink}))
	f.Add("tar.gz", tarred(f, member{"raft/raft.go", "package raft\n", 0}, member{"p", "", fs.ModeNamedPipe}))
	f.Add("tar", []byte("x"))
	f.Fuzz(func(t *testing.T, kind string, b []byte) {
		files, err := Unpack(kind, b)
		if err != nil {
			var u *Unfit
			if !errors.As(err, &u) || u.Reason == "" {
				t.Fatalf("%v is no *Unfit with a reason", err)
			}
			return
		}
		again, err := Unpack("zip", files.Zip())
		if err != nil || again.Hash() != files.Hash() {
			t.Fatalf("packed again: %v", err)
		}
	})
}
