package queue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options say where the queue is and how to be let in.
type Options struct {
	// URL is nats://HOST:PORT, tls://..., ws://... or wss://..., with user:password@
	// or token@ before the host if need be; several servers of one cluster stand
	// with commas between them.
	URL                  string
	Creds, CA, Cert, Key string // files: NATS credentials, authorities, this end's certificate and key; "" for none
	// Patience is how long to go on without the server; 0 is DefaultPatience.
	Patience time.Duration
	// Tell, if not nil, is called with what a person waiting may want to know.
	Tell func(Event)
}

// DefaultPatience outlasts a restart of a server and of its machine.
const DefaultPatience = 10 * time.Minute

// Event is something that a person waiting may want to know.
type Event struct {
	Kind   EventKind
	Server string // without user and password
	Err    error  // Lost: why
	// Workers are those that answer; Others those among them of another grader,
	// one of which is Other.
	Workers, Others int
	Other           string
	Key             string // Took, Finished, Damaged: a grading's
	Tries           int    // Took: how many workers have had it, this one included
	Verdict         string // Finished
}

// EventKind names what happened.
type EventKind string

const (
	Connected EventKind = "connected"
	Lost      EventKind = "lost"    // the server does not answer; it is tried again
	Crew      EventKind = "crew"    // who works has changed
	Took      EventKind = "took"    // a worker begins a grading
	Finished  EventKind = "done"    // a worker has stored a result
	Damaged   EventKind = "damaged" // something in the queue cannot be read and is made anew
)

// Kind says what kept a queue from being used.
type Kind string

const (
	BadAddress  Kind = "bad address"
	Unreachable Kind = "unreachable"   // for longer than the patience
	Denied      Kind = "denied"        // by user, password, credentials, certificate or permission
	NoJetStream Kind = "no jetstream"  // the server runs without it
	Unfit       Kind = "unfit"         // a stream of that name is set up in another way
	OtherGrader Kind = "other grader"  // all work is for another grader than this worker
	NoWorkers   Kind = "no workers"    // none answered for longer than the patience
	OnlyOthers  Kind = "other workers" // those that answered were of another grader
)

// Error is why a queue could not be used.
type Error struct {
	Kind   Kind
	Server string        // without user and password
	Waited time.Duration // Unreachable, NoWorkers, OnlyOthers
	Ours   string        // OtherGrader, OnlyOthers: the grader that this one is
	Theirs string        // and the other
	Err    error         // the cause, if there is one
}

func (e *Error) Unwrap() error { return e.Err }

func (e *Error) Error() string {
	s := map[Kind]string{
		BadAddress:  "expected the queue's address as nats://HOST:PORT or tls://HOST:PORT, with user:password@ or token@ before the host if need be",
		Unreachable: fmt.Sprintf("the queue at %s did not answer for %v", e.Server, e.Waited),
		Denied:      fmt.Sprintf("the queue at %s refuses the connection", e.Server),
		NoJetStream: fmt.Sprintf("the server at %s runs without JetStream: start it with nats-server -js", e.Server),
		Unfit:       fmt.Sprintf("the queue at %s is set up in another way than expected", e.Server),
		OtherGrader: fmt.Sprintf("all work in the queue at %s is for %s; this worker is %s: install the same grader and Go on both", e.Server, e.Theirs, e.Ours),
		NoWorkers:   fmt.Sprintf("no worker answered at %s for %v: start some with grade worker", e.Server, e.Waited),
		OnlyOthers:  fmt.Sprintf("only workers of another grader answered at %s for %v: they are %s, this batch needs %s", e.Server, e.Waited, e.Theirs, e.Ours),
	}[e.Kind]
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Address checks a queue's URL and returns it in a form that may be shown: a
// password, a user or a token is no part of it.
func Address(urls string) (shown string, err error) {
	var all []string
	for s := range strings.SplitSeq(urls, ",") {
		// The error of url.Parse holds the text, and with it the password.
		u, err := url.Parse(strings.TrimSpace(s))
		if err != nil || u.Host == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme) || strings.Trim(u.Path, "/") != "" {
			return "", &Error{Kind: BadAddress}
		}
		all = append(all, u.Scheme+"://"+u.Host)
	}
	return strings.Join(all, ","), nil
}

// link is a connection to the queue that outlives its server's restarts.
type link struct {
	o      Options
	server string
	nc     *nats.Conn
	js     jetstream.JetStream
	denied atomic.Pointer[error] // what the server refused, told out of turn

	ready           bool // the rest is set
	work            jetstream.Stream
	inputs, results jetstream.ObjectStore
}

// patience for one answer of the server. A result may have megabytes.
const (
	answerTime = 5 * time.Second
	objectTime = time.Minute
)

