package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// linkFlags are the linker's. Without a build ID the bytes follow from the sources
// and the Go release alone, so that a host without the go command can make the
// same. That a package may refer to the runtime's variables is for the kit, which
// sets one; what is submitted has no directive for it.
var linkFlags = []string{"-buildid=", "-checklinkname=0"}

// compile builds the tree in a temporary folder and returns the module.
func (tc *toolchain) compile(ctx context.Context, t *Tree) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "raftlab-")
	if err != nil {
		return nil, fail(Internal, err, "cannot make a temporary folder: "+err.Error(), freeSpace)
	}
	defer os.RemoveAll(tmp)
	src, out := filepath.Join(tmp, "src"), filepath.Join(tmp, "module.wasm")
	for name, data := range t.Files {
		if err := writeFile(filepath.Join(src, filepath.FromSlash(name)), data); err != nil {
			return nil, fail(Internal, err, "cannot write temporary files: "+err.Error(), freeSpace)
		}
	}
	work := filepath.Join(tmp, "work")
	if err := os.Mkdir(work, 0o777); err != nil {
		return nil, fail(Internal, err, "cannot make a temporary folder: "+err.Error(), freeSpace)
	}
	if tc.server != "" {
		tc.compileKit(ctx, t, tmp)
	}

	timed, cancel := context.WithTimeout(ctx, tc.lim.Time)
	defer cancel()
	watched, stop := bounded(timed, tmp, tc.lim.Disk)
	output, used, err := tc.run(watched, src, work, "build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-buildmode=c-shared", "-ldflags="+strings.Join(linkFlags, " "), "-o", out, "./"+t.Main)
	stop()
	switch {
	case ctx.Err() != nil:
		return nil, stopped(ctx)
	case context.Cause(watched) == errDisk:
		return nil, fail(Compile, errDisk, fmt.Sprintf("compiling wrote more than %d MiB, the limit", tc.lim.Disk>>20), "Leave out large variables with initial values.")
	case timed.Err() != nil:
		return nil, tooSlow(tc.lim.Time)
	case err != nil && used >= tc.lim.CPU && strings.Contains(output, "signal: "):
		return nil, tooSlow(tc.lim.CPU)
	case err != nil:
		return nil, t.explain(tc.version, tc.lim.Problems, output, err)
	}
	fi, err := os.Stat(out)
	if err != nil {
		return nil, fail(Internal, err, "go build left no module: "+err.Error(), "")
	}
	if fi.Size() > tc.lim.ModuleSize {
		return nil, fail(Refused, nil, fmt.Sprintf("the compiled module has %d bytes; the limit is %d", fi.Size(), tc.lim.ModuleSize), "Leave out large variables with initial values, and packages that you do not need.")
	}
	wasm, err := os.ReadFile(out)
	if err != nil {
		return nil, fail(Internal, err, "cannot read the module: "+err.Error(), "")
	}
	return wasm, nil
}

// errDisk says that a build wrote too much.
var errDisk = errors.New("the build wrote too much")

const freeSpace = "Free some space, or set TMPDIR to a folder that can be written."

func tooSlow(limit time.Duration) *Error {
	return fail(TooSlow, nil, fmt.Sprintf("compiling took longer than %v, the limit", limit), "Leave out generated code and very large constants; if the code is small, the machine is busy: try again.")
}

var (
	// diagnostic is a line of the compiler's: ./file.go:line:col: message.
	diagnostic = regexp.MustCompile(`^(?:vet: )?(?:\./)?(.+?\.go):(\d+)(?::(\d+))?: (.*)$`)
	importedAs = regexp.MustCompile(` imported as \w+ and not used$`)
	notFound   = regexp.MustCompile(`^undefined: (\w+)$`)
	kitMember  = regexp.MustCompile(`^undefined: ((?:labrpc|labgob|raftapi|tester)\.\w+)$`)
	unfit      = regexp.MustCompile(`does not implement raftapi\.Raft \((.*)\)$`)
	needsGo    = regexp.MustCompile(`requires go1\.(\d+) or later`)
)

// Explain turns what a [Command] of the plan printed when it failed into an
// *Error in the student's files.
func (t *Tree) Explain(lib *Library, output string) error {
	var o Options
	o.defaults()
	err := t.explain(lib.Go, o.Limits.Problems, strings.ReplaceAll(output, "/src/", ""), errors.New("exit status 2"))
	if e, ok := err.(*Error); ok {
		e.Profile = &t.Profile
	}
	return err
}

