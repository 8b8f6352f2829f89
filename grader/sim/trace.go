package sim

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
)

// The trace format, version 1. Integers are unsigned LEB128 ("uvarint"); s(x)
// is a signed x in zigzag form; bytes and strings carry their length first.
//
//	"RAFTLAB" 0x01
//	uvarint n, n bytes: the Header as JSON
//	records, each:
//	    byte kind (not 0)
//	    uvarint ns since the record before
//	    uvarint mask of the fields that follow, in this order:
//	        1 flag (no bytes)   2 node+1   4 peer+1   8 id    16 call
//	       32 index            64 term   128 name   256 data 512 more
//	     1024 status: term, role, full; if full: s(vote), s(lead), commit,
//	          applied, first, last, s(deadline)
//	     2048 entries: count, then term and data of each
//	byte 0, 32 bytes: SHA-256 of the records' bytes
//
// The hash covers the records alone, so that it identifies what happened and
// not what the run was called.

const (
	traceMagic = "RAFTLAB\x01"
	// MaxTrace bounds the size in bytes of a trace that ReadTrace accepts.
	MaxTrace = 256 << 20
)

// Header says what run a trace is of. Unknown fields are ignored by readers.
type Header struct {
	Engine  string            `json:"engine"`           // version of raftlab that wrote it
	Lab     string            `json:"lab,omitempty"`    // name of the lab or lesson
	Test    string            `json:"test,omitempty"`   // name of the test or scenario
	Seed    uint64            `json:"seed"`             // seed of the world
	Servers int               `json:"servers"`          // nodes 0..Servers-1 are servers
	Clients int               `json:"clients"`          // the nodes after them are clients
	Module  string            `json:"module,omitempty"` // SHA-256 of the student's module
	Go      string            `json:"go,omitempty"`     // Go release that built it
	Extra   map[string]string `json:"extra,omitempty"`
	Types   json.RawMessage   `json:"types,omitempty"` // the module's RPC and disk types, see docs/trace.md
}

// Hash identifies a run: the SHA-256 of its records.
type Hash [32]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Recorder is a Watcher that hashes the records and, if Keep was asked for,
// keeps their bytes so that the run can be written to a trace file.
type Recorder struct {
	last Time
	n    uint64
	sum  hash.Hash
	buf  []byte
	kept []byte
	keep bool
}

// NewRecorder returns a Recorder; keep says whether WriteTo will be needed.
func NewRecorder(keep bool) *Recorder {
	return &Recorder{sum: sha256.New(), keep: keep}
}

// Watch takes a record in.
func (r *Recorder) Watch(rec *Record) {
	r.n++
	r.buf = appendRecord(r.buf, rec, r.last)
	r.last = rec.T
	if len(r.buf) >= 1<<14 {
		r.flush()
	}
}

func (r *Recorder) flush() {
	r.sum.Write(r.buf)
	if r.keep {
		r.kept = append(r.kept, r.buf...)
	}
	r.buf = r.buf[:0]
}

// Records says how many records were taken in.
func (r *Recorder) Records() uint64 { return r.n }

// Kept returns the bytes of the records so far as a trace has them, without its
// head and its end. They are the Recorder's own.
func (r *Recorder) Kept() []byte {
	r.flush()
	return r.kept
}

// Hash returns the hash of the records so far.
func (r *Recorder) Hash() Hash {
	r.flush()
	var h Hash
	r.sum.Sum(h[:0])
	return h
}

