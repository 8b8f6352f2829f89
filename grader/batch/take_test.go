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
	"slices"
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

// A repository's own settings name programs that git runs on some occasions:
// reading a commit is none of them. And a repository that leads into another one
// is not read.
func TestCommitOfAHostileRepository(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip(err)
	}
	fresh := func(t *testing.T) (dir string, git func(args ...string) string) {
		dir = t.TempDir()
		git = func(args ...string) string {
			t.Helper()
			cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("git %v: %v\n%s", args, err, out)
			}
			return strings.TrimSpace(string(out))
		}
		put(t, filepath.Join(dir, "raft", "raft.go"), []byte("package raft\n"))
		put(t, filepath.Join(dir, ".gitattributes"), []byte("*.go filter=evil diff=evil export-subst\n"))
		git("init", "-q")
		git("add", ".")
		git("commit", "-qm", "handed in")
		return dir, git
	}
	t.Run("Settings", func(t *testing.T) {
		dir, git := fresh(t)
		owned := filepath.Join(t.TempDir(), "owned")
		run := "touch '" + owned + "'; cat"
		put(t, filepath.Join(dir, ".git", "hooks", "post-checkout"), []byte("#!/bin/sh\n"+run+"\n"))
		os.Chmod(filepath.Join(dir, ".git", "hooks", "post-checkout"), 0o777)
		for _, key := range []string{
			"filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv", "diff.evil.command", "diff.external",
			"core.fsmonitor", "core.pager", "pager.ls-tree", "core.sshCommand", "core.editor", "tar.tar.command", "alias.ls-tree", "alias.cat-file", "credential.helper",
		} {
			git("config", key, run)
		}
		f, err := TakeCommit(t.Context(), dir, "HEAD", "")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := fs.ReadFile(f.FS(), "raft/raft.go"); err != nil || string(b) != "package raft\n" {
			t.Errorf("%q, %v", b, err)
		}
		if f, err = TakeCommit(t.Context(), dir, "HEAD", "raft"); err != nil || !slices.Equal(f.names(), []string{"raft.go"}) {
			t.Errorf("the folder raft: %v %v", f, err)
		}
		// What is missing is not fetched by a program that the settings name.
		blob := git("rev-parse", "HEAD:raft/raft.go")
		if err := os.Remove(filepath.Join(dir, ".git", "objects", blob[:2], blob[2:])); err != nil {
			t.Fatal(err)
		}
		for key, value := range map[string]string{
			"extensions.partialClone": "origin", "core.repositoryFormatVersion": "1", "remote.origin.promisor": "true",
			"remote.origin.url": "ext::sh -c touch% " + owned, "protocol.allow": "always", "protocol.ext.allow": "always",
		} {
			git("config", key, value)
		}
		var unfit *Unfit
		if _, err := TakeCommit(t.Context(), dir, "HEAD", ""); !errors.As(err, &unfit) || !strings.Contains(unfit.Reason, "is not in its git repository") {
			t.Errorf("a file that is missing: %v", err)
		}
		if _, err := os.Stat(owned); err == nil {
			t.Error("git ran what the repository's settings name")
		}
	})
	for name, lead := range map[string]func(t *testing.T, dir, victim string){
		".git": func(t *testing.T, dir, victim string) {
			os.RemoveAll(filepath.Join(dir, ".git"))
			put(t, filepath.Join(dir, ".git"), []byte("gitdir: "+filepath.Join(victim, ".git")+"\n"))
		},
		"refs": func(t *testing.T, dir, victim string) {
			os.RemoveAll(filepath.Join(dir, ".git", "refs"))
			os.Symlink(filepath.Join(victim, ".git", "refs"), filepath.Join(dir, ".git", "refs"))
		},
		"commondir": func(t *testing.T, dir, victim string) {
			put(t, filepath.Join(dir, ".git", "commondir"), []byte(filepath.Join(victim, ".git")+"\n"))
		},
		"objects/info/alternates": func(t *testing.T, dir, victim string) {
			put(t, filepath.Join(dir, ".git", "objects", "info", "alternates"), []byte(filepath.Join(victim, ".git", "objects")+"\n"))
		},
	} {
		t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
			dir, _ := fresh(t)
			victim, _ := fresh(t)
			lead(t, dir, victim)
			var unfit *Unfit
			if _, err := TakeCommit(t.Context(), dir, "HEAD", ""); !errors.As(err, &unfit) || !strings.Contains(unfit.Reason, "leads elsewhere, by "+name) {
				t.Errorf("%v", err)
			}
		})
	}
	// Without a .git the repository around the folder is none of the student's.
	dir, _ := fresh(t)
	if _, err := TakeCommit(t.Context(), filepath.Join(dir, "raft"), "HEAD", ""); err == nil || !strings.Contains(err.Error(), "expected a git repository") {
		t.Errorf("a folder within a repository: %v", err)
	}
	// A tree that holds itself many times over: a million files in a few objects.
	dir, git := fresh(t)
	tree := git("rev-parse", "HEAD:raft")
	for range 6 {
		var lines strings.Builder
		for i := range 10 {
			fmt.Fprintf(&lines, "040000 tree %s\td%d\n", tree, i)
		}
		cmd := exec.Command("git", "-C", dir, "mktree")
		cmd.Stdin = strings.NewReader(lines.String())
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		tree = strings.TrimSpace(string(out))
	}
	bomb := git("commit-tree", "-m", "bomb", tree)
	var unfit *Unfit
	if _, err := TakeCommit(t.Context(), dir, bomb, ""); !errors.As(err, &unfit) || unfit.Verdict != TooBig {
		t.Errorf("a bomb of trees: %v", err)
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
