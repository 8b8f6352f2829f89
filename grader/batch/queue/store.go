package queue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/raftlab/raftlab/grader/batch"
)

// Names of what lies in the queue; see the package's documentation.
const (
	workStream   = "RAFTLAB_WORK"
	workSubjects = "raftlab.work"
	doneSubjects = "raftlab.done"
	pingSubject  = "raftlab.ping"
	inputBucket  = "RAFTLAB_inputs"
	resultBucket = "RAFTLAB_results"

	// kept is how long the queue keeps what nobody collects.
	kept = 30 * 24 * time.Hour
	// maxObject bounds what is read of an object.
	maxObject = 256 << 20
	// perSubjectFull is the server's code for a subject that has its message.
	perSubjectFull = 10077
)

// setUp makes the stream and the buckets where they are missing. One that is
// there is taken as it is, if it does: an operator may want more replicas.
func (q *link) setUp(ctx context.Context) (work jetstream.Stream, inputs, results jetstream.ObjectStore, err error) {
	fail := func(err error) (jetstream.Stream, jetstream.ObjectStore, jetstream.ObjectStore, error) {
		return nil, nil, nil, err
	}
	if _, err := q.js.AccountInfo(ctx); err != nil {
		return fail(err)
	}
	if work, err = q.js.Stream(ctx, workStream); errors.Is(err, jetstream.ErrStreamNotFound) {
		work, err = q.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: workStream, Description: "raftlab: gradings to be done", Subjects: []string{workSubjects + ".*.*"},
			Retention: jetstream.WorkQueuePolicy, MaxAge: kept,
			// A subject is a grading: it takes no second message.
			MaxMsgsPerSubject: 1, Discard: jetstream.DiscardNew, DiscardNewPerSubject: true,
		})
	}
	if err != nil {
		return fail(err)
	}
	if c := work.CachedInfo().Config; c.Retention != jetstream.WorkQueuePolicy || c.MaxMsgsPerSubject != 1 || !c.DiscardNewPerSubject {
		return fail(&Error{Kind: Unfit, Server: q.server, Err: fmt.Errorf("expected the stream %s with work queue retention and at most one message for each subject, of which the older stays", workStream)})
	}
	bucket := func(name, description string) (b jetstream.ObjectStore, err error) {
		if b, err = q.js.ObjectStore(ctx, name); errors.Is(err, jetstream.ErrBucketNotFound) {
			b, err = q.js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: name, Description: description, TTL: kept})
		}
		return b, err
	}
	if inputs, err = bucket(inputBucket, "raftlab: submissions and labs"); err != nil {
		return fail(err)
	}
	if results, err = bucket(resultBucket, "raftlab: results"); err != nil {
		return fail(err)
	}
	return work, inputs, results, nil
}

// put stores an object, whole or not at all, unless one of that name is there
// and may stay.
func (q *link) put(ctx context.Context, b jetstream.ObjectStore, name string, data []byte, keep bool) error {
	return q.retryFor(ctx, objectTime, func(ctx context.Context) error {
		if keep {
			if _, err := b.GetInfo(ctx, name); err == nil || !errors.Is(err, jetstream.ErrObjectNotFound) {
				return err
			}
		}
		_, err := b.PutBytes(ctx, name, data)
		return err
	})
}

// get reads an object; nil if it is not there.
func (q *link) get(ctx context.Context, b jetstream.ObjectStore, name string) ([]byte, error) {
	var data []byte
	each := answerTime
	err := q.retryFor(ctx, objectTime, func(ctx context.Context) error {
		// An object that is removed while it is being read never ends: look again
		// soon whether it is there. One that is large has longer each time.
		ctx, cancel := context.WithTimeout(ctx, each)
		defer cancel()
		each = min(2*each, objectTime)
		info, err := b.GetInfo(ctx, name)
		if err == nil && info.Size > maxObject {
			return fmt.Errorf("%s in the queue has %d bytes; the limit is %d", name, info.Size, maxObject)
		}
		if err == nil {
			data, err = b.GetBytes(ctx, name)
		}
		if errors.Is(err, jetstream.ErrObjectNotFound) {
			data, err = nil, nil
		}
		return err
	})
	return data, err
}

// remove drops an object, if it is there.
func (q *link) remove(ctx context.Context, b jetstream.ObjectStore, name string) error {
	return q.retry(ctx, func(ctx context.Context) error {
		if err := b.Delete(ctx, name); !errors.Is(err, jetstream.ErrObjectNotFound) {
			return err
		}
		return nil
	})
}

