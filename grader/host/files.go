package host

import (
	"bytes"
	"encoding/binary"
	"path"
	"slices"
	"strings"

	"github.com/raftlab/raftlab/grader/sim"
)

// A program may write log files. It gets a folder of its own for them, in
// memory: empty at boot, gone at the end of this life, and bounded. What Raft
// has to keep belongs to the Persister. files_js.mjs is the same for the page.

// Bounds of a program's folder. At the first two a write fails as on a full disk.
const (
	FilesKept = 8 << 20 // bytes in all files of a life
	filesMax  = 1 << 10 // files and folders
	openMax   = 256     // files open at once
	pathMax   = 1 << 10 // bytes of a path
)

// node is a file or a folder.
type node struct {
	id    uint64
	dir   bool
	data  []byte
	mtime int64
}

// handle is an open file.
type handle struct {
	n           *node
	path        string
	at          int64
	append      bool
	read, write bool
	names       []string // of a folder that is listed
	listed      bool
}

// files is a program's folder. Paths are clean and have no slash at the front;
// the root is ".".
type files struct {
	nodes  map[string]*node
	open   map[uint32]*handle
	lastID uint64
	size   int64
	full   bool // it was said that the folder is full
}

// Numbers of WASI's errors, kinds and flags.
const (
	errExist       = 20
	errInval       = 28
	errIsDir       = 31
	errTooManyOpen = 33
	errNameTooLong = 37
	errNoEnt       = 44
	errNoSpace     = 51
	errNotDir      = 54
	errNotEmpty    = 55
	errNotSup      = 58

	kindDir, kindFile = 3, 4

	openCreate, openDirectory, openExclusive, openTruncate = 1, 2, 4, 8
	rightRead, rightWrite                                  = 1 << 1, 1 << 6
	flagAppend                                             = 1
)

// fdRoot is the folder's, above the kit's files.
const fdRoot = fdDone + 1

var fileFuncs = map[string]hostFunc{
	"fd_prestat_get":          fdPrestatGet,
	"fd_prestat_dir_name":     fdPrestatDirName,
	"fd_close":                fdClose,
	"fd_seek":                 fdSeek,
	"fd_tell":                 func(p *process, m memory, a []uint64) uint64 { return fdSeek(p, m, []uint64{a[0], 0, 1, a[1]}) },
	"fd_pread":                func(p *process, m memory, a []uint64) uint64 { return readAt(p, m, a, int64(a[3]), a[4]) },
	"fd_pwrite":               func(p *process, m memory, a []uint64) uint64 { return writeAt(p, m, a, int64(a[3]), a[4]) },
	"fd_sync":                 fdSync,
	"fd_datasync":             fdSync,
	"fd_filestat_get":         fdFilestatGet,
	"fd_filestat_set_size":    fdFilestatSetSize,
	"fd_readdir":              fdReaddir,
	"path_open":               pathOpen,
	"path_filestat_get":       pathFilestatGet,
	"path_filestat_set_times": succeed,
	"path_create_directory":   pathCreateDirectory,
	"path_unlink_file":        pathUnlinkFile,
	"path_remove_directory":   pathRemoveDirectory,
	"path_rename":             pathRename,
	"path_symlink":            notSupported,
	"path_link":               notSupported,
	"path_readlink":           func(*process, memory, []uint64) uint64 { return errInval }, // nothing is a link
}

func notSupported(*process, memory, []uint64) uint64 { return errNotSup }

func fdPrestatGet(p *process, m memory, a []uint64) uint64 {
	switch fd := uint32(a[0]); {
	case fd < fdRoot:
		return errNotDir // Go goes on with the next number
	case fd > fdRoot:
		return errBadFD
	}
	return m.put32(a[1], 0) | m.put32(a[1]+4, 1)
}

func fdPrestatDirName(p *process, m memory, a []uint64) uint64 {
	if uint32(a[0]) != fdRoot {
		return errBadFD
	}
	if copy(m.at(a[1], a[2]), "/") == 0 {
		return errFault
	}
	return 0
}

