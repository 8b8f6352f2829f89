//go:build !js

package main

import (
	"testing"
	"testing/fstest"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/labs"
)

// TestPlanMakesTheSameModule runs the planned commands with the installed
// compiler and linker: what comes out is what go build makes.
func TestPlanMakesTheSameModule(t *testing.T) {
	c := collector{m: Manifest{Library: build.Library{Debug: map[int]string{}}}}
	old := fstest.MapFS{"util/util.go": {Data: []byte("package util\n\nimport \"sort\"\n\nfunc Sorted(x []int) { sort.Ints(x) }\n")}}
	skeleton, err := labs.Skeleton(labs.Raft())
	if err != nil {
		t.Fatal(err)
	}
	raft, err := skeleton.Open("raft/raft.go")
	if err != nil {
		t.Fatal(err)
	}
	defer raft.Close()
	fi, err := raft.Stat()
	if err != nil {
		t.Fatal(err)
	}
	src := make([]byte, fi.Size())
	if _, err := raft.Read(src); err != nil {
		t.Fatal(err)
	}
	old["raft/raft.go"] = &fstest.MapFile{Data: src}
	old["raft/more.go"] = &fstest.MapFile{Data: []byte("package raft\n\nimport \"raftlab.example/lab/util\"\n\nfunc more() { util.Sorted(nil) }\n\nvar _ = more\n")}
	old["go.mod"] = &fstest.MapFile{Data: []byte("module raftlab.example/lab\n\ngo 1.17\n")}
	for _, c2 := range []struct {
		name string
		o    build.Options
	}{
		{"the correct server", build.Options{Dir: "../../grader/testdata/correct"}},
		{"a checkout of the course", build.Options{Dir: "../../grader/testdata/mit2025"}},
		{"a service on the core", build.Options{Dir: "../../grader/testdata/correct-kv", Service: "kv", OnCore: true}},
		{"a lock on the core", build.Options{Dir: "../../grader/testdata/correct-kv", Service: "lock", OnCore: true}},
		{"a helper package and an old go line", build.Options{Files: old, Dir: "."}},
	} {
		t.Run(c2.name, func(t *testing.T) {
			want, err := build.Build(t.Context(), c2.o)
			if err != nil {
				t.Fatal(err)
			}
			if c.m.Go == "" {
				c.m.Go = want.Go
				if err := c.debug(); err != nil {
					t.Fatal(err)
				}
			}
			c2.o.GoVersion = want.Go
			tree, err := build.Prepare(t.Context(), c2.o)
			if err != nil {
				t.Fatal(err)
			}
			commands, err := tree.Commands(&c.m.Library)
			if err != nil {
				t.Fatal(err)
			}
			r, err := c.newRunner(commands)
			if err != nil {
				t.Fatal(err)
			}
			defer r.close()
			var got []byte
			seen := map[string]bool{}
			for i := range commands {
				if got, err = r.run(&commands[i]); err != nil {
					t.Fatal(err)
				}
				if seen[commands[i].Key] {
					t.Errorf("two commands have one key: %s", commands[i].Package)
				}
				seen[commands[i].Key] = true
			}
			if string(got) != string(want.Wasm) {
				t.Errorf("the planned commands make another module: %d bytes, go build's has %d", len(got), len(want.Wasm))
			}
		})
	}
}

func TestForeignNotices(t *testing.T) {
	const own = "// Copyright 2009 The Go Authors. All rights reserved.\n// Use of this source code is governed by a BSD-style\n// license that can be found in the LICENSE file.\n"
	for _, c := range []struct {
		name, src string
		want      int
	}{
		{"Go's own", own + "\npackage x\n", 0},
		{"another's", "// Inferno utils/6l/l.h\n//\n//\tCopyright © 1994-1999 Lucent Technologies Inc.\n\npackage x\n", 1},
		{"another's below Go's", own + "\npackage x\n\n// origin: x.c\n// Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved.\n", 1},
		{"none", "package x // copyright is a word\n", 0},
	} {
		if got := foreign(c.src); len(got) != c.want {
			t.Errorf("%s: want %d notices, got %q", c.name, c.want, got)
		}
	}
}
