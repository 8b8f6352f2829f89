package share

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/wasm/cluster/session"
)

// Kind is what a run is told by.
type Kind byte

const (
	// Script: the text by which a live cluster does the run again, after a
	// head that says which run must come of it:
	//
	//	raftlab-run 1
	//	engine E
	//	hash SHA-256, in hex
	//	(the script, see wasm/cluster/session/script.go)
	Script Kind = 'r'
	// Trace: the run's records, see docs/trace.md.
	Trace Kind = 't'
)

// Media types of what is sent and given back. A form of another site cannot send
// them, and a browser shows none of them.
const (
	ScriptType = "application/vnd.raftlab.run"
	TraceType  = "application/vnd.raftlab.trace"
)

// Bounds, in bytes. A run beyond them needs a file, or a link that carries it.
const (
	MaxScript = 256 << 10
	MaxTrace  = 1 << 20
	maxHeader = 64 << 10 // a trace's header, in the form in which it is kept
	maxNodes  = 64
)

const runHead = "raftlab-run 1"

// Run is a run as it is kept: in one form, whatever form it came in.
type Run struct {
	Kind Kind
	Body []byte
}

// ID names the run by its kind and its content: the kind's letter and the first
// 120 bits of the SHA-256 of the body, in URL-safe base64.
func (r Run) ID() string {
	sum := sha256.Sum256(r.Body)
	return string(r.Kind) + base64.RawURLEncoding.EncodeToString(sum[:15])
}

var idForm = regexp.MustCompile(`^[rt][A-Za-z0-9_-]{20}$`)

// Type is the media type with which the run is given back.
func (k Kind) Type() string {
	if k == Trace {
		return TraceType
	}
	return ScriptType
}

// Decode reads a run of a media type. The errors say what was expected, what
// was found and where.
func Decode(mediaType string, b []byte) (Run, error) {
	switch mediaType {
	case ScriptType:
		s, err := ParseScript(b)
		if err != nil {
			return Run{}, err
		}
		return Run{Script, []byte(s.String())}, nil
	case TraceType:
		b, err := trace(b)
		return Run{Trace, b}, err
	}
	return Run{}, fmt.Errorf("type %q: expected %s or %s", mediaType, ScriptType, TraceType)
}

// Shared is a run told by its script.
type Shared struct {
	Hash   string // of the run that must come of it
	Script *session.Script
}

var hashForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ParseScript reads a run told by its script. That the hash is the run's shows
// only when it is run.
func ParseScript(b []byte) (*Shared, error) {
	if len(b) > MaxScript {
		return nil, fmt.Errorf("run: %d bytes, expected at most %d", len(b), MaxScript)
	}
	head, rest, _ := strings.Cut(string(b), "\n")
	if head != runHead {
		return nil, fmt.Errorf("run: line 1: expected %q, found %.40q", runHead, head)
	}
	engine, rest, _ := strings.Cut(rest, "\n")
	if engine != "engine "+session.Engine {
		return nil, fmt.Errorf("run: line 2: expected %q, found %.40q: page and Worker must be of one release", "engine "+session.Engine, engine)
	}
	hash, rest, _ := strings.Cut(rest, "\n")
	sum, ok := strings.CutPrefix(hash, "hash ")
	if !ok || !hashForm.MatchString(sum) {
		return nil, fmt.Errorf("run: line 3: expected hash and 64 hex digits, found %.80q", hash)
	}
	script, err := session.ParseScript(rest)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	return &Shared{sum, script}, nil
}

// String gives the one form.
func (s *Shared) String() string {
	return runHead + "\nengine " + session.Engine + "\nhash " + s.Hash + "\n" + s.Script.String()
}

// trace checks a trace and gives it its one form: nothing in its header but the
// fields that readers know.
func trace(b []byte) ([]byte, error) {
	if len(b) > MaxTrace {
		return nil, fmt.Errorf("trace: %d bytes, expected at most %d", len(b), MaxTrace)
	}
	nodes, records := -1, 0
	h, _, err := sim.WalkTrace(b, func(r *sim.Record) error {
		nodes = max(nodes, r.Node, r.Peer)
		records++
		return nil
	})
	if err != nil {
		return nil, err
	}
	switch all := h.Servers + h.Clients; {
	case records == 0:
		return nil, errors.New("trace: it has no records")
	case h.Servers < 1 || h.Clients < 0 || all > maxNodes:
		return nil, fmt.Errorf("trace: header: %d servers and %d clients, expected 1 to %d nodes", h.Servers, h.Clients, maxNodes)
	case nodes >= all:
		return nil, fmt.Errorf("trace: a record is of node %d, the header tells of %d nodes", nodes, all)
	}
	head, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("trace: header: %w", err)
	}
	if len(head) > maxHeader {
		return nil, fmt.Errorf("trace: header: %d bytes, expected at most %d", len(head), maxHeader)
	}
	magic := len("RAFTLAB") + 1
	n, size := binary.Uvarint(b[magic:])
	var out bytes.Buffer
	out.Write(b[:magic])
	out.Write(binary.AppendUvarint(nil, uint64(len(head))))
	out.Write(head)
	out.Write(b[magic+size+int(n):])
	if out.Len() > MaxTrace {
		return nil, fmt.Errorf("trace: %d bytes, expected at most %d", out.Len(), MaxTrace)
	}
	return out.Bytes(), nil
}