// pathOf reads a path. One that leads above the root ends there.
func (p *process) pathOf(m memory, fd, at, n uint64) (string, uint64) {
	p.burn(64 + min(uint32(n), pathMax))
	base := "/"
	if uint32(fd) != fdRoot {
		h := p.files.open[uint32(fd)]
		switch {
		case h == nil:
			return "", errBadFD
		case !h.n.dir:
			return "", errNotDir
		}
		base += h.path + "/"
	}
	if uint32(n) > pathMax {
		return "", errNameTooLong
	}
	b := m.at(at, n)
	switch {
	case b == nil:
		return "", errFault
	case len(b) == 0 || bytes.IndexByte(b, 0) >= 0:
		return "", errInval
	}
	if name := path.Clean(base + string(b))[1:]; name != "" {
		return name, 0
	}
	return ".", 0
}

// nodeAt is pathOf for what must be there.
func (p *process) nodeAt(m memory, fd, at, n uint64) (string, *node, uint64) {
	name, errno := p.pathOf(m, fd, at, n)
	if errno != 0 {
		return "", nil, errno
	}
	found := p.files.node(name)
	if found == nil {
		return "", nil, errNoEnt
	}
	return name, found, 0
}

func (f *files) node(name string) *node {
	if f.nodes == nil {
		f.nodes, f.open = map[string]*node{}, map[uint32]*handle{}
		f.lastID = 1
		f.nodes["."] = &node{id: 1, dir: true}
	}
	return f.nodes[name]
}

func (p *process) wall() int64 { return p.local + epoch + p.offset }

// create makes a file or folder, and the folders above it: a program finds its
// own empty folder here, not the one that it was written in, and a log file in
// logs/ or /tmp/ shall not end it.
func (p *process) create(name string, dir bool) (*node, uint64) {
	for at := name; ; at = path.Dir(at) {
		n := p.files.node(at)
		if n != nil && at != name && !n.dir {
			return nil, errNotDir
		}
		if n == nil {
			if len(p.files.nodes) >= filesMax {
				p.tellFull()
				return nil, errNoSpace
			}
			p.files.lastID++
			p.files.nodes[at] = &node{id: p.files.lastID, dir: dir || at != name, mtime: p.wall()}
		}
		if at == "." {
			return p.files.nodes[name], 0
		}
	}
}

func pathOpen(p *process, m memory, a []uint64) uint64 {
	name, errno := p.pathOf(m, a[0], a[2], a[3])
	if errno != 0 {
		return errno
	}
	flags, rights := uint32(a[4]), a[5]
	n := p.files.node(name)
	switch {
	case n == nil && flags&openCreate == 0:
		return errNoEnt
	case n != nil && flags&openCreate != 0 && flags&openExclusive != 0:
		return errExist
	case n != nil && n.dir && (flags&(openCreate|openTruncate) != 0 || rights&rightWrite != 0):
		return errIsDir
	case n != nil && !n.dir && flags&openDirectory != 0:
		return errNotDir
	}
	if len(p.files.open) >= openMax {
		return errTooManyOpen
	}
	if n == nil {
		if n, errno = p.create(name, false); errno != 0 {
			return errno
		}
		p.tellFile([]byte(name))
	}
	if flags&openTruncate != 0 {
		p.resize(n, 0)
	}
	fd := uint32(fdRoot + 1)
	for p.files.open[fd] != nil {
		fd++
	}
	p.files.open[fd] = &handle{
		n: n, path: name, append: uint32(a[7])&flagAppend != 0,
		read: rights&rightRead != 0, write: rights&rightWrite != 0,
	}
	return m.put32(a[8], fd)
}

func fdClose(p *process, m memory, a []uint64) uint64 {
	fd := uint32(a[0])
	h := p.files.open[fd]
	if h == nil {
		return errBadFD
	}
	delete(p.files.open, fd)
	p.forget(h.n)
	return 0
}

// forget counts the bytes of a file no more that nobody can reach.
func (p *process) forget(n *node) {
	for _, h := range p.files.open {
		if h.n == n {
			return
		}
	}
	for _, other := range p.files.nodes {
		if other == n {
			return
		}
	}
	p.files.size -= int64(len(n.data))
	n.data = nil
}

// resize sets a file's length, if there is room.
func (p *process) resize(n *node, size int64) bool {
	grow := size - int64(len(n.data))
	if size < 0 || p.files.size+grow > FilesKept {
		p.tellFull()
		return false
	}
	if grow > 0 {
		p.burn(uint32(grow)/16 + 16)
		n.data = append(n.data, make([]byte, grow)...)
	} else {
		n.data = n.data[:size]
	}
	p.files.size += grow
	n.mtime = p.wall()
	return true
}