// result reads the result of a key. Nil without an error: there is none, or
// what is there cannot be read and was removed.
func (q *link) result(ctx context.Context, key string) (*batch.Reply, *batch.Record, error) {
	b, err := q.get(ctx, q.results, key)
	if b == nil || err != nil {
		return nil, nil, err
	}
	var r batch.Reply
	err = json.Unmarshal(b, &r)
	var rec *batch.Record
	if err == nil {
		rec, err = r.Check(key)
	}
	if err != nil {
		q.tell(Event{Kind: Damaged, Key: key, Err: err})
		return nil, nil, q.remove(ctx, q.results, key)
	}
	return &r, rec, nil
}

// order is the message for one grading.
type order struct {
	Format     int        `json:"format"`
	Key        string     `json:"key"`
	Submission string     `json:"submission"`
	Spec       batch.Spec `json:"spec"`
	Lab        string     `json:"lab,omitempty"` // hash of the lab's files; "": the built-in lab
	Picture    bool       `json:"picture,omitempty"`
}

// orderFormat is the version of an order's JSON form.
const orderFormat = 1

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// orderFor is the message for a job, and what it refers to.
func orderFor(j *batch.Job) (o *order, inputs map[string][]byte) {
	o = &order{Format: orderFormat, Key: j.Key, Submission: j.Submission, Spec: j.Spec, Picture: j.Picture}
	inputs = map[string][]byte{"submission/" + j.Submission: j.Zip}
	if len(j.Lab) > 0 {
		o.Lab = hashOf(j.Lab)
		inputs["lab/"+o.Lab] = j.Lab
	}
	return o, inputs
}

// readOrder reads a message and checks that it names its own key.
func readOrder(b []byte) (*order, error) {
	var o order
	if err := json.Unmarshal(b, &o); err != nil {
		return nil, fmt.Errorf("expected the JSON of an order: %w", err)
	}
	switch {
	case o.Format != orderFormat:
		return nil, fmt.Errorf("expected an order of format %d, found %d", orderFormat, o.Format)
	case o.Key != o.Spec.Key(o.Submission):
		return nil, errors.New("the order's key is not that of its submission and spec")
	}
	return &o, nil
}

// load fetches what an order refers to. Nil without an error: it is no longer
// in the queue.
func (q *link) load(ctx context.Context, o *order) (*batch.Job, error) {
	j := &batch.Job{Key: o.Key, Submission: o.Submission, Spec: o.Spec, Picture: o.Picture}
	var err error
	if j.Zip, err = q.get(ctx, q.inputs, "submission/"+o.Submission); err != nil || j.Zip == nil {
		return nil, err
	}
	if o.Lab != "" {
		if j.Lab, err = q.get(ctx, q.inputs, "lab/"+o.Lab); err != nil || j.Lab == nil {
			return nil, err
		}
		if h := hashOf(j.Lab); h != o.Lab {
			q.tell(Event{Kind: Damaged, Key: o.Key, Err: fmt.Errorf("expected the lab %.12s, found %.12s", o.Lab, h)})
			return nil, q.remove(ctx, q.inputs, "lab/"+o.Lab)
		}
	}
	return j, nil
}

// graderName is the grader and the Go release, for people; graderID for subjects.
func graderName(grader, goRelease string) string { return "grader " + grader + ", " + goRelease }

func graderID(grader, goRelease string) string { return hashOf([]byte(grader + "\n" + goRelease))[:16] }

// waiting lists the subjects of the work stream that match a pattern.
func (q *link) waiting(ctx context.Context, pattern string) (map[string]uint64, error) {
	var info *jetstream.StreamInfo
	err := q.retry(ctx, func(ctx context.Context) (err error) {
		info, err = q.work.Info(ctx, jetstream.WithSubjectFilter(pattern))
		return err
	})
	if err != nil {
		return nil, err
	}
	return info.State.Subjects, nil
}

// presence is a worker's answer to a ping.
type presence struct {
	ID     string `json:"id"`
	Grader string `json:"grader"`
	Go     string `json:"go"`
}

func isFull(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == perSubjectFull
}

// send puts an order into the stream, unless it is there.
func (q *link) send(ctx context.Context, o *order) error {
	b, err := json.Marshal(o)
	if err != nil {
		return err
	}
	m := &nats.Msg{Subject: workSubjects + "." + graderID(o.Spec.Grader, o.Spec.Go) + "." + o.Key, Data: b}
	return q.retry(ctx, func(ctx context.Context) error {
		if _, err := q.js.PublishMsg(ctx, m); err != nil && !isFull(err) {
			return err
		}
		return nil
	})
}
