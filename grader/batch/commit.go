package batch

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// TakeCommit reads a commit of a git repository, within it the folder sub if
// that is not "". The working tree is not looked at. The repository, with all
// settings in its .git, may be a stranger's: git is asked only to list a tree and
// to print objects as they are, which runs no hook, filter or helper that the
// settings name, and fetches nothing. (git archive runs filters.)
func TakeCommit(ctx context.Context, repo, commit, sub string) (*Files, error) {
	if strings.HasPrefix(commit, "-") {
		return nil, fmt.Errorf("%q is not the name of a commit", commit)
	}
	dir, err := gitDir(repo)
	if err != nil {
		return nil, err
	}
	tree := commit + "^{commit}"
	if sub != "" {
		tree = commit + ":" + path.Clean(sub)
	}
	list, err := startGit(ctx, dir, "ls-tree", "-r", "-z", "--full-tree", tree)
	if err != nil {
		return nil, err
	}
	defer list.end()
	objects, err := startGit(ctx, dir, "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	defer objects.end()
	t, left := newTaking(), int64(MaxUnpacked)
	for {
		line, err := list.out.ReadString(0)
		if err == io.EOF && line == "" {
			break
		}
		if err == nil {
			err = objects.take(t, strings.TrimSuffix(line, "\x00"), &left)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := list.cmd.Wait(); err != nil {
		return nil, fmt.Errorf("git cannot read commit %s of %s: %s", commit, repo, strings.TrimSpace(list.errs.String()))
	}
	return t.done()
}

// gitDir finds the repository in a folder, or that it is one itself. It looks
// nowhere else: a .git that leads elsewhere would hand in somebody else's work.
func gitDir(repo string) (string, error) {
	dir, err := filepath.Abs(repo)
	if err != nil {
		return "", err
	}
	git := filepath.Join(dir, ".git")
	if info, err := os.Lstat(git); err == nil && !info.IsDir() {
		return "", leadsElsewhere(".git")
	} else if err == nil {
		dir = git
	}
	if info, err := os.Lstat(filepath.Join(dir, "objects")); errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() {
		return "", fmt.Errorf("expected a git repository, found no .git folder in %s", repo)
	}
	for _, name := range []string{"HEAD", "objects", "refs", "packed-refs"} {
		if info, err := os.Lstat(filepath.Join(dir, name)); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return "", leadsElsewhere(name)
		}
	}
	for _, name := range []string{"commondir", "objects/info/alternates"} {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name))); err == nil {
			return "", leadsElsewhere(name)
		}
	}
	return dir, nil
}

func leadsElsewhere(name string) *Unfit {
	return unreadable("Hand in a clone that stands by itself: git clone --no-hardlinks, not a worktree and not --shared.",
		"its git repository leads elsewhere, by %s", name)
}

// gitCommand is a git command that runs.
type gitCommand struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	errs bytes.Buffer
}

func startGit(ctx context.Context, dir string, args ...string) (*gitCommand, error) {
	g := &gitCommand{cmd: exec.CommandContext(ctx, "git", append([]string{"-c", "safe.directory=" + dir, "--git-dir=" + dir}, args...)...)}
	g.cmd.Env = []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
		// What is missing in a partial clone would be fetched, by programs that
		// the repository's settings name.
		"GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=none", "GIT_NO_REPLACE_OBJECTS=1",
	}
	for _, name := range []string{"PATH", "SystemRoot", "TMPDIR", "TEMP"} {
		if v, ok := os.LookupEnv(name); ok {
			g.cmd.Env = append(g.cmd.Env, name+"="+v)
		}
	}
	g.cmd.Stderr = &g.errs
	out, err := g.cmd.StdoutPipe()
	if err == nil {
		g.in, err = g.cmd.StdinPipe()
	}
	if err == nil {
		err = g.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("git is needed to read %s: %w", dir, err)
	}
	g.out = bufio.NewReader(out)
	return g, nil
}

// end ends the command, if it still runs.
func (g *gitCommand) end() {
	g.cmd.Process.Kill() // it may have ended by itself
	g.cmd.Wait()
}

// take takes in a line of ls-tree: "MODE TYPE OBJECT\tNAME". g prints objects;
// left is how many bytes it may still print.
func (g *gitCommand) take(t *taking, line string, left *int64) error {
	what, name, _ := strings.Cut(line, "\t")
	words := strings.Fields(what)
	if len(words) != 3 {
		return fmt.Errorf("expected \"MODE TYPE OBJECT\" of git ls-tree, found %q", what)
	}
	name, wanted, err := t.name(name)
	if err != nil || !wanted {
		return err
	}
	const link, submodule = "120000", "160000"
	switch {
	case words[0] == submodule:
		return nil
	case words[0] != link && !kept(name):
		return t.add(name, entry{})
	}
	if _, err := fmt.Fprintln(g.in, words[2]); err != nil {
		return fmt.Errorf("git cat-file: %w", err)
	}
	var object, kind string
	var size int64
	head, err := g.out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("git cat-file: %w: %s", err, strings.TrimSpace(g.errs.String()))
	}
	if _, err := fmt.Sscan(head, &object, &kind, &size); err != nil || kind != "blob" || size < 0 {
		return unreadable(handIn, "%s is not in its git repository", shown(name))
	}
	if *left -= size; *left < 0 {
		return tooBig("Leave out what was generated, and everything but your server.", "it unpacks to more than %d bytes, the limit", int64(MaxUnpacked))
	}
	data := io.LimitReader(g.out, size)
	if words[0] == link {
		target, err := io.ReadAll(io.LimitReader(data, maxName))
		if err != nil {
			return err
		}
		err = t.add(name, entry{mode: fs.ModeSymlink, data: target})
		if err != nil {
			return err
		}
	} else if err := t.regular(name, data); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.MultiReader(data, io.LimitReader(g.out, 1))) // and the line's end
	return err
}