// explain turns what the go command printed into problems in the student's files.
func (t *Tree) explain(release string, most int, output string, cause error) error {
	ps := &problems{max: most}
	var strange []string // lines that are about no file of the student's
	var last *Problem
	flush := func() {
		if last != nil {
			ps.add(t.advise(*last))
			last = nil
		}
	}
	for line := range strings.Lines(output) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "\t") && last != nil {
			last.Reason += "\n" + t.mend(strings.TrimSpace(line))
			continue
		}
		flush()
		m := diagnostic.FindStringSubmatch(filepath.ToSlash(line))
		if m == nil {
			if line != "" && !strings.HasPrefix(line, "# ") {
				strange = append(strange, t.mend(line))
			}
			continue
		}
		n, _ := strconv.Atoi(m[2])
		col, _ := strconv.Atoi(m[3])
		// Some errors come with the path that -trimpath leaves: module and file.
		f := t.files[strings.TrimPrefix(m[1], t.Module+"/")]
		switch {
		case m[4] == "too many errors": // the compiler stops at ten
		case f != nil:
			if col > 0 {
				col = f.original(n, col)
			}
			last = &Problem{File: f.shown, Line: n, Col: col, Reason: t.mend(m[4])}
		case m[1] == t.Main+"/main.go" || m[1] == t.glue():
			last = t.misfit(m[4])
		default:
			strange = append(strange, t.mend(line))
		}
	}
	flush()
	if err := ps.err(Compile); err != nil {
		return err
	}
	return gaveUp(release, strange, cause)
}

// gaveUp is the Error for a failed build without a diagnostic in the student's code.
func gaveUp(release string, lines []string, cause error) error {
	all := strings.Join(lines, "\n")
	for _, word := range []string{"out of memory", "cannot allocate memory", "signal: killed", "file too large", "file size limit", "stack exceeds", "stack overflow", "internal compiler error", "too large", "SIGXFSZ"} {
		if strings.Contains(all, word) {
			return fail(Compile, cause, "the Go compiler gave up on this code: "+word, "Leave out generated code and very large constants, arrays or types.")
		}
	}
	if errors.Is(cause, context.Canceled) {
		return fail(Internal, cause, "the build was stopped", "")
	}
	const most = 20
	if len(lines) > most {
		all = strings.Join(lines[:most], "\n") + "\n..."
	}
	return fail(Internal, cause, fmt.Sprintf("go build failed with %s (%v):\n%s", release, cause, all), "This is the grader's failure, not the student's. Please report it.")
}

// mend puts the student's words back where the copy has ours.
func (t *Tree) mend(msg string) string {
	if sync := t.check.kitPath("sync"); strings.Contains(msg, sync) {
		msg = strings.ReplaceAll(msg, strconv.Quote(sync)+".", "sync.")
		msg = strings.ReplaceAll(msg, sync, "sync")
		if strings.HasPrefix(msg, `"sync" imported as `) {
			msg = importedAs.ReplaceAllString(msg, " imported and not used")
		}
	}
	msg = strings.ReplaceAll(t.plainNames(msg), t.check.kitPath("rand"), "math/rand")
	return strings.TrimSuffix(strings.ReplaceAll(msg, "; check go.mod)", ")"), " ")
}

// misfit explains an error in the generated package main: the server's parts
// are there, but do not fit.
func (t *Tree) misfit(msg string) *Problem {
	p := &Problem{Reason: "package raft does not fit the lab: " + t.mend(msg), Advice: "Expected: " + t.check.l.gen.makeSignature()}
	if m := unfit.FindStringSubmatch(msg); m != nil {
		p.Reason = "*Raft is not a raftapi.Raft: " + m[1]
	}
	for _, f := range t.check.pkgs[0].files {
		if fn := findFunc(f.ast, "Make"); fn != nil {
			at := f.problem(fn.Pos(), p.Reason, p.Advice)
			return &at
		}
	}
	return p
}

// advise adds what to do about the errors that come from being graded.
func (t *Tree) advise(p Problem) Problem {
	if m := notFound.FindStringSubmatch(p.Reason); m != nil {
		if from := t.check.dropped[m[1]]; from != "" {
			p.Advice = fmt.Sprintf("%s is declared in %s, which is taken for the course's test harness and not compiled. Move it into a file of your own.", m[1], from)
		}
	}
	if m := kitMember.FindStringSubmatch(p.Reason); m != nil {
		name, _, _ := strings.Cut(m[1], ".")
		p.Advice = fmt.Sprintf("Package %s is replaced by the grader's, whatever your copy of it holds. Keep additions in a package of your own.", name)
	}
	if advice := t.onlyCore(p.Reason); advice != "" {
		p.Advice = advice
	}
	if m := needsGo.FindStringSubmatch(p.Reason); m != nil {
		p.Advice = fmt.Sprintf("go.mod says go %s. To use this, write there: go 1.%s", t.GoLine, m[1])
	}
	return p
}
