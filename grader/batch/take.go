package batch

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
)

// archives by the ending of their names.
func archiveKind(name string) string {
	name = strings.ToLower(name)
	switch {
	case strings.HasSuffix(name, ".zip"):
		return "zip"
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		return "tar.gz"
	case strings.HasSuffix(name, ".tar"):
		return "tar"
	}
	return ""
}

// Take reads a submission: a folder, a zip, a tar or a tar.gz. No link is
// followed, nothing is written, and no more is read than the limits allow. An
// error of type *Unfit is about the submission; another about the machine.
func Take(name string) (*Files, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return takeFolder(name)
	}
	kind := archiveKind(name)
	switch {
	case !info.Mode().IsRegular():
		return nil, unreadable(handIn, "it is neither a folder nor a file")
	case kind == "":
		return nil, unreadable(handIn, "it is neither a folder nor a zip, tar or tar.gz")
	case info.Size() > MaxArchive:
		return nil, tooBig("Leave out what was generated, and everything but your server.", "the archive has %d bytes; the limit is %d", info.Size(), int64(MaxArchive))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, MaxArchive))
	if err != nil {
		return nil, err
	}
	return Unpack(kind, b)
}

// Unpack reads an archive of a kind: "zip", "tar" or "tar.gz". Its error is an *Unfit.
func Unpack(kind string, b []byte) (files *Files, err error) {
	// Whatever a stranger's bytes do to the libraries that read archives, the
	// other submissions go on.
	defer func() {
		if r := recover(); r != nil {
			files, err = nil, unreadable(handIn, "it cannot be unpacked: %v", r)
		}
	}()
	if kind == "zip" {
		return takeZip(b)
	}
	var r io.Reader = bytes.NewReader(b)
	if kind == "tar.gz" {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, unreadable(handIn, "it is not a tar.gz: %v", err)
		}
		r = z
	}
	return takeTar(r)
}

func takeFolder(name string) (*Files, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	t := newTaking()
	err = fs.WalkDir(root.FS(), ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			if p == "." {
				return err
			}
			return unreadable(handIn, "%s cannot be read: %v", shown(p), cause(err))
		}
		clean, wanted, err := t.name(p)
		switch {
		case err != nil:
			return err
		case !wanted && e.IsDir() && p != ".":
			return fs.SkipDir
		case !wanted || e.IsDir():
			return nil
		case e.Type()&fs.ModeSymlink != 0:
			target, _ := root.Readlink(p)
			return t.add(clean, entry{mode: fs.ModeSymlink, data: []byte(target)})
		case !e.Type().IsRegular():
			return t.add(clean, entry{mode: fs.ModeNamedPipe})
		case !kept(clean):
			return t.add(clean, entry{})
		}
		f, err := root.Open(p)
		if err != nil {
			return unreadable(handIn, "%s cannot be read: %v", shown(p), cause(err))
		}
		defer f.Close()
		return t.regular(clean, f)
	})
	if err != nil {
		return nil, err
	}
	return t.done()
}

// cause strips the operation and path that os puts before an error.
func cause(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}

func takeZip(b []byte) (*Files, error) {
	// The reader makes a list of all entries before anything can be refused.
	if bytes.Count(b, []byte("PK\x01\x02")) > 4*MaxEntries {
		return nil, tooBig("Leave out what was generated, and everything but your server.", "it holds more than %d files and folders, the limit", MaxEntries)
	}
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, unreadable(handIn, "it is not a zip: %v", err)
	}
	t := newTaking()
	for _, f := range z.File {
		name, wanted, err := t.name(f.Name)
		if err != nil {
			return nil, err
		}
		mode := f.Mode()
		if !wanted || mode.IsDir() || strings.HasSuffix(f.Name, "/") {
			continue
		}
		switch {
		case mode&fs.ModeSymlink == 0 && !mode.IsRegular():
			err = t.add(name, entry{mode: fs.ModeNamedPipe})
		case mode.IsRegular() && !kept(name):
			err = t.add(name, entry{}) // not unpacked at all
		default:
			var r io.ReadCloser
			if r, err = f.Open(); err != nil {
				return nil, unreadable(handIn, "%s cannot be unpacked: %v", shown(name), err)
			}
			if mode.IsRegular() {
				err = t.regular(name, r)
			} else {
				var target []byte
				target, _ = io.ReadAll(io.LimitReader(r, maxName))
				err = t.add(name, entry{mode: fs.ModeSymlink, data: target})
			}
			r.Close()
		}
		if err != nil {
			return nil, err
		}
	}
	return t.done()
}

// bounded fails once more than the limit has been read: a small archive may
// unpack to anything.
type bounded struct {
	r    io.Reader
	left int64
}

var errUnpacked = errors.New("unpacks to too much")

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errUnpacked
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func takeTar(r io.Reader) (*Files, error) {
	t := newTaking()
	in := tar.NewReader(&bounded{r, MaxUnpacked})
	for {
		h, err := in.Next()
		switch {
		case err == io.EOF:
			return t.done()
		case errors.Is(err, errUnpacked):
			return nil, tooBig("Leave out what was generated, and everything but your server.", "the archive unpacks to more than %d bytes, the limit", int64(MaxUnpacked))
		case err != nil:
			return nil, unreadable(handIn, "it is not a tar archive, or it is cut off: %v", err)
		case h.Typeflag == tar.TypeXGlobalHeader: // git archive writes one
			continue
		}
		name, wanted, err := t.name(h.Name)
		if err != nil {
			return nil, err
		}
		if !wanted || h.Typeflag == tar.TypeDir {
			continue
		}
		switch h.Typeflag {
		case tar.TypeReg:
			err = t.regular(name, in)
		case tar.TypeSymlink, tar.TypeLink:
			err = t.add(name, entry{mode: fs.ModeSymlink, data: []byte(h.Linkname[:min(len(h.Linkname), maxName)])})
		default:
			err = t.add(name, entry{mode: fs.ModeNamedPipe})
		}
		if err != nil {
			var u *Unfit
			if !errors.As(err, &u) {
				err = unreadable(handIn, "%s cannot be unpacked: %v", shown(name), err)
			}
			return nil, err
		}
	}
}
