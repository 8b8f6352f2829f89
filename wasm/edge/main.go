//go:build js && wasm

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall/js"
	"time"

	"github.com/syumai/workers"
	"github.com/syumai/workers/cloudflare"

	"github.com/raftlab/raftlab/wasm/edge/share"
)

// How long a run is kept if the variable LIFETIME_DAYS does not say.
const defaultDays = 180

func main() {
	days := defaultDays
	if v := cloudflare.GetBinding("LIFETIME_DAYS"); v.Type() == js.TypeNumber && v.Int() >= 1 {
		days = v.Int()
	}
	workers.Serve(whole{&share.Service{
		Store:    kv{cloudflare.GetBinding("RUNS")},
		Writes:   limiter{cloudflare.GetBinding("WRITES")},
		Reads:    limiter{cloudflare.GetBinding("READS")},
		Lifetime: time.Duration(days) * 24 * time.Hour,
		Now:      time.Now,
		Log:      func(format string, args ...any) { fmt.Printf("edge: "+format+"\n", args...) },
	}})
}

// whole hands an answer over in one piece. The stream that
// github.com/syumai/workers would make of it keeps an instance of Go, with all
// its memory, until the slowest reader has the last byte.
type whole struct{ handler http.Handler }

func (h whole) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a := &answer{header: w.Header(), status: http.StatusOK}
	h.handler.ServeHTTP(a, r)
	body := js.Null()
	if a.body.Len() > 0 && r.Method != http.MethodHead {
		body = js.Global().Get("Uint8Array").New(a.body.Len())
		js.CopyBytesToJS(body, a.body.Bytes())
	}
	w.WriteHeader(a.status)
	w.(interface{ WriteRawJSBody(js.Value) }).WriteRawJSBody(body)
}

type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

// kv is a namespace of Workers KV. The binding of github.com/syumai/workers
// cannot tell an absent value from a text, so the platform is called directly.
type kv struct{ namespace js.Value }

func (k kv) Get(_ context.Context, key string) ([]byte, error) {
	if !k.namespace.Truthy() {
		return nil, errors.New("no binding RUNS")
	}
	v, err := await(func() js.Value { return k.namespace.Call("get", key, "arrayBuffer") })
	if err != nil || v.IsNull() {
		return nil, err
	}
	a := js.Global().Get("Uint8Array").New(v)
	b := make([]byte, a.Length())
	js.CopyBytesToGo(b, a)
	return b, nil
}

func (k kv) Put(_ context.Context, key string, value []byte, lifetime time.Duration) error {
	a := js.Global().Get("Uint8Array").New(len(value))
	js.CopyBytesToJS(a, value)
	_, err := await(func() js.Value {
		return k.namespace.Call("put", key, a.Get("buffer"), map[string]any{"expirationTtl": int(lifetime.Seconds())})
	})
	return err
}

// limiter is a rate limit binding, which counts by key in each location.
type limiter struct{ binding js.Value }

func (l limiter) Allow(_ context.Context, key string) (bool, error) {
	if !l.binding.Truthy() {
		return false, errors.New("no binding for the rate limit")
	}
	v, err := await(func() js.Value { return l.binding.Call("limit", map[string]any{"key": key}) })
	if err != nil {
		return false, err
	}
	return v.Get("success").Bool(), nil
}

// await returns what a promise comes to. What start throws is an error too.
func await(start func() js.Value) (value js.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	type outcome struct {
		value js.Value
		err   error
	}
	done := make(chan outcome, 1)
	then := js.FuncOf(func(_ js.Value, args []js.Value) any {
		done <- outcome{value: args[0]}
		return nil
	})
	defer then.Release()
	failed := js.FuncOf(func(_ js.Value, args []js.Value) any {
		done <- outcome{err: errors.New(args[0].Call("toString").String())}
		return nil
	})
	defer failed.Release()
	start().Call("then", then, failed)
	o := <-done
	return o.value, o.err
}
