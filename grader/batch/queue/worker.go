package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/raftlab/raftlab/grader/batch"
)

// Worker grades what a queue holds.
type Worker struct {
	Options
	Command   []string // the program, with arguments, whose process calls batch.Serve
	GoCache   string   // the compiled standard library; "" uses Go's own build cache
	GoRelease string   // that batch.Prepare found
	Slots     int      // gradings side by side
	// AckWait is how long a worker may be silent before its grading goes to
	// another; 0 is DefaultAckWait. All workers of a queue should agree on it.
	AckWait time.Duration
	// Idle is how long to wait for work before the worker ends; 0: for ever.
	Idle time.Duration
}

// DefaultAckWait is three of a worker's signs of life.
const DefaultAckWait = 30 * time.Second

// MaxTries is how many workers may be lost over one grading before it is given
// up. A server that restarts, or a worker that is told to stop, counts as well,
// so this is no verdict on the submission.
const MaxTries = 5

// working is one Work of a Worker.
type working struct {
	*link
	w        *Worker
	id       string
	grader   string // graderID of this worker
	consumer jetstream.Consumer

	busy     atomic.Int32
	did      atomic.Int64 // gradings
	lastWork atomic.Int64 // when there was work, in ns
}

// Work takes gradings from the queue until ctx ends, or there was no work for
// Idle. What it has begun when ctx ends goes to another worker at once.
func (w *Worker) Work(ctx context.Context) error {
	q, err := connect(ctx, w.Options)
	if err != nil {
		return err
	}
	defer q.nc.Close()
	if w.AckWait <= 0 {
		w.AckWait = DefaultAckWait
	}
	k := &working{link: q, w: w, id: nats.NewInbox(), grader: graderID(batch.Version(), w.GoRelease)}
	k.lastWork.Store(time.Now().UnixNano())
	err = q.retry(ctx, func(ctx context.Context) (err error) {
		k.consumer, err = k.subscribe(ctx)
		return err
	})
	if err != nil {
		return err
	}
	hello, err := json.Marshal(presence{k.id, batch.Version(), w.GoRelease})
	if err != nil {
		return err
	}
	if _, err := q.nc.Subscribe(pingSubject, func(m *nats.Msg) { m.Respond(hello) }); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	for range max(1, w.Slots) {
		wg.Go(func() {
			if err := k.slot(ctx); err != nil {
				cancel(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); !errors.Is(err, errIdle) {
		return err
	}
	return nil
}

// subscribe makes the consumer that all workers of one grader share.
func (k *working) subscribe(ctx context.Context) (jetstream.Consumer, error) {
	return k.js.CreateOrUpdateConsumer(ctx, workStream, jetstream.ConsumerConfig{
		Durable: "grader-" + k.grader, Description: graderName(batch.Version(), k.w.GoRelease),
		FilterSubject: workSubjects + "." + k.grader + ".*", AckPolicy: jetstream.AckExplicitPolicy, AckWait: k.w.AckWait,
		// The server is to deliver without end: a message that it gave up would
		// stay in the stream in silence. A worker gives up, with a result.
		MaxDeliver: -1, MaxAckPending: -1, InactiveThreshold: kept,
	})
}

var errIdle = errors.New("no work for as long as was asked for")

// fetchTime is how long a slot waits for work before it looks around.
const fetchTime = 2 * time.Second

// slot does one grading after the other.
func (k *working) slot(ctx context.Context) error {
	failures := 0
	for ctx.Err() == nil {
		m, err := k.next(ctx)
		if err != nil {
			return err
		}
		if m == nil {
			if err := k.lookAround(ctx); err != nil {
				return err
			}
			continue
		}
		k.busy.Add(1)
		ok, err := k.handle(ctx, m)
		k.busy.Add(-1)
		k.lastWork.Store(time.Now().UnixNano())
		if err != nil {
			return err
		}
		// A machine on which nothing works leaves the work to others.
		if failures++; ok {
			failures = 0
		} else {
			sleep(ctx, min(time.Duration(failures)*2*time.Second, time.Minute))
		}
	}
	return context.Cause(ctx)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// next waits a while for a message; nil if none came.
func (k *working) next(ctx context.Context) (jetstream.Msg, error) {
	var m jetstream.Msg
	err := k.retryFor(ctx, fetchTime+answerTime, func(ctx context.Context) error {
		some, err := k.consumer.Fetch(1, jetstream.FetchMaxWait(fetchTime))
		if err == nil {
			for m = range some.Messages() {
			}
			err = some.Error()
		}
		if m != nil || err == nil && k.nc.IsConnected() {
			return nil
		}
		if err == nil {
			return nats.ErrDisconnected
		}
		if _, again := k.subscribe(ctx); again == nil && !errors.Is(err, nats.ErrTimeout) {
			return nats.ErrTimeout // the server had lost the consumer
		}
		return err
	})
	return m, err
}

// lookAround is what a slot without work does: it ends the worker when there
// was none for long, or when all there is is for another grader.
func (k *working) lookAround(ctx context.Context) error {
	if k.busy.Load() > 0 {
		return nil
	}
	if k.w.Idle > 0 && time.Since(time.Unix(0, k.lastWork.Load())) > k.w.Idle {
		return errIdle
	}
	if k.did.Load() > 0 {
		return nil
	}
	waiting, err := k.waiting(ctx, workSubjects+".*.*")
	if err != nil {
		return err
	}
	for subject := range waiting {
		if len(subject) > len(workSubjects)+len(k.grader) && subject[len(workSubjects)+1:][:len(k.grader)] == k.grader {
			return nil
		}
	}
	for subject := range waiting {
		var m *jetstream.RawStreamMsg
		err := k.retry(ctx, func(ctx context.Context) (err error) {
			if m, err = k.work.GetLastMsgForSubject(ctx, subject); errors.Is(err, jetstream.ErrMsgNotFound) {
				m, err = nil, nil // another has just done it
			}
			return err
		})
		if err != nil {
			return err
		}
		if m == nil {
			continue
		}
		if o, err := readOrder(m.Data); err == nil {
			return &Error{Kind: OtherGrader, Server: k.server, Ours: graderName(batch.Version(), k.w.GoRelease), Theirs: graderName(o.Spec.Grader, o.Spec.Go)}
		}
	}
	return nil
}

// handle does what a message asks for. ok is false if this machine failed.
func (k *working) handle(ctx context.Context, m jetstream.Msg) (ok bool, err error) {
	meta, err := m.Metadata()
	if err != nil {
		return true, m.Term()
	}
	o, err := readOrder(m.Data())
	if err != nil {
		k.tell(Event{Kind: Damaged, Err: err})
		return true, k.settle(ctx, m) // whoever wants it sends it again
	}
	alive, stop := context.WithCancel(ctx)
	defer stop()
	go k.signal(alive, m)

	_, rec, err := k.result(ctx, o.Key)
	if err != nil {
		return false, err
	}
	if rec != nil && rec.Verdict.Final() {
		return true, k.conclude(ctx, m, o, nil)
	}
	tries := int(meta.NumDelivered)
	k.tell(Event{Kind: Took, Key: o.Key, Tries: tries})
	j := &batch.Job{Key: o.Key, Submission: o.Submission, Spec: o.Spec}
	if tries > MaxTries {
		r := j.GiveUp(fmt.Sprintf("%d workers were lost, or stopped, while they graded it", tries-1),
			"It may be that this submission ends the machines' processes: grade it alone, on a machine that may be lost.")
		return true, k.conclude(ctx, m, o, r)
	}
	if j, err = k.load(ctx, o); err != nil {
		return false, err
	}
	if j == nil { // the queue has lost the submission: whoever wants it sends it again
		return true, k.settle(ctx, m)
	}
	j.CacheDir = k.w.GoCache
	r, err := batch.Attempt(ctx, k.w.Command, j)
	if err != nil {
		m.Nak() // at once; if it is lost, the silence says the same
		k.nc.FlushTimeout(time.Second)
		return false, err
	}
	rec, err = r.Check(o.Key)
	if err != nil {
		return false, err
	}
	k.did.Add(1)
	if !rec.Verdict.Final() && tries < MaxTries {
		// The machine's failure, not the submission's: another may do better.
		k.tell(Event{Kind: Finished, Key: o.Key, Verdict: string(rec.Verdict), Err: errors.New(rec.Reason)})
		return false, k.retry(ctx, func(context.Context) error { return m.NakWithDelay(2 * time.Second) })
	}
	k.tell(Event{Kind: Finished, Key: o.Key, Verdict: string(rec.Verdict)})
	return rec.Verdict.Final(), k.conclude(ctx, m, o, r)
}

// signal tells the server that a grading goes on.
func (k *working) signal(ctx context.Context, m jetstream.Msg) {
	t := time.NewTicker(k.w.AckWait / 3)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			m.InProgress() // one that is lost is followed by another
		}
	}
}

// conclude stores a result, if there is one to store, tells of it and ends the message.
func (k *working) conclude(ctx context.Context, m jetstream.Msg, o *order, r *batch.Reply) error {
	if r != nil {
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := k.put(ctx, k.results, o.Key, b, false); err != nil {
			return err
		}
	}
	k.nc.Publish(doneSubjects+"."+k.grader, []byte(o.Key)) // one that is lost is looked for
	return k.settle(ctx, m)
}

// settle takes a message out of the stream. If the server cannot be reached now,
// the message comes again, and whoever gets it finds the result.
func (k *working) settle(ctx context.Context, m jetstream.Msg) error {
	for range 3 {
		one, cancel := context.WithTimeout(ctx, answerTime)
		err := m.DoubleAck(one)
		cancel()
		if err == nil || errors.Is(err, jetstream.ErrMsgAlreadyAckd) {
			break
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}
