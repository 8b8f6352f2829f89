//go:build js && wasm

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/format"
	"go/scanner"
	"io/fs"
	"regexp"
	"slices"
	"syscall/js"

	"golang.org/x/tools/txtar"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/phrase"
	"github.com/raftlab/raftlab/grader/report"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/grader/vet"
	"github.com/raftlab/raftlab/labs"
)

// app is what one worker knows.
type app struct {
	lib     build.Library
	types   build.TypeChecker
	files   map[string]string // the folder last prepared
	labs    map[string]labFiles
	tree    *build.Tree // made of it, nil if it is refused
	session *grader.Session
	lang    string
	trace   []byte // of the run that failed last
}

func main() {
	a := &app{}
	js.Global().Call("raftlabReady", map[string]any{
		"version": grader.Version(),
		"lab":     call(a.parts),
		"library": call(a.library),
		"check":   call(a.check),
		"vet":     call(a.vet),
		"format":  call(formatted),
		"said":    call(said),
		"plan":    call(a.plan),
		"explain": call(a.explain),
		"open":    call(a.open),
		"run":     call(a.run),
		"result":  call(a.result),
		"decoded": call(decoded),
	})
	select {}
}

// call makes a function of f that never throws.
func call(f func(args []js.Value) (any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) (out any) {
		defer func() {
			if r := recover(); r != nil {
				out = failure(fmt.Errorf("the grader failed: %v", r))
			}
		}()
		v, err := f(args)
		if err != nil {
			return failure(err)
		}
		return v
	})
}

// failure is an error for JavaScript.
func failure(err error) any {
	var be *build.Error
	out := struct {
		Error    string          `json:"error"`
		Cause    report.Cause    `json:"cause"`
		Kind     build.Kind      `json:"kind,omitempty"`
		Problems []build.Problem `json:"problems,omitempty"`
	}{Error: err.Error(), Cause: report.CauseOf(err)}
	if errors.As(err, &be) {
		out.Kind, out.Problems = be.Kind, be.Problems
	}
	return text(out)
}

func text(v any) any {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func bytesOf(b []byte) js.Value {
	a := js.Global().Get("Uint8Array").New(len(b))
	js.CopyBytesToJS(a, b)
	return a
}

func bytesFrom(v js.Value) []byte {
	b := make([]byte, v.Get("length").Int())
	js.CopyBytesToGo(b, v)
	return b
}

// labFiles is one of the labs that come with the grader.
type labFiles struct {
	files fs.FS
	lab   *script.Lab
}

// named opens a lab by its name, "" for the Raft lab.
func (a *app) named(name string) (labFiles, error) {
	if l, ok := a.labs[name]; ok {
		return l, nil
	}
	l := labFiles{}
	if name != "" && name != "raft" {
		own, ok := labs.Named(name)
		if !ok {
			return l, fmt.Errorf("there is no lab %q", name)
		}
		l.files = own
	}
	var err error
	if l.lab, err = grader.OpenLab(l.files); err != nil {
		return l, err
	}
	if a.labs == nil {
		a.labs = make(map[string]labFiles)
	}
	a.labs[name] = l
	return l, nil
}

// textOf is an argument that may be left out.
func textOf(args []js.Value, i int) string {
	if i >= len(args) || args[i].Type() != js.TypeString {
		return ""
	}
	return args[i].String()
}

// lab(name) lists a lab's parts and tests.
func (a *app) parts(args []js.Value) (any, error) {
	l, err := a.named(textOf(args, 0))
	if err != nil {
		return nil, err
	}
	return string(report.LabJSON(l.lab)), nil
}

// library(manifest, export) takes in the Go release that the page has.
func (a *app) library(args []js.Value) (any, error) {
	var m manifest
	if err := json.Unmarshal([]byte(args[0].String()), &m); err != nil {
		return nil, fmt.Errorf("the manifest of the Go toolchain: %w", err)
	}
	a.lib = m.Library
	a.types = build.TypeChecker{GoVersion: m.Go, Library: newImporter(&m, bytesFrom(args[1]))}
	return text(struct {
		Go string `json:"go"`
	}{m.Go}), nil
}

// prepare reads a folder, {path: text} as JSON, for a lab, whose service stands on
// the Raft of that name ("": the folder's).
func (a *app) prepare(files, lab, raft string) error {
	a.tree, a.files = nil, nil
	if !grader.Raft(raft).Known() {
		return fmt.Errorf("raft is one of %q, found %q", grader.Rafts(), raft)
	}
	l, err := a.named(lab)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(files), &a.files); err != nil {
		return fmt.Errorf("the files: %w", err)
	}
	var archive txtar.Archive
	for name, data := range a.files {
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(data)})
	}
	fsys, err := txtar.FS(&archive)
	if err != nil {
		return err
	}
	a.tree, err = build.Prepare(context.Background(), build.Options{Files: fsys, Dir: ".", GoVersion: a.lib.Go, Service: l.lab.Service, OnCore: grader.Raft(raft).OnCore()})
	return err
}

// check(files, lab, raft) says what is wrong with a folder, as far as that is known without
// compiling it.
func (a *app) check(args []js.Value) (any, error) {
	if err := a.prepare(args[0].String(), textOf(args, 1), textOf(args, 2)); err != nil {
		return nil, err
	}
	if err := a.types.Check(a.tree); err != nil {
		return nil, err
	}
	return text(struct{}{}), nil
}

// vet(files, lab, raft) says what the lab's checks suspect in a folder that compiles.
func (a *app) vet(args []js.Value) (any, error) {
	if err := a.prepare(args[0].String(), textOf(args, 1), textOf(args, 2)); err != nil {
		return nil, err
	}
	found, err := vet.Check(a.tree, a.types.Library, a.lib.Go)
	if err != nil {
		return nil, err
	}
	return text(struct {
		Findings []vet.Finding `json:"findings"`
	}{found}), nil
}

