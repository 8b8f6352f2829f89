package share

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Store keeps values for a time. Get returns nil for what it does not have.
type Store interface {
	Get(ctx context.Context, key string) ([]byte, error)
	Put(ctx context.Context, key string, value []byte, lifetime time.Duration) error
}

// Limiter says whether whoever has the key may go on now.
type Limiter interface {
	Allow(ctx context.Context, key string) (bool, error)
}

// Service answers the routes that are no files:
//
//	POST /api/runs       keeps a run: 201, or 200 if it was kept already
//	GET  /api/runs/{id}  gives it back
//	GET  /s/{id}         leads to the page that shows it
type Service struct {
	Store         Store
	Writes, Reads Limiter
	Lifetime      time.Duration // of what is kept, from the last time it was shared, to a half
	Now           func() time.Time
	Log           func(format string, args ...any) // what an operator should know
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil {
			s.Log("panic: %v", p)
			refuse(w, http.StatusInternalServerError, "broken", "the service failed; use the link that carries the run in its fragment")
		}
	}()
	// Nothing that comes from here is a page, runs, or is shown inside one.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	w.Header().Set("Cache-Control", "no-store")
	path := r.URL.Path
	switch {
	case path == "/api/runs":
		if s.method(w, r, http.MethodPost) {
			s.keep(w, r)
		}
	case strings.HasPrefix(path, "/api/runs/"):
		if s.method(w, r, http.MethodGet, http.MethodHead) {
			s.give(w, r, path[len("/api/runs/"):])
		}
	case strings.HasPrefix(path, "/s/"):
		if s.method(w, r, http.MethodGet, http.MethodHead) {
			s.lead(w, r, path[len("/s/"):])
		}
	default:
		refuse(w, http.StatusNotFound, "no-route", "expected POST /api/runs, GET /api/runs/ID or GET /s/ID")
	}
}