func fdSeek(p *process, m memory, a []uint64) uint64 {
	h := p.files.open[uint32(a[0])]
	if h == nil {
		return errBadFD
	}
	at := int64(a[1])
	switch uint32(a[2]) {
	case 0:
	case 1:
		at += h.at
	case 2:
		at += int64(len(h.n.data))
	default:
		return errInval
	}
	if at < 0 {
		return errInval
	}
	h.at = at
	return m.put64(a[3], uint64(at))
}

// vectors calls use with each piece of memory that a vector of them names.
func vectors(m memory, at, n uint64, use func(b []byte) (done bool)) uint64 {
	for i := uint64(0); i < uint64(uint32(n)); i++ {
		v := m.at(at+8*i, 8)
		if v == nil {
			return errFault
		}
		le := binary.LittleEndian
		b := m.at(uint64(le.Uint32(v)), uint64(le.Uint32(v[4:])))
		if b == nil {
			return errFault
		}
		if use(b) {
			break
		}
	}
	return 0
}

// readAt reads from an open file; at is where, or -1 for where it stands.
func readAt(p *process, m memory, a []uint64, at int64, count uint64) uint64 {
	h := p.files.open[uint32(a[0])]
	switch {
	case h == nil || !h.read:
		return errBadFD
	case h.n.dir:
		return errIsDir
	}
	from := at
	if at < 0 {
		from = h.at
	}
	total := 0
	errno := vectors(m, a[1], a[2], func(b []byte) bool {
		n := 0
		if pos := from + int64(total); pos < int64(len(h.n.data)) {
			n = copy(b, h.n.data[pos:])
		}
		p.burn(uint32(n)/16 + 16)
		total += n
		return n < len(b)
	})
	if errno != 0 {
		return errno
	}
	if at < 0 {
		h.at = from + int64(total)
	}
	return m.put32(count, uint32(total))
}

// writeAt writes to an open file; at is where, or -1 for where it stands.
func writeAt(p *process, m memory, a []uint64, at int64, count uint64) uint64 {
	h := p.files.open[uint32(a[0])]
	if h == nil || !h.write {
		return errBadFD
	}
	from := at
	if at < 0 {
		if h.append {
			h.at = int64(len(h.n.data))
		}
		from = h.at
	}
	total, full := 0, false
	errno := vectors(m, a[1], a[2], func(b []byte) bool {
		p.burn(uint32(len(b))/16 + 16)
		pos := from + int64(total)
		if end := pos + int64(len(b)); end > int64(len(h.n.data)) && len(b) > 0 && !p.resize(h.n, end) {
			full = true
			return true
		}
		if len(b) > 0 {
			total += copy(h.n.data[pos:], b)
		}
		return false
	})
	switch {
	case errno != 0:
		return errno
	case full && total == 0:
		return errNoSpace
	}
	if at < 0 {
		h.at = from + int64(total)
	}
	return m.put32(count, uint32(total))
}

func fdSync(p *process, m memory, a []uint64) uint64 {
	if p.files.open[uint32(a[0])] == nil {
		return errBadFD
	}
	return 0
}

func (n *node) stat(m memory, at uint64) uint64 {
	b := m.at(at, 64)
	if b == nil {
		return errFault
	}
	clear(b)
	le := binary.LittleEndian
	le.PutUint64(b[8:], n.id)
	b[16] = n.kind()
	le.PutUint64(b[24:], 1)
	le.PutUint64(b[32:], uint64(len(n.data)))
	for i := 40; i < 64; i += 8 {
		le.PutUint64(b[i:], uint64(n.mtime))
	}
	return 0
}

func (n *node) kind() byte {
	if n.dir {
		return kindDir
	}
	return kindFile
}

func fdFilestatGet(p *process, m memory, a []uint64) uint64 {
	if uint32(a[0]) == fdRoot {
		return p.files.node(".").stat(m, a[1])
	}
	h := p.files.open[uint32(a[0])]
	if h == nil {
		return errBadFD
	}
	return h.n.stat(m, a[1])
}

