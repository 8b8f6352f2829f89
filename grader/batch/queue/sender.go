package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/raftlab/raftlab/grader/batch"
)

// Sender has a batch's gradings done by the workers of a queue.
type Sender struct{ Options }

// Intervals of a sender: how often it asks who works, and how often it looks
// for results whose announcement was lost and for work that the queue has lost.
const (
	askEvery  = 2 * time.Second
	lookEvery = 5 * time.Second
	// damagedMost is how often a result may be unreadable before that is the result.
	damagedMost = 3
)

// sending is one Grade of a Sender.
type sending struct {
	*link
	pending map[string]*order
	job     func(string) (*batch.Job, error)
	done    func(string, *batch.Reply) error
	grader  string // graderID of this batch
	name    string

	seen       map[string]presence
	lastSeen   map[string]time.Time
	lastSign   time.Time // of life: a fitting worker's answer, or a result
	told       Event
	unreadable map[string]int
}

// Grade sends what is to be graded and returns when the results of all keys
// have been handed to done. It gives up when the queue, or every fitting worker,
// was gone for longer than the patience; what it has sent stays in the queue.
func (s *Sender) Grade(ctx context.Context, keys []string, job func(string) (*batch.Job, error), done func(string, *batch.Reply) error) error {
	if len(keys) == 0 {
		return nil
	}
	q, err := connect(ctx, s.Options)
	if err != nil {
		return err
	}
	defer q.nc.Close()
	g := &sending{
		link: q, job: job, done: done, pending: make(map[string]*order, len(keys)),
		seen: make(map[string]presence), lastSeen: make(map[string]time.Time), unreadable: make(map[string]int), lastSign: time.Now(),
	}
	for _, key := range keys {
		g.pending[key] = nil
	}
	j, err := job(keys[0])
	if err != nil {
		return err
	}
	g.grader, g.name = graderID(j.Spec.Grader, j.Spec.Go), graderName(j.Spec.Grader, j.Spec.Go)
	return g.run(ctx, keys)
}

func (g *sending) run(ctx context.Context, keys []string) error {
	finished := make(chan *nats.Msg, 1024)
	answers := make(chan *nats.Msg, 1024)
	inbox := nats.NewInbox()
	// Both survive a reconnection. What is lost meanwhile, look finds.
	for subject, to := range map[string]chan *nats.Msg{doneSubjects + "." + g.grader: finished, inbox: answers} {
		if _, err := g.nc.ChanSubscribe(subject, to); err != nil {
			return err
		}
	}
	// A verdict that does not stand is not taken from a batch before this one.
	for _, key := range keys {
		r, rec, err := g.result(ctx, key)
		switch {
		case err != nil:
			return err
		case r == nil:
		case rec.Verdict.Final():
			if err := g.take(key, r); err != nil {
				return err
			}
		default:
			if err := g.remove(ctx, g.results, key); err != nil {
				return err
			}
		}
	}
	if err := g.look(ctx, false); err != nil {
		return err
	}
	g.lastSign = time.Now() // sending may have taken long
	ask, look := time.NewTicker(askEvery), time.NewTicker(lookEvery)
	defer ask.Stop()
	defer look.Stop()
	g.ask(inbox)
	for len(g.pending) > 0 {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m := <-finished:
			if err := g.fetch(ctx, string(m.Data)); err != nil {
				return err
			}
		case m := <-answers:
			var p presence
			if json.Unmarshal(m.Data, &p) == nil && p.ID != "" {
				g.seen[p.ID], g.lastSeen[p.ID] = p, time.Now()
			}
		case <-ask.C:
			g.ask(inbox)
			if err := g.crew(); err != nil {
				return err
			}
		case <-look.C:
			if err := g.look(ctx, true); err != nil {
				return err
			}
		}
	}
	return nil
}

// take hands a result on.
func (g *sending) take(key string, r *batch.Reply) error {
	delete(g.pending, key)
	g.lastSign = time.Now()
	return g.done(key, r)
}

// fetch takes the result of a key, if it is wanted and there.
func (g *sending) fetch(ctx context.Context, key string) error {
	if _, wanted := g.pending[key]; !wanted {
		return nil
	}
	b, err := g.get(ctx, g.results, key)
	if err != nil || b == nil {
		return err
	}
	var r batch.Reply
	if err = json.Unmarshal(b, &r); err == nil {
		_, err = r.Check(key)
	}
	if err == nil {
		return g.take(key, &r)
	}
	g.tell(Event{Kind: Damaged, Key: key, Err: err})
	if g.unreadable[key]++; g.unreadable[key] < damagedMost {
		return g.remove(ctx, g.results, key) // look sends it again
	}
	j, jobErr := g.job(key)
	if jobErr != nil {
		return jobErr
	}
	return g.take(key, j.GiveUp(fmt.Sprintf("the queue's result could not be read %d times: %v", damagedMost, err), "Check who may write to the queue, and run the batch again."))
}

// look compares what is wanted with what the queue has: it takes results whose
// announcement was lost, and sends what is neither there nor done.
func (g *sending) look(ctx context.Context, results bool) error {
	// First the work, then the results: a worker stores the result before the
	// work leaves the stream, so what is in neither is lost.
	waiting, err := g.waiting(ctx, workSubjects+"."+g.grader+".*")
	if err != nil {
		return err
	}
	for key := range g.pending {
		if waiting[workSubjects+"."+g.grader+"."+key] > 0 {
			continue
		}
		if results {
			if err := g.fetch(ctx, key); err != nil {
				return err
			}
			if _, still := g.pending[key]; !still {
				continue
			}
		}
		j, err := g.job(key)
		if err != nil {
			return err
		}
		o, inputs := orderFor(j)
		for name, data := range inputs {
			if err := g.put(ctx, g.inputs, name, data, true); err != nil {
				return err
			}
		}
		if err := g.send(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// ask has every worker answer to the inbox.
func (g *sending) ask(inbox string) {
	g.nc.PublishRequest(pingSubject, inbox, nil) // one that is lost is asked again
}

// crew counts who has answered lately, and gives up when nobody fitting did for
// longer than the patience.
func (g *sending) crew() error {
	e := Event{Kind: Crew}
	for id, p := range g.seen {
		if time.Since(g.lastSeen[id]) > 5*askEvery {
			delete(g.seen, id)
			delete(g.lastSeen, id)
			continue
		}
		if graderID(p.Grader, p.Go) == g.grader {
			g.lastSign = time.Now()
		} else {
			e.Others++
			e.Other = graderName(p.Grader, p.Go)
		}
		e.Workers++
	}
	if e != g.told {
		g.told = e
		g.tell(e)
	}
	if waited := time.Since(g.lastSign); waited > g.o.Patience {
		err := &Error{Kind: NoWorkers, Server: g.server, Waited: waited.Round(time.Second), Ours: g.name}
		if e.Others > 0 {
			err.Kind, err.Theirs = OnlyOthers, e.Other
		}
		return err
	}
	return nil
}
