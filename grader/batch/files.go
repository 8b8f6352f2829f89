package batch

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing/fstest"
	"time"
	"unicode/utf8"
)

// Files is a submission as it was taken in: names and kinds of everything, the
// contents of what a build may read. It lies in memory and cannot change.
type Files struct {
	entries map[string]entry
	size    int64 // bytes of contents kept
	hash    string
}

// entry is one file of a submission.
type entry struct {
	mode fs.FileMode // type bits only: 0, ModeSymlink, or ModeNamedPipe for all that is neither file nor link
	data []byte      // contents, or the target of a link
}

// What a submission may hold. A submission beyond one of these is not graded.
const (
	MaxEntries  = 10_000    // files and folders looked at
	MaxUnpacked = 256 << 20 // bytes that an archive unpacks to
	MaxArchive  = 64 << 20  // bytes of an archive
	maxKept     = 32 << 20  // bytes of Go files and go.mod kept
	maxFile     = 2 << 20   // bytes kept of one file; the build refuses more than 1 MiB
	maxName     = 512       // bytes of a path
	maxDepth    = 32        // folders in a path
)

// Unfit says why a submission could not be taken in.
type Unfit struct {
	Verdict Verdict
	Reason  string
	Advice  string
}

func (e *Unfit) Error() string { return e.Reason }

func unreadable(advice, format string, args ...any) *Unfit {
	return &Unfit{Unreadable, fmt.Sprintf(format, args...), advice}
}

func tooBig(advice, format string, args ...any) *Unfit {
	return &Unfit{TooBig, fmt.Sprintf(format, args...), advice}
}

const handIn = "Hand in the folder with your Go files again, as a plain zip or tar.gz."

// taking collects the files of one submission.
type taking struct {
	files    Files
	seen     int
	unpacked int64
}

func newTaking() *taking { return &taking{files: Files{entries: make(map[string]entry)}} }

// name checks an entry's name as an archive has it, and says whether the entry
// is of interest: neither a build nor its search reads what begins with a dot,
// nor other people's packages.
func (t *taking) name(name string) (clean string, wanted bool, err error) {
	if t.seen++; t.seen > MaxEntries {
		return "", false, tooBig("Leave out what was generated, and everything but your server.", "it holds more than %d files and folders, the limit", MaxEntries)
	}
	clean = strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/")
	switch {
	case clean == "" || clean == ".":
		return "", false, nil
	case len(clean) > maxName || strings.Count(clean, "/") >= maxDepth:
		return "", false, unreadable(handIn, "the name %s is longer than %d bytes or deeper than %d folders", shown(clean), maxName, maxDepth)
	case !utf8.ValidString(clean) || strings.ContainsFunc(clean, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", false, unreadable(handIn, "the name %s is not text", shown(clean))
	case strings.Contains(clean, `\`) || len(clean) > 1 && clean[1] == ':':
		return "", false, unreadable("Make the archive with a program that writes / between folders.", "the name %s has a backslash or a drive letter", shown(clean))
	case !fs.ValidPath(clean):
		return "", false, unreadable(handIn, "the name %s leads out of the submission", shown(name))
	}
	for dir := range strings.SplitSeq(clean, "/") {
		switch {
		case dir[0] == '.', dir == "__MACOSX", dir == "node_modules", dir == "vendor":
			return clean, false, nil
		}
	}
	return clean, true, nil
}

// shown is a name that a stranger chose, on one line and not too long.
func shown(name string) string {
	if len(name) > 100 {
		name = name[:100] + "…"
	}
	return fmt.Sprintf("%q", name)
}

// kept says whether a build may read the contents of a file, not just its name.
func kept(name string) bool { return path.Ext(name) == ".go" || path.Base(name) == "go.mod" }

// add takes in one file. An archive that names one twice means different things
// to different programs.
func (t *taking) add(name string, e entry) error {
	if _, twice := t.files.entries[name]; twice {
		return unreadable(handIn, "it holds two files named %s", shown(name))
	}
	if t.files.size += int64(len(e.data)); t.files.size > maxKept {
		return tooBig("Leave out generated code.", "its Go files have more than %d bytes, the limit", maxKept)
	}
	t.files.entries[name] = e
	return nil
}

// regular takes in a regular file; r may be read beyond what is kept.
func (t *taking) regular(name string, r io.Reader) error {
	if !kept(name) {
		return t.add(name, entry{})
	}
	b, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return unreadable(handIn, "%s cannot be read: %v", shown(name), err)
	}
	return t.add(name, entry{data: b})
}

// done checks that no file stands where another needs a folder, and gives the
// submission its hash.
func (t *taking) done() (*Files, error) {
	f := &t.files
	for _, name := range f.names() {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, file := f.entries[dir]; file {
				return nil, unreadable(handIn, "%s is a file and a folder", shown(dir))
			}
		}
	}
	h := sha256.New()
	io.WriteString(h, "raftlab submission 1\n")
	for _, name := range f.names() {
		e := f.entries[name]
		fmt.Fprintf(h, "%q %d %d\n", name, e.mode, len(e.data))
		h.Write(e.data)
	}
	f.hash = hex.EncodeToString(h.Sum(nil))
	return f, nil
}

func (f *Files) names() []string {
	names := make([]string, 0, len(f.entries))
	for name := range f.entries {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Hash is the SHA-256 over names, kinds and contents, in hex.
func (f *Files) Hash() string { return f.hash }

// FS is the submission as a file system.
func (f *Files) FS() fs.FS {
	fsys := make(fstest.MapFS, len(f.entries))
	for name, e := range f.entries {
		fsys[name] = &fstest.MapFile{Data: e.data, Mode: e.mode | 0o444}
	}
	return fsys
}

// Zip packs the submission, for keeping and for sending. Equal submissions make
// equal bytes.
func (f *Files) Zip() []byte {
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, name := range f.names() {
		e := f.entries[name]
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Unix(0, 0).UTC()}
		h.SetMode(e.mode | 0o444)
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write(e.data)
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return buf.Bytes()
}