func fdFilestatSetSize(p *process, m memory, a []uint64) uint64 {
	h := p.files.open[uint32(a[0])]
	switch {
	case h == nil || !h.write:
		return errBadFD
	case int64(a[1]) < 0:
		return errInval
	case !p.resize(h.n, int64(a[1])):
		return errNoSpace
	}
	return 0
}

func pathFilestatGet(p *process, m memory, a []uint64) uint64 {
	_, n, errno := p.nodeAt(m, a[0], a[2], a[3])
	if errno != 0 {
		return errno
	}
	return n.stat(m, a[4])
}

func pathCreateDirectory(p *process, m memory, a []uint64) uint64 {
	name, errno := p.pathOf(m, a[0], a[1], a[2])
	if errno != 0 {
		return errno
	}
	if p.files.node(name) != nil {
		return errExist
	}
	_, errno = p.create(name, true)
	return errno
}

// below lists what lies in a folder, by name.
func (f *files) below(dir string) []string {
	var names []string
	for name := range f.nodes {
		if name != "." && path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names
}

func pathUnlinkFile(p *process, m memory, a []uint64) uint64 {
	name, n, errno := p.nodeAt(m, a[0], a[1], a[2])
	switch {
	case errno != 0:
		return errno
	case n.dir:
		return errIsDir
	}
	delete(p.files.nodes, name)
	p.forget(n)
	return 0
}

func pathRemoveDirectory(p *process, m memory, a []uint64) uint64 {
	name, n, errno := p.nodeAt(m, a[0], a[1], a[2])
	switch {
	case errno != 0:
		return errno
	case !n.dir:
		return errNotDir
	case name == ".":
		return errInval
	case len(p.files.below(name)) > 0:
		return errNotEmpty
	}
	delete(p.files.nodes, name)
	return 0
}

func pathRename(p *process, m memory, a []uint64) uint64 {
	from, errno := p.pathOf(m, a[0], a[1], a[2])
	to, errno2 := p.pathOf(m, a[3], a[4], a[5])
	if errno|errno2 != 0 {
		return max(errno, errno2)
	}
	n, old := p.files.node(from), p.files.node(to)
	switch {
	case n == nil:
		return errNoEnt
	case n.dir:
		return errNotSup
	case old != nil && old.dir:
		return errIsDir
	case from == to:
		return 0
	}
	delete(p.files.nodes, from)
	if old != nil {
		delete(p.files.nodes, to)
		p.forget(old)
	}
	if _, errno := p.create(to, false); errno != 0 {
		p.files.nodes[from] = n
		return errno
	}
	p.files.nodes[to] = n
	return 0
}

// fdReaddir lists a folder. The names are those of the first call.
func fdReaddir(p *process, m memory, a []uint64) uint64 {
	h := p.files.open[uint32(a[0])]
	buf := m.at(a[1], a[2])
	switch {
	case h == nil:
		return errBadFD
	case !h.n.dir:
		return errNotDir
	case buf == nil:
		return errFault
	}
	if a[3] == 0 || !h.listed {
		h.names, h.listed = p.files.below(h.path), true
	}
	p.burn(64 + uint32(len(buf)))
	used := 0
	for i := a[3]; i < uint64(len(h.names)) && used < len(buf); i++ {
		name := h.names[i]
		entry := make([]byte, 24, 24+len(name))
		le := binary.LittleEndian
		le.PutUint64(entry, i+1)
		le.PutUint32(entry[16:], uint32(len(name)))
		if n := p.files.nodes[path.Join(h.path, name)]; n != nil {
			le.PutUint64(entry[8:], n.id)
			entry[20] = n.kind()
		}
		used += copy(buf[used:], append(entry, name...)) // a piece is asked for again
	}
	return m.put32(a[4], uint32(used))
}

// tell adds a remark to what the program printed.
func (p *process) tell(text string) {
	p.fx = append(p.fx, sim.Effect{Kind: sim.Print, Flag: true, Data: []byte("[raftlab: " + text + "]\n")})
}

func (p *process) tellFile(name []byte) {
	p.tell(strings.ToValidUTF8(string(name), "?") + " is a file in memory: it is gone when this server ends")
}

func (p *process) tellFull() {
	if !p.files.full {
		p.files.full = true
		p.tell("this server's files are full (8 MiB, 1024 files): writing to them fails from now on")
	}
}
