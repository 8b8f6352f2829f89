package batch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
)

// Verdict says how the grading of a submission ended. Every submission has one.
type Verdict string

const (
	Graded     Verdict = "graded"         // there is a Result
	Nothing    Verdict = "nothing there"  // no folder or archive, or no Raft in it
	Unreadable Verdict = "unreadable"     // not an archive, or one with forbidden names
	TooBig     Verdict = "too big"        // more files or bytes than a submission may have
	Refused    Verdict = "refused"        // the code breaks a rule for submitted code
	NoBuild    Verdict = "does not build" // it does not compile, or is not the lab's server
	SlowBuild  Verdict = "slow build"     // the compiler ran out of time
	TooSlow    Verdict = "too slow"       // the grading ran out of the time it may take
	OutOfSpace Verdict = "out of memory"  // the grading needed more memory than it may have
	Crashed    Verdict = "crashed"        // the grading's process died, more than once
	// Ungraded is the grader's or the machine's own failure: it is tried again
	// when the batch is run again, and nobody's points depend on it.
	Ungraded Verdict = "not graded"
)

// Final reports whether the verdict stands when the batch is run again.
func (v Verdict) Final() bool { return v != Ungraded }

// RecordFormat is the version of the Record's JSON form.
const RecordFormat = 1

// Record is what is kept of one grading. Its bytes follow from the submission
// and the Spec alone, whoever graded it where, except for verdicts that a limit
// on time or memory has caused.
type Record struct {
	Format     int             `json:"format"`
	Key        string          `json:"key"`
	Submission string          `json:"submission"` // its Hash
	Spec       Spec            `json:"spec"`
	Verdict    Verdict         `json:"verdict"`
	Reason     string          `json:"reason,omitempty"`
	Advice     string          `json:"advice,omitempty"`
	Problems   []build.Problem `json:"problems,omitempty"`
	More       int             `json:"more,omitempty"` // problems beyond those
	Result     *grader.Result  `json:"result,omitempty"`
}

// Spec is everything beside the submission that decides a verdict.
type Spec struct {
	Grader string   `json:"grader"`  // its version
	Go     string   `json:"go"`      // the Go release that compiles
	Lab    string   `json:"lab"`     // its name
	Hash   string   `json:"labHash"` // SHA-256 of its tests
	Parts  []string `json:"parts,omitempty"`
	// Profile is the lab that the folders hold, "" if each is to be recognised.
	Profile string `json:"profile,omitempty"`
	// Raft is CoreRaft if services stand on it; "": on the folder's.
	Raft   grader.Raft `json:"raft,omitempty"`
	Seed   uint64      `json:"seed"`
	Seeds  int         `json:"seeds"` // runs of each test; 0: each test's own number
	Limits Limits      `json:"limits"`
}

// Limits bound what one submission may cost.
type Limits struct {
	Work   int64 `json:"work"`   // loops in all runs: deterministic, the limit that is meant to be met
	CPU    int   `json:"cpu"`    // seconds of processor time of the grading, as a last resort
	Time   int   `json:"time"`   // seconds of wall time, as a last resort
	Memory int64 `json:"memory"` // bytes of each process
}

// DefaultLimits are about fifteen times what a correct server needs.
func DefaultLimits() Limits {
	return Limits{Work: 3_000_000_000, CPU: 300, Time: 1800, Memory: 2 << 30}
}

// build is the part of the limits that compiling may use: a tenth of the
// processor time for each compiler. The wall time is long, since the machine may
// be busy with others.
func (l Limits) build() build.Limits {
	cpu := max(time.Duration(l.CPU)*time.Second/10, time.Second)
	return build.Limits{CPU: cpu, Time: max(20*cpu, time.Minute), Memory: l.Memory}
}

// Key identifies a grading: SHA-256 over the submission and the Spec, in hex.
func (s *Spec) Key(submission string) string {
	b, err := json.Marshal(struct {
		Submission string
		Spec       *Spec
	}{submission, s})
	if err != nil {
		panic(err) // a Spec can always be encoded
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// newRecord begins the record of a submission.
func newRecord(spec *Spec, submission string) *Record {
	return &Record{Format: RecordFormat, Key: spec.Key(submission), Submission: submission, Spec: *spec}
}

// unfitHash stands for the hash of a submission that could not be taken in.
func unfitHash(u *Unfit) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "raftlab unfit 1\n%s\n%s", u.Verdict, u.Reason))
	return hex.EncodeToString(sum[:])
}

func (r *Record) unfit(u *Unfit) *Record {
	r.Verdict, r.Reason, r.Advice = u.Verdict, u.Reason, u.Advice
	return r
}

// conclude takes in what grader.Grade returned.
func (r *Record) conclude(res *grader.Result, err error) *Record {
	var be *build.Error
	switch {
	case err == nil:
		res.Timing = grader.Timing{} // wall time is no part of a record
		r.Verdict, r.Result = Graded, res
	case errors.As(err, &be):
		r.Verdict = map[build.Kind]Verdict{
			build.Usage: Nothing, build.Refused: Refused, build.Compile: NoBuild, build.TooSlow: SlowBuild,
		}[be.Kind]
		if r.Verdict == "" {
			r.Verdict = Ungraded
		}
		r.Problems, r.More = be.Problems, be.More
		r.Reason, r.Advice = be.Problems[0].Reason, be.Problems[0].Advice
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		r.Verdict, r.Reason = Ungraded, "the grading was broken off"
	default:
		r.Verdict, r.Reason = Ungraded, err.Error()
	}
	return r
}

// JSON is the record as it is kept.
func (r *Record) JSON() []byte {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // a Record holds nothing that cannot be encoded
	}
	return append(b, '\n')
}

// maxRecord bounds the bytes of a record that is read.
const maxRecord = 64 << 20

// ParseRecord reads a record and checks that it is whole and consistent: it
// carries the key of its own submission and Spec.
func ParseRecord(b []byte) (*Record, error) {
	if len(b) > maxRecord {
		return nil, fmt.Errorf("expected a record of at most %d bytes, found %d", maxRecord, len(b))
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("expected the JSON of a record: %w", err)
	}
	switch {
	case r.Format != RecordFormat:
		return nil, fmt.Errorf("expected a record of format %d, found %d", RecordFormat, r.Format)
	case r.Key != r.Spec.Key(r.Submission):
		return nil, errors.New("the record's key is not that of its submission and spec: it was altered, or is another grader's")
	case r.Verdict == "" || (r.Verdict == Graded) != (r.Result != nil):
		return nil, fmt.Errorf("a record with the verdict %q must have a result just if it is graded", r.Verdict)
	}
	return &r, nil
}
