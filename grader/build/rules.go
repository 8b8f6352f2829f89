package build

import (
	"strings"
)

// Allowed reports whether submitted code may import the standard package at
// path, and if not, why and what to do instead. The page's editor asks it too.
func Allowed(path string) (ok bool, reason, advice string) {
	if allowed[path] {
		return true, "", ""
	}
	if r, known := refused[path]; known {
		return false, r.reason, r.advice
	}
	for _, r := range refusedTrees {
		if strings.HasPrefix(path, r.prefix) {
			return false, r.reason, r.advice
		}
	}
	if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") {
		return false, "it is not part of the standard library nor of this module",
			"Modules of others are not available to a graded server: use the standard library, or copy what you need into a package of your own module."
	}
	return false, "it is not on the list of packages that a graded server may use",
		"Use another package of the standard library, or write what you need in your own module."
}

type rule struct{ prefix, reason, advice string }

// allowed holds the standard packages that can do no harm in the sandbox and
// need nothing that it does not have. os is among them because students import
// it for os.Getenv and os.Exit; it finds no file and no variable there.
var allowed = set(`
	bufio bytes cmp context encoding errors fmt hash io iter log maps math os path
	reflect regexp runtime slices sort strconv strings structs sync time unicode unique weak
	container/heap container/list container/ring
	compress/bzip2 compress/flate compress/gzip compress/lzw compress/zlib
	crypto crypto/aes crypto/cipher crypto/hmac crypto/md5 crypto/rand crypto/sha1 crypto/sha256
	crypto/sha3 crypto/sha512 crypto/subtle
	encoding/ascii85 encoding/base32 encoding/base64 encoding/binary encoding/csv encoding/gob
	encoding/hex encoding/json encoding/xml
	flag
	hash/adler32 hash/crc32 hash/crc64 hash/fnv hash/maphash
	index/suffixarray
	io/fs io/ioutil
	log/slog
	math/big math/bits math/cmplx math/rand math/rand/v2
	path/filepath
	regexp/syntax
	runtime/debug runtime/metrics
	sync/atomic
	text/scanner text/tabwriter text/template text/template/parse
	unicode/utf16 unicode/utf8
`)

var refused = map[string]rule{
	"C":             {reason: "cgo is not available: the server runs as WebAssembly", advice: "Write it in Go."},
	"unsafe":        {reason: "it gets around Go's memory safety", advice: "Raft needs no unsafe: use encoding/binary for bytes and sync/atomic for shared words."},
	"syscall":       {reason: "a graded server has no operating system to call", advice: "Use time, sync and labrpc; the disk is the Persister."},
	"plugin":        {reason: "a graded server cannot load other code", advice: "Import the package instead."},
	"embed":         {reason: "a graded server is made of .go files only", advice: "Write the data as a Go constant."},
	"testing":       {reason: "it belongs in test files, and this is not one", advice: "Move the code that needs it into a file whose name ends in _test.go; the grader leaves those out."},
	"os/exec":       {reason: "a graded server cannot start programs", advice: "Start a goroutine instead; other servers are reached with labrpc."},
	"os/signal":     {reason: "a graded server gets no signals", advice: "The grader ends a server by crashing it; there is nothing to catch."},
	"os/user":       {reason: "a graded server has no operating system to ask", advice: "Remove it."},
	"expvar":        {reason: "it needs the network", advice: "Print what you want to see with log or fmt; the report shows it with virtual time stamps."},
	"log/syslog":    {reason: "it needs the network", advice: "Use log or fmt; the report shows the output with virtual time stamps."},
	"runtime/pprof": {reason: "a graded server has no file to write a profile to", advice: "Profile with go test on your own machine; keep it in a _test.go file."},
	"runtime/trace": {reason: "a graded server has no file to write a trace to", advice: "The grader records a trace by itself."},
	"runtime/cgo":   {reason: "cgo is not available: the server runs as WebAssembly", advice: "Write it in Go."},
	"runtime/race":  {reason: "the race detector is not available in WebAssembly", advice: "Run go test -race on your own machine."},
	"time/tzdata":   {reason: "it adds half a megabyte of time zones", advice: "Use UTC."},
	"net":           {reason: "a graded server has no network of its own", advice: "Reach the other servers with labrpc: peers[i].Call(\"Raft.Method\", &args, &reply)."},
}

var refusedTrees = []rule{
	{"net/", "a graded server has no network of its own", "Reach the other servers with labrpc: peers[i].Call(\"Raft.Method\", &args, &reply)."},
	{"testing/", "it belongs in test files, and this is not one", "Move the code that needs it into a file whose name ends in _test.go; the grader leaves those out."},
	{"golang.org/x/", "it is not part of the standard library nor of this module", "Modules of others are not available to a graded server: use the standard library (sync, context, slices and maps cover most of golang.org/x)."},
	{"internal/", "it is internal to the standard library", "Use the public packages."},
	{"crypto/", "a graded server has no use for it", "crypto/rand, crypto/md5 and crypto/sha256 are there."},
}

// directives maps each compiler directive that submitted code may not use to
// the reason. Only those in harmless pass; one that is in neither is refused too.
var directives = map[string]string{
	"embed":      "a graded server is made of .go files only",
	"linkname":   "it reaches into packages that are not yours",
	"wasmimport": "the calls into the grader belong to the kit",
	"wasmexport": "the calls from the grader belong to the kit",
	"debug":      "the settings of the Go runtime follow from the go line of go.mod",
	"nosplit":    "it switches off the check for stack overflow",
	"noescape":   "it is for assembly",
}

var harmless = set("build generate noinline norace nocheckptr fix")

// sources holds the endings of files that go would hand to another compiler.
var sources = map[string]string{
	".s": "assembly", ".S": "assembly", ".sx": "assembly",
	".c": "C", ".m": "Objective-C", ".cc": "C++", ".cpp": "C++", ".cxx": "C++",
	".f": "Fortran", ".F": "Fortran", ".for": "Fortran", ".f90": "Fortran",
	".swig": "SWIG", ".swigcxx": "SWIG", ".syso": "object code",
}

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(words) {
		m[w] = true
	}
	return m
}