// WriteTrace writes the trace file. It fails if the Recorder was not told to keep.
func (r *Recorder) WriteTrace(w io.Writer, h Header) error {
	if !r.keep {
		return errors.New("sim: this Recorder keeps no records")
	}
	sum := r.Hash()
	head, err := json.Marshal(h)
	if err != nil {
		return err
	}
	b := append([]byte(traceMagic), binary.AppendUvarint(nil, uint64(len(head)))...)
	b = append(b, head...)
	for _, part := range [][]byte{b, r.kept, {0}, sum[:]} {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

const (
	fFlag = 1 << iota
	fNode
	fPeer
	fID
	fCall
	fIndex
	fTerm
	fName
	fData
	fMore
	fStatus
	fEntries
	fEnd
)

func zigzag(v int64) uint64   { return uint64(v)<<1 ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func appendRecord(b []byte, r *Record, last Time) []byte {
	mask := uint64(0)
	set := func(bit uint64, on bool) {
		if on {
			mask |= bit
		}
	}
	set(fFlag, r.Flag)
	set(fNode, r.Node >= 0)
	set(fPeer, r.Peer >= 0)
	set(fID, r.ID != 0)
	set(fCall, r.Call != 0)
	set(fIndex, r.Index != 0)
	set(fTerm, r.Term != 0)
	set(fName, r.Name != "")
	set(fData, len(r.Data) > 0)
	set(fMore, len(r.More) > 0)
	set(fStatus, r.Status != nil)
	set(fEntries, len(r.Entries) > 0)
	b = append(b, byte(r.Kind))
	b = binary.AppendUvarint(b, uint64(r.T-last))
	b = binary.AppendUvarint(b, mask)
	num := func(bit uint64, v uint64) {
		if mask&bit != 0 {
			b = binary.AppendUvarint(b, v)
		}
	}
	num(fNode, uint64(r.Node+1))
	num(fPeer, uint64(r.Peer+1))
	num(fID, r.ID)
	num(fCall, r.Call)
	num(fIndex, r.Index)
	num(fTerm, r.Term)
	if mask&fName != 0 {
		b = binary.AppendUvarint(b, uint64(len(r.Name)))
		b = append(b, r.Name...)
	}
	if mask&fData != 0 {
		b = appendBytes(b, r.Data)
	}
	if mask&fMore != 0 {
		b = appendBytes(b, r.More)
	}
	if s := r.Status; s != nil {
		full := uint64(0)
		if s.Full {
			full = 1
		}
		b = binary.AppendUvarint(b, s.Term)
		b = binary.AppendUvarint(b, uint64(s.Role))
		b = binary.AppendUvarint(b, full)
		if s.Full {
			b = binary.AppendUvarint(b, zigzag(int64(s.Vote)))
			b = binary.AppendUvarint(b, zigzag(int64(s.Lead)))
			b = binary.AppendUvarint(b, s.Commit)
			b = binary.AppendUvarint(b, s.Applied)
			b = binary.AppendUvarint(b, s.First)
			b = binary.AppendUvarint(b, s.Last)
			b = binary.AppendUvarint(b, zigzag(int64(s.Deadline)))
		}
	}
	if mask&fEntries != 0 {
		b = binary.AppendUvarint(b, uint64(len(r.Entries)))
		for _, e := range r.Entries {
			b = binary.AppendUvarint(b, e.Term)
			b = appendBytes(b, e.Data)
		}
	}
	return b
}

func appendBytes(b, p []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(p))), p...)
}

// Trace is a run read back.
type Trace struct {
	Header  Header
	Records []Record
	Hash    Hash
}

// ReadTrace reads a trace file. It refuses one that is damaged, cut short, too
// big or of another version, saying where and why, and never panics.
func ReadTrace(r io.Reader) (*Trace, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxTrace+1))
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	if len(b) > MaxTrace {
		return nil, fmt.Errorf("trace: larger than %d MiB", MaxTrace>>20)
	}
	return DecodeTrace(b)
}