// decoded(trace) says what a run's messages, disks and commands hold.
func decoded(args []js.Value) (any, error) {
	t, err := sim.DecodeTrace(bytesFrom(args[0]))
	if err != nil {
		return nil, err
	}
	return text(report.Decode(t)), nil
}

// said(lang, sentences) says the grader's sentences in a language. Verdicts hold
// the English ones, which are the same for everybody.
func said(args []js.Value) (any, error) {
	var list []string
	if err := json.Unmarshal([]byte(args[1].String()), &list); err != nil {
		return nil, fmt.Errorf("the sentences: %w", err)
	}
	for i, s := range list {
		list[i] = phrase.In(args[0].String(), s)
	}
	return text(list), nil
}

// format(text) is gofmt.
func formatted(args []js.Value) (any, error) {
	out, err := format.Source([]byte(args[0].String()))
	var list scanner.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		e := &build.Error{Kind: build.Compile}
		for _, s := range list {
			e.Problems = append(e.Problems, build.Problem{Line: s.Pos.Line, Col: s.Pos.Column, Reason: "syntax error: " + s.Msg})
		}
		return nil, e
	}
	if err != nil {
		return nil, err
	}
	return text(struct {
		Text string `json:"text"`
	}{string(out)}), nil
}

// plan(files, lab, raft) returns the commands that compile a folder.
func (a *app) plan(args []js.Value) (any, error) {
	if err := a.prepare(args[0].String(), textOf(args, 1), textOf(args, 2)); err != nil {
		return nil, err
	}
	commands, err := a.tree.Commands(&a.lib)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(commands))
	for i, c := range commands {
		files := make(map[string]any)
		for name, data := range c.Files {
			files[name] = bytesOf(data)
		}
		out[i] = map[string]any{
			"tool": c.Tool, "args": strings(c.Args), "files": files, "imports": strings(c.Imports),
			"package": c.Package, "out": c.Out, "key": c.Key,
		}
	}
	return map[string]any{"commands": out}, nil
}

func strings(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// explain(output) turns what a tool printed into problems in the folder last
// planned.
func (a *app) explain(args []js.Value) (any, error) {
	if a.tree == nil {
		return nil, errors.New("there is no plan to explain the output of")
	}
	return nil, a.tree.Explain(&a.lib, args[0].String())
}

// What open is told besides the module.
type order struct {
	Hash  string            `json:"hash"` // of the module, if another worker has compiled it
	Lab   string            `json:"lab"`  // by name, "" for the Raft lab
	Raft  string            `json:"raft"` // what a service stands on, "" for the folder's
	Go    string            `json:"go"`   // release that built it
	Files map[string]string `json:"files"`
	Parts []string          `json:"parts"`
	Run   string            `json:"run"`
	Seed  uint64            `json:"seed"`
	Seeds int               `json:"seeds"`
	Lang  string            `json:"lang"`
}

// open(order, module) makes a module ready to be graded and lists the runs.
func (a *app) open(args []js.Value) (any, error) {
	var o order
	if err := json.Unmarshal([]byte(args[0].String()), &o); err != nil {
		return nil, fmt.Errorf("the order: %w", err)
	}
	if a.session != nil {
		a.session.Close()
		a.session = nil
	}
	m := build.NewModule(bytesFrom(args[1]), o.Go)
	if o.Files != nil {
		files, err := json.Marshal(o.Files)
		if err != nil {
			return nil, err
		}
		if err := a.prepare(string(files), o.Lab, o.Raft); err != nil {
			return nil, err
		}
		m.Describe(a.tree)
	}
	a.lang = o.Lang
	l, err := a.named(o.Lab)
	if err != nil {
		return nil, err
	}
	opts := grader.Options{Module: m, Lab: l.files, Parts: o.Parts, Seed: o.Seed, Seeds: o.Seeds, Lang: o.Lang, Workers: 1, Trace: a.keep}
	if o.Run != "" {
		re, err := regexp.Compile(o.Run)
		if err != nil {
			return nil, err
		}
		opts.Run = re
	}
	if a.session, err = grader.Open(context.Background(), opts); err != nil {
		return nil, err
	}
	return text(struct {
		Module string       `json:"module"`
		Runs   []grader.Run `json:"runs"`
	}{m.Hash, a.session.Runs()}), nil
}

// keep holds the trace of a run that failed, for run to return.
func (a *app) keep(_ *grader.TestResult, _ *grader.RunResult, h sim.Header, rec *sim.Recorder) {
	var b bytes.Buffer
	if err := rec.WriteTrace(&b, h); err == nil {
		a.trace = b.Bytes()
	}
}

var errNotOpen = errors.New("no module is open")

// run(i) does a run; it returns {outcome, trace}, a trace only if it failed.
func (a *app) run(args []js.Value) (any, error) {
	if a.session == nil {
		return nil, errNotOpen
	}
	a.trace = nil
	out, err := a.session.Do(context.Background(), args[0].Int())
	if err != nil {
		return nil, err
	}
	v := map[string]any{"outcome": text(out)}
	if a.trace != nil {
		v["trace"] = bytesOf(a.trace)
	}
	return v, nil
}

// result(outcomes) is the verdict: the Result, and the report as text.
func (a *app) result(args []js.Value) (any, error) {
	if a.session == nil {
		return nil, errNotOpen
	}
	var outcomes []grader.Outcome
	if err := json.Unmarshal([]byte(args[0].String()), &outcomes); err != nil {
		return nil, fmt.Errorf("the outcomes: %w", err)
	}
	res, err := a.session.Result(slices.Clip(outcomes))
	if err != nil {
		return nil, err
	}
	return text(res), nil
}