// connect waits for the server, within the patience, and sets up what is missing.
func connect(ctx context.Context, o Options) (*link, error) {
	server, err := Address(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	q := &link{o: o, server: server}
	opts := []nats.Option{
		nats.Name("raftlab"), nats.Timeout(answerTime), nats.MaxReconnects(-1), nats.ReconnectWait(500 * time.Millisecond),
		nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2), nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrPermissionViolation) || errors.Is(err, nats.ErrAuthorization) {
				q.denied.Store(&err)
			}
		}),
	}
	for _, f := range []struct {
		name string
		opt  func() nats.Option
	}{
		{o.Creds, func() nats.Option { return nats.UserCredentials(o.Creds) }},
		{o.CA, func() nats.Option { return nats.RootCAs(o.CA) }},
		{o.Cert, func() nats.Option { return nats.ClientCert(o.Cert, o.Key) }},
	} {
		if f.name == "" {
			continue
		}
		if _, err := os.Stat(f.name); err != nil {
			return nil, &Error{Kind: Denied, Server: server, Err: err}
		}
		opts = append(opts, f.opt())
	}
	err = q.retry(ctx, func(context.Context) error {
		nc, err := nats.Connect(o.URL, opts...)
		if err == nil {
			q.nc = nc
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if q.js, err = jetstream.New(q.nc, jetstream.WithDefaultTimeout(answerTime)); err == nil {
		err = q.retry(ctx, func(ctx context.Context) (err error) {
			q.work, q.inputs, q.results, err = q.setUp(ctx)
			return err
		})
	}
	if err != nil {
		q.nc.Close()
		return nil, err
	}
	q.ready = true
	q.tell(Event{Kind: Connected})
	return q, nil
}

func (q *link) tell(e Event) {
	e.Server = q.server
	if q.o.Tell != nil {
		q.o.Tell(e)
	}
}

// retry calls f until it succeeds, its error is one that waiting cannot mend, or
// the patience is over. f's context gives it the time for one answer.
func (q *link) retry(ctx context.Context, f func(context.Context) error) error {
	return q.retryFor(ctx, answerTime, f)
}

func (q *link) retryFor(ctx context.Context, each time.Duration, f func(context.Context) error) error {
	begin := time.Now()
	pause := 100 * time.Millisecond
	for try := 1; ; try++ {
		one, cancel := context.WithTimeout(ctx, each)
		err := f(one)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		if q.ready && q.nc.IsConnected() {
			// A server may come back with nothing: what it held is sent anew, once
			// there is where to.
			again, cancel := context.WithTimeout(ctx, answerTime)
			q.setUp(again)
			cancel()
		}
		if refused := q.denied.Load(); refused != nil {
			return &Error{Kind: Denied, Server: q.server, Err: *refused}
		}
		kind, passes := judge(err)
		if kind == NoJetStream && time.Since(begin) < 5*time.Second {
			passes = true // it may still be starting
		}
		waited := time.Since(begin)
		switch {
		case !passes && kind == "":
			return err
		case !passes:
			return &Error{Kind: kind, Server: q.server, Err: err}
		case waited >= q.o.Patience:
			if kind == "" {
				kind = Unreachable
			}
			return &Error{Kind: kind, Server: q.server, Waited: waited.Round(time.Second), Err: err}
		}
		if try == 2 {
			q.tell(Event{Kind: Lost, Err: err})
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(pause, q.o.Patience-waited)):
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// judge says of an error what it means, and whether waiting may mend it.
func judge(err error) (kind Kind, passes bool) {
	var cert *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var api *jetstream.APIError
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		errors.Is(err, nats.ErrPermissionViolation), errors.Is(err, nats.ErrNkeysNotSupported), errors.Is(err, nats.ErrNoUserCB),
		errors.As(err, &cert), errors.As(err, &authority), errors.As(err, &host), errors.As(err, &record),
		errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted),
		strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "nkeys: "):
		return Denied, false
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return NoJetStream, false
	case errors.Is(err, nats.ErrConnectionClosed): // for good: nats.go gives up after two refusals of a user
		return Unreachable, false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrNoServers),
		errors.Is(err, nats.ErrNoResponders), errors.Is(err, nats.ErrDisconnected), errors.Is(err, nats.ErrReconnectBufExceeded),
		errors.Is(err, nats.ErrStaleConnection), errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoStreamResponse),
		errors.Is(err, jetstream.ErrNoHeartbeat), errors.Is(err, nats.ErrConnectionReconnecting):
		return "", true
	case errors.As(err, &api):
		return "", api.Code == 503 || api.Code == 404
	}
	var syscallErr *os.SyscallError
	return "", errors.As(err, &syscallErr) || strings.Contains(err.Error(), "EOF") || strings.Contains(err.Error(), "digest")
}
