package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"time"

	"github.com/raftlab/raftlab/labs/kit"
)

// Options says what to build, with what, within which limits.
type Options struct {
	// Dir is the student's folder: the Raft package's, its module's, or the
	// repository's root. "" is the current folder.
	Dir string
	// Files, if not nil, holds the submission instead of the file system; Dir
	// is then a path within it.
	Files fs.FS
	// Confine forbids reading above Dir in search of a go.mod: for submissions
	// that lie side by side.
	Confine bool

	// Profile, if not "", is one of Profiles: the lab that the code is, whatever
	// it looks like.
	Profile string

	// Service names what stands on the student's Raft: "" for nothing, "kv" for
	// package kv beside package raft, "lock" for package lock on top of that.
	Service string

	// OnCore puts the grader's own Raft below the service, in place of the folder's
	// package raft, if it has one.
	OnCore bool

	// GoCmd is the go command; "" looks for one.
	GoCmd string
	// GoVersion is the release that Prepare assumes, such as "go1.26.1"; "" is
	// the one that built the grader. Build asks the go command.
	GoVersion string
	// CacheDir holds what compiling leaves for the next time; "" uses Go's own
	// build cache.
	CacheDir string
	// CacheServer, if not nil, is a command that calls ServeCache when CacheAsked:
	// then the build writes into no cache, and reads one that holds what was
	// compiled from the grader's own sources alone. For code of strangers.
	CacheServer []string
	Limits      Limits
	// Progress, if not nil, is called when a stage begins.
	Progress func(Stage)
	// SelfTest, if not nil, runs the grader's own little server (see package
	// selftest) and returns what a Go release makes of it that must not be. It
	// is called before the first Build with a Go release; that all was well is
	// remembered in the cache. Package release has it.
	SelfTest func(ctx context.Context, wasm []byte) error

	kit fs.FS // of labs/kit; tests may put another in its place
}

// Stage is a part of a build that takes time.
type Stage string

const (
	// StageCheck: reading and checking the student's files.
	StageCheck Stage = "check"
	// StageLibrary: compiling the standard library, on the first run with a Go
	// release or after the cache was emptied. Takes 10 s or more.
	StageLibrary Stage = "standard library"
	// StageSelfTest: trying the grader's own server, once for a Go release.
	StageSelfTest Stage = "self-test"
	// StageBuild: compiling and linking the student's module.
	StageBuild Stage = "go build"
)

// Limits bound what one build may cost. A zero field takes its default.
type Limits struct {
	Time       time.Duration // wall time for compiling and linking, library apart: 2 min
	CPU        time.Duration // processor time of each compiler process, where the system can limit it: 30 s
	Memory     int64         // bytes that each compiler process may have to write to, where the system can limit it: 4 GiB
	Disk       int64         // bytes of files that compiling may leave behind or need for a while: 512 MiB
	Files      int           // Go files compiled: 200
	FileSize   int64         // bytes of one Go file: 1 MiB
	SourceSize int64         // bytes of all Go files: 4 MiB
	ModuleSize int64         // bytes of the module: 32 MiB
	Problems   int           // problems reported word for word: 10
}

// libraryTime bounds StageLibrary: it is the machine's time, not the student's.
const libraryTime = 15 * time.Minute

func (o *Options) defaults() {
	if o.GoVersion == "" {
		o.GoVersion = runtime.Version()
	}
	if o.kit == nil {
		o.kit = kit.FS
	}
	l := &o.Limits
	def(&l.Time, 2*time.Minute)
	def(&l.CPU, 30*time.Second)
	def(&l.Memory, 4<<30)
	def(&l.Disk, 512<<20)
	def(&l.Files, 200)
	def(&l.FileSize, 1<<20)
	def(&l.SourceSize, 4<<20)
	def(&l.ModuleSize, 32<<20)
	def(&l.Problems, 10)
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

func (o *Options) progress(s Stage) {
	if o.Progress != nil {
		o.Progress(s)
	}
}

// Module is a student's server, compiled.
type Module struct {
	Wasm    []byte
	Hash    string // SHA-256 of Wasm in hex
	Go      string // the release that compiled it, such as "go1.26.1"
	GoLine  string // the language version that the student's go.mod asks for
	Profile Profile
	// Sources are the student's files that were compiled, Skipped those of the
	// same packages that were not.
	Sources []SourceFile
	Skipped []Skipped
	// SourceMap leads from the names in stack traces (6.5840/raft1/raft.go) to
	// the student's files. The kit's files are not in it.
	SourceMap map[string]string
	Timing    Timing
}

// Timing is where the wall time of a build went.
type Timing struct {
	Check   time.Duration
	Library time.Duration // 0 unless StageLibrary or StageSelfTest was needed
	Build   time.Duration
}

// Build compiles a student's folder to a WebAssembly module. Its error is an
// *Error. It may be called concurrently.
func Build(ctx context.Context, o Options) (*Module, error) {
	o.defaults()
	begin := time.Now()
	tc, err := findGo(ctx, &o)
	if err != nil {
		return nil, err
	}
	o.GoVersion = tc.version
	t, err := Prepare(ctx, o)
	if err != nil {
		return nil, err
	}
	m := &Module{Go: tc.version}
	m.Describe(t)
	m.Timing.Check = time.Since(begin)
	if m.Timing.Library, err = tc.warm(ctx, &o); err != nil {
		return nil, err
	}
	o.progress(StageBuild)
	begin = time.Now()
	m.Wasm, err = tc.compile(ctx, t)
	m.Timing.Build = time.Since(begin)
	if err != nil {
		if e, ok := err.(*Error); ok {
			e.Profile = &t.Profile
		}
		return nil, err
	}
	m.Hash = hashOf(m.Wasm)
	return m, nil
}

func hashOf(wasm []byte) string {
	sum := sha256.Sum256(wasm)
	return hex.EncodeToString(sum[:])
}

// NewModule is a module that was compiled elsewhere, by a Go release as far as
// it is known. It may be anything: running it will tell.
func NewModule(wasm []byte, release string) *Module {
	return &Module{Wasm: wasm, Hash: hashOf(wasm), Go: release}
}

// Describe says what the module was compiled from.
func (m *Module) Describe(t *Tree) {
	m.GoLine, m.Profile, m.Sources, m.Skipped = t.GoLine, t.Profile, t.Sources, t.Skipped
	m.SourceMap = make(map[string]string)
	for _, s := range t.Sources {
		m.SourceMap[s.Module] = s.Path
	}
}

// Warm compiles the standard library into the cache and has the self-test done,
// if they are not yet, so that the Builds that follow, side by side perhaps,
// need not.
func Warm(ctx context.Context, o Options) error {
	o.defaults()
	tc, err := findGo(ctx, &o)
	if err != nil {
		return err
	}
	_, err = tc.warm(ctx, &o)
	return err
}

// Release returns the Go release that Build would compile with, such as "go1.26.1".
func Release(ctx context.Context, o Options) (string, error) {
	o.defaults()
	tc, err := findGo(ctx, &o)
	if err != nil {
		return "", err
	}
	return tc.version, nil
}

// stopped is the Error for a context that ended.
func stopped(ctx context.Context) *Error {
	err := context.Cause(ctx)
	reason := "stopped before it was done"
	if errors.Is(err, context.DeadlineExceeded) {
		reason = "stopped: the time for the whole grading is over"
	}
	return fail(Internal, ctx.Err(), fmt.Sprintf("the build was %s", reason), "Run it again.")
}
