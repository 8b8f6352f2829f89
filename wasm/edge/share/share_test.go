package share_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/wasm/cluster/session"
	"github.com/raftlab/raftlab/wasm/edge/share"
)

var goodRun = "raftlab-run 1\nengine " + session.Engine + "\nhash " + strings.Repeat("0a", 32) +
	"\nraftlab-cluster 1\nkind raft\nservers 3\nclients 1\nseed 7\nset loss 0.1\nload C1 put 50 k\nat 5000000 crash S1\nuntil 60000000\n"

func goodTrace(t testing.TB) []byte {
	script, err := session.ParseScript(goodRun[strings.Index(goodRun, "raftlab-cluster"):])
	if err != nil {
		t.Fatal(err)
	}
	s, err := session.New(script)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return s.Trace()
}

// What is taken has one form, which is taken again as it is, is within the
// bounds, and is read by the readers of the command and the page.
func FuzzDecode(f *testing.F) {
	f.Add(false, []byte(goodRun))
	f.Add(true, goodTrace(f))
	f.Fuzz(func(t *testing.T, trace bool, b []byte) {
		kind := share.ScriptType
		if trace {
			kind = share.TraceType
		}
		run, err := share.Decode(kind, b)
		if err != nil {
			return
		}
		again, err := share.Decode(kind, run.Body)
		if err != nil || !bytes.Equal(again.Body, run.Body) || again.ID() != run.ID() {
			t.Fatalf("the one form is not taken as it is: %v", err)
		}
		if trace {
			_, err = sim.DecodeTrace(run.Body)
		} else if len(run.Body) > 4*share.MaxScript {
			t.Fatalf("%d bytes", len(run.Body))
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

type store struct {
	values map[string][]byte
	err    error
}

func (s store) Get(_ context.Context, key string) ([]byte, error) { return s.values[key], s.err }
func (s store) Put(_ context.Context, key string, v []byte, _ time.Duration) error {
	if s.err == nil {
		s.values[key] = v
	}
	return s.err
}

type limit struct {
	ok  bool
	err error
}

func (l limit) Allow(context.Context, string) (bool, error) {
	if l.err == errPanic {
		panic(l.err)
	}
	return l.ok, l.err
}

var errPanic = errors.New("panic")

func TestWhenThePlatformFails(t *testing.T) {
	run, err := share.Decode(share.ScriptType, []byte(goodRun))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		store  store
		limit  limit
		status int
		logs   bool
	}{
		{"all is well", store{}, limit{ok: true}, http.StatusCreated, false},
		{"the store fails", store{err: errors.New("quota")}, limit{ok: true}, http.StatusServiceUnavailable, true},
		{"a limiter that fails stops nobody", store{}, limit{err: errors.New("down")}, http.StatusCreated, true},
		{"too many", store{}, limit{}, http.StatusTooManyRequests, false},
		{"a panic", store{}, limit{err: errPanic}, http.StatusInternalServerError, true},
		{"what is kept is no run", store{values: map[string][]byte{run.ID(): []byte("x")}}, limit{ok: true}, http.StatusServiceUnavailable, true},
		{"two runs with one ID", store{values: map[string][]byte{run.ID(): []byte("kept 1 5\nother")}}, limit{ok: true}, http.StatusConflict, true},
	} {
		if c.store.values == nil {
			c.store.values = map[string][]byte{}
		}
		before := len(c.store.values)
		logged := false
		s := &share.Service{Store: c.store, Writes: c.limit, Reads: c.limit, Lifetime: time.Hour,
			Now: func() time.Time { return time.Unix(1e9, 0) }, Log: func(string, ...any) { logged = true }}
		r := httptest.NewRequest(http.MethodPost, "/api/runs", strings.NewReader(goodRun))
		r.Header.Set("Content-Type", share.ScriptType)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.status || logged != c.logs {
			t.Errorf("%s: %d, logged %v: %s", c.name, w.Code, logged, w.Body)
		}
		if c.status != http.StatusCreated && len(c.store.values) != before {
			t.Errorf("%s: something was kept", c.name)
		}
	}
}