// DecodeTrace is ReadTrace on bytes in memory; the result shares them.
func DecodeTrace(b []byte) (*Trace, error) {
	t := &Trace{}
	var err error
	t.Header, t.Hash, err = WalkTrace(b, func(r *Record) error {
		t.Records = append(t.Records, *r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

// WalkTrace is DecodeTrace for whoever needs not keep the records: it hands them
// to visit one by one, so that a small file cannot ask for much memory. It ends
// at visit's first error and returns it with the record's number. Only when it
// returns is it known that the file is whole.
func WalkTrace(b []byte, visit func(*Record) error) (Header, Hash, error) {
	var h Header
	var sum Hash
	fail := func(format string, args ...any) (Header, Hash, error) {
		return Header{}, Hash{}, fmt.Errorf("trace: "+format, args...)
	}
	if len(b) < len(traceMagic) || !bytes.Equal(b[:len(traceMagic)-1], []byte(traceMagic)[:len(traceMagic)-1]) {
		return fail("not a raftlab trace (it does not begin with RAFTLAB)")
	}
	if v := b[len(traceMagic)-1]; v != traceMagic[len(traceMagic)-1] {
		return fail("format version %d, this program reads version 1: use the raftlab release that wrote it, or a newer one", v)
	}
	d := decoder{b: b, p: len(traceMagic)}
	head := d.bytes()
	if d.err == nil {
		if err := json.Unmarshal(head, &h); err != nil {
			return fail("header: %v", err)
		}
	}
	start := d.p
	var last Time
	for n := 0; d.err == nil; n++ {
		at := d.p
		kind := d.byte()
		if kind == 0 {
			break
		}
		rec := d.record(RecordKind(kind), last)
		if d.err == nil {
			d.fail(visit(&rec))
		}
		if d.err != nil {
			return fail("record %d at byte %d: %w", n, at, d.err)
		}
		last = rec.T
	}
	if d.err != nil {
		return fail("byte %d: %w", d.p, d.err)
	}
	end := d.p - 1
	if len(b)-d.p != len(sum) {
		return fail("byte %d: expected a hash of %d bytes at the end, found %d bytes", d.p, len(sum), len(b)-d.p)
	}
	copy(sum[:], b[d.p:])
	if found := sha256.Sum256(b[start:end]); found != sum {
		return fail("damaged: the records' hash is %x, the file says %s", found[:6], sum.String()[:12])
	}
	return h, sum, nil
}

type decoder struct {
	b   []byte
	p   int
	err error
}

var errShort = errors.New("cut short")

func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

func (d *decoder) byte() byte {
	if d.err != nil || d.p >= len(d.b) {
		d.fail(errShort)
		return 0
	}
	d.p++
	return d.b[d.p-1]
}

func (d *decoder) num() uint64 {
	if d.err != nil {
		return 0
	}
	v, n := binary.Uvarint(d.b[d.p:])
	if n <= 0 {
		d.fail(errShort)
		return 0
	}
	d.p += n
	return v
}

// small reads a number that must fit an int of 31 bits.
func (d *decoder) small() int {
	v := d.num()
	if v > 1<<31-1 {
		d.fail(fmt.Errorf("number %d out of range", v))
		return 0
	}
	return int(v)
}

func (d *decoder) bytes() []byte {
	n := d.num()
	if d.err != nil {
		return nil
	}
	if n > uint64(len(d.b)-d.p) {
		d.fail(errShort)
		return nil
	}
	s := d.b[d.p : d.p+int(n) : d.p+int(n)]
	d.p += int(n)
	return s
}

func (d *decoder) record(kind RecordKind, last Time) Record {
	r := Record{Kind: kind, Node: -1, Peer: -1}
	dt := d.num()
	if dt > uint64(Never-last) {
		d.fail(errors.New("time out of range"))
	}
	r.T = last + Time(dt)
	mask := d.num()
	if mask >= fEnd {
		d.fail(fmt.Errorf("unknown fields %#x", mask))
	}
	if d.err != nil {
		return r
	}
	r.Flag = mask&fFlag != 0
	num := func(bit uint64) uint64 {
		if mask&bit == 0 {
			return 0
		}
		return d.num()
	}
	if mask&fNode != 0 {
		r.Node = d.small() - 1
	}
	if mask&fPeer != 0 {
		r.Peer = d.small() - 1
	}
	r.ID, r.Call, r.Index, r.Term = num(fID), num(fCall), num(fIndex), num(fTerm)
	if mask&fName != 0 {
		r.Name = string(d.bytes())
	}
	if mask&fData != 0 {
		r.Data = d.bytes()
	}
	if mask&fMore != 0 {
		r.More = d.bytes()
	}
	if mask&fStatus != 0 {
		s := &Status{Term: d.num(), Role: Role(d.small()), Full: d.num() != 0}
		if s.Full {
			s.Vote, s.Lead = int(unzigzag(d.num())), int(unzigzag(d.num()))
			s.Commit, s.Applied, s.First, s.Last = d.num(), d.num(), d.num(), d.num()
			s.Deadline = Time(unzigzag(d.num()))
		}
		r.Status = s
	}
	if mask&fEntries != 0 {
		n := d.num()
		if n > uint64(len(d.b)-d.p) {
			d.fail(errShort)
		}
		for i := uint64(0); i < n && d.err == nil; i++ {
			r.Entries = append(r.Entries, LogEntry{Term: d.num(), Data: d.bytes()})
		}
	}
	return r
}
