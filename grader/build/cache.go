package build

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A build with Options.CacheServer writes into no cache. It reads one that holds
// nothing but what was compiled from the grader's own sources: the standard
// library, and the kit under the path of the student's module. So nothing that
// was compiled from one submission is read while another is compiled, and what
// a submission makes the compiler write is gone when its build ends. The go
// command asks a helper for what is cached (GOCACHEPROG, since Go 1.24); ours,
// ServeCache, knows no way to write.

// cacheVariable holds the cache's folder for the helper.
const cacheVariable = "RAFTLAB_BUILD_CACHE"

// CacheAsked reports whether the go command has started this process as its
// cache: then [ServeCache] is all that it is to do.
func CacheAsked() bool { return os.Getenv(cacheVariable) != "" }

// readOnly makes the toolchain one whose builds read a cache of the grader's own.
func (tc *toolchain) readOnly(server []string) error {
	var words []string
	for _, w := range server {
		quote := `"`
		if strings.Contains(w, quote) {
			quote = "'"
		}
		if strings.Contains(w, quote) {
			return fail(Toolchain, nil, fmt.Sprintf("the path %s has two kinds of quotes in it", w), "Move the program to another folder.")
		}
		words = append(words, quote+w+quote)
	}
	tc.server = strings.Join(words, " ")
	tc.marks = filepath.Join(tc.marks, "own")
	tc.cache = filepath.Join(tc.marks, strings.ReplaceAll(tc.version, " ", "-"))
	return nil
}

// asksServer are the settings for a build that writes into no cache.
func (tc *toolchain) asksServer(tmp string) []string {
	return []string{"GOCACHEPROG=" + tc.server, cacheVariable + "=" + tc.cache, "GOCACHE=" + filepath.Join(tmp, "cache")}
}

// compileKit compiles the kit's packages for the path of the student's module
// into the cache, from the grader's own sources alone, if they are not there. It
// only spares time: no error counts.
func (tc *toolchain) compileKit(ctx context.Context, t *Tree, tmp string) {
	var kit []string
	for _, name := range slices.Sorted(maps.Keys(t.Files)) {
		if t.files[name] == nil && path.Dir(name) != t.Main && name != t.glue() {
			kit = append(kit, name)
		}
	}
	h := sha256.New()
	for _, name := range kit {
		fmt.Fprintf(h, "%q %d\n%s", name, len(t.Files[name]), t.Files[name])
	}
	mark := filepath.Join(tc.marks, filepath.Base(tc.cache)+"-"+hex.EncodeToString(h.Sum(nil))[:32]+".kit")
	if tc.marked(mark) {
		return
	}
	src, work := filepath.Join(tmp, "kit"), filepath.Join(tmp, "kitwork")
	defer os.RemoveAll(src)
	defer os.RemoveAll(work)
	packages := make(map[string]bool)
	for _, name := range kit {
		if writeFile(filepath.Join(src, filepath.FromSlash(name)), t.Files[name]) != nil {
			return
		}
		if dir := path.Dir(name); dir != "." {
			packages["./"+dir] = true
		}
	}
	if os.Mkdir(work, 0o777) != nil {
		return
	}
	own := *tc
	own.server = ""
	args := append([]string{"build", "-trimpath", "-buildvcs=false", "-mod=readonly"}, slices.Sorted(maps.Keys(packages))...)
	if _, _, err := own.run(ctx, src, work, args...); err == nil {
		tc.mark(mark)
	}
}

func writeFile(name string, data []byte) error {
	err := os.MkdirAll(filepath.Dir(name), 0o777)
	if err == nil {
		err = os.WriteFile(name, data, 0o666)
	}
	return err
}

// ServeCache is the go command's cache, by its protocol GOCACHEPROG: it answers
// from the folder of another cache, in which it changes nothing but the time of
// the last use, and takes nothing in.
func ServeCache(r io.Reader, w io.Writer) error {
	type response struct {
		ID            int64
		Err           string   `json:",omitempty"`
		KnownCommands []string `json:",omitempty"`
		Miss          bool     `json:",omitempty"`
		OutputID      []byte   `json:",omitempty"`
		Size          int64    `json:",omitempty"`
		DiskPath      string   `json:",omitempty"`
	}
	dir := os.Getenv(cacheVariable)
	out := json.NewEncoder(w)
	if err := out.Encode(response{KnownCommands: []string{"get", "close"}}); err != nil {
		return err
	}
	in := json.NewDecoder(bufio.NewReader(r))
	for {
		var ask struct {
			ID       int64
			Command  string
			ActionID []byte
		}
		if err := in.Decode(&ask); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("the go command's request for its cache: %w", err)
		}
		answer := response{ID: ask.ID}
		switch ask.Command {
		case "get":
			e, ok := look(dir, ask.ActionID)
			if answer.Miss = !ok; ok {
				answer.OutputID, answer.Size, answer.DiskPath = e.output, e.size, e.path
			}
		case "close":
		default:
			answer.Err = errors.ErrUnsupported.Error()
		}
		if err := out.Encode(answer); err != nil || ask.Command == "close" {
			return err
		}
	}
}

// cached is an entry of a cache of the go command's.
type cached struct {
	output []byte // SHA-256 of the contents
	size   int64
	path   string // of the file with the contents
}

// look finds an entry in a cache's folder. The file XX/ID-a says what the action
// with this ID came to; what it holds is in XX/OUTPUT-d.
func look(dir string, action []byte) (e cached, ok bool) {
	if len(action) != sha256.Size {
		return e, false
	}
	place := func(id []byte, kind string) string {
		name := hex.EncodeToString(id)
		return filepath.Join(dir, name[:2], name+kind)
	}
	name := place(action, "-a")
	line, err := os.ReadFile(name)
	words := strings.Fields(string(line))
	if err != nil || len(words) != 5 || words[0] != "v1" || words[1] != hex.EncodeToString(action) {
		return e, false
	}
	if e.output, err = hex.DecodeString(words[2]); err != nil || len(e.output) != sha256.Size {
		return e, false
	}
	if e.size, err = strconv.ParseInt(words[3], 10, 64); err != nil {
		return e, false
	}
	e.path = place(e.output, "-d")
	info, err := os.Stat(e.path)
	if err != nil || info.Size() != e.size {
		return e, false
	}
	// Go forgets what has not been used for days.
	if now := time.Now(); now.Sub(info.ModTime()) > time.Hour {
		os.Chtimes(e.path, now, now)
		os.Chtimes(name, now, now)
	}
	return e, true
}

// bounded returns a context that ends with errDisk as its cause when the files
// in dir have grown by more than max bytes. stop ends the watch.
func bounded(ctx context.Context, dir string, max int64) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	max += sizeOf(dir)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if sizeOf(dir) > max {
					cancel(errDisk)
				}
			}
		}
	}()
	return ctx, func() {
		if sizeOf(dir) > max { // it was faster than the watch
			cancel(errDisk)
		}
		cancel(nil)
		<-ended
	}
}

// sizeOf is the number of bytes in the files of a folder. What goes away while
// it counts does not count.
func sizeOf(dir string) (n int64) {
	filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				n += info.Size()
			}
		}
		return nil
	})
	return n
}