func (s *Service) method(w http.ResponseWriter, r *http.Request, allowed ...string) bool {
	for _, m := range allowed {
		if r.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	refuse(w, http.StatusMethodNotAllowed, "method", "expected "+strings.Join(allowed, " or ")+", found "+strconv.Quote(r.Method))
	return false
}

// allow asks a limiter. One that fails stops nobody: the store has its own limits.
func (s *Service) allow(w http.ResponseWriter, r *http.Request, l Limiter) bool {
	ok, err := l.Allow(r.Context(), r.Header.Get("CF-Connecting-IP"))
	if err != nil {
		s.Log("limiter: %v", err)
		return true
	}
	if !ok {
		w.Header().Set("Retry-After", "60")
		refuse(w, http.StatusTooManyRequests, "rate", "too many requests from this address: try again in a minute")
	}
	return ok
}

func (s *Service) keep(w http.ResponseWriter, r *http.Request) {
	if o := r.Header.Get("Origin"); o != "" {
		if u, err := url.Parse(o); err != nil || u.Host != r.URL.Host {
			refuse(w, http.StatusForbidden, "origin", fmt.Sprintf("expected a page of this site, found one of %.100q", o))
			return
		}
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		refuse(w, http.StatusUnsupportedMediaType, "encoding", fmt.Sprintf("expected no Content-Encoding, found %.40q", e))
		return
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	most := int64(MaxScript)
	switch {
	case err == nil && kind == ScriptType:
	case err == nil && kind == TraceType:
		most = MaxTrace
	default:
		refuse(w, http.StatusUnsupportedMediaType, "type",
			fmt.Sprintf("expected Content-Type %s or %s, found %.60q", ScriptType, TraceType, r.Header.Get("Content-Type")))
		return
	}
	tooBig := func() {
		refuse(w, http.StatusRequestEntityTooLarge, "size",
			fmt.Sprintf("expected at most %d bytes: share a file, or the link that carries the run in its fragment", most))
	}
	if r.ContentLength > most {
		tooBig()
		return
	}
	if !s.allow(w, r, s.Writes) {
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
	if err != nil {
		refuse(w, http.StatusBadRequest, "body", "the body broke off")
		return
	}
	if int64(len(body)) > most {
		tooBig()
		return
	}
	run, err := Decode(kind, body)
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, "content", err.Error())
		return
	}
	id := run.ID()
	old, kept, err := s.get(r.Context(), id)
	if err != nil {
		s.unavailable(w, err)
		return
	}
	if old != nil && !bytes.Equal(old, run.Body) {
		s.Log("%s: two runs have this ID", id)
		refuse(w, http.StatusConflict, "collision", "another run has this ID: use the link that carries the run in its fragment")
		return
	}
	status := http.StatusOK
	now := s.Now()
	if old == nil || now.Sub(kept) > s.Lifetime/2 {
		if err := s.Store.Put(r.Context(), id, append(envelope(now), run.Body...), s.Lifetime); err != nil {
			s.unavailable(w, err)
			return
		}
		kept = now
	}
	if old == nil {
		status = http.StatusCreated
	}
	answer(w, status, map[string]string{"id": id, "link": "/s/" + id, "until": kept.Add(s.Lifetime).UTC().Format(time.RFC3339)})
}

func (s *Service) unavailable(w http.ResponseWriter, err error) {
	s.Log("store: %v", err)
	w.Header().Set("Retry-After", "3600")
	refuse(w, http.StatusServiceUnavailable, "store", "the store takes nothing now, its daily limit may be reached: use the link that carries the run in its fragment")
}

// What is kept has a line before it, so that a store without more than values
// will do: "kept 1 SECONDS", the time since 1970.
func envelope(t time.Time) []byte { return fmt.Appendf(nil, "kept 1 %d\n", t.Unix()) }

// get returns a run's body and when it was kept; nil: it is not there.
func (s *Service) get(ctx context.Context, id string) ([]byte, time.Time, error) {
	value, err := s.Store.Get(ctx, id)
	if err != nil || value == nil {
		return nil, time.Time{}, err
	}
	head, body, found := bytes.Cut(value, []byte("\n"))
	seconds, ok := strings.CutPrefix(string(head), "kept 1 ")
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if !found || !ok || err != nil {
		return nil, time.Time{}, errors.New(id + ": expected kept 1 SECONDS before the run")
	}
	return body, time.Unix(unix, 0), nil
}

// find answers itself if there is no such run.
func (s *Service) find(w http.ResponseWriter, r *http.Request, id string) []byte {
	if !idForm.MatchString(id) {
		refuse(w, http.StatusNotFound, "id", "no ID of a run: expected r or t and 20 letters, digits, - or _")
		return nil
	}
	if !s.allow(w, r, s.Reads) {
		return nil
	}
	body, _, err := s.get(r.Context(), id)
	if err != nil {
		s.unavailable(w, err)
		return nil
	}
	if body == nil {
		refuse(w, http.StatusNotFound, "gone", fmt.Sprintf("no run is kept here: runs are kept for %d days after they were shared", int(s.Lifetime.Hours()/24)))
	}
	return body
}

func (s *Service) give(w http.ResponseWriter, r *http.Request, id string) {
	body := s.find(w, r, id)
	if body == nil {
		return
	}
	kind := Kind(id[0])
	name := id + ".run"
	if kind == Trace {
		name = id + ".trace"
	}
	// The ID stands for the content, so a copy is never stale.
	w.Header().Set("Cache-Control", "public, max-age=86400, immutable")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	w.Header().Set("Content-Type", kind.Type())
	w.Write(body) //nolint:errcheck // whoever asked is gone
}

// lead goes to the page in the visitor's language. The run's ID is in the
// fragment: the page fetches it.
func (s *Service) lead(w http.ResponseWriter, r *http.Request, id string) {
	if s.find(w, r, id) == nil {
		return
	}
	to := "/"
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(r.Header.Get("Accept-Language"))), "zh") {
		to = "/zh/"
	}
	if Kind(id[0]) == Trace {
		to += "run/"
	} else {
		to += "playground/"
	}
	w.Header().Set("Vary", "Accept-Language")
	w.Header().Set("Location", to+"#s1."+id)
	w.WriteHeader(http.StatusFound)
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	answer(w, status, map[string]string{"error": text, "code": code})
}

func answer(w http.ResponseWriter, status int, v map[string]string) {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings marshal
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n')) //nolint:errcheck // whoever asked is gone
}
