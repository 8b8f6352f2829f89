package build

import (
	_ "embed" // for the generated files
	"fmt"
	"go/ast"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// The MIT course's key/value service stands on the student's Raft in a checkout:
// to 2024 in package kvraft, whose clerk has Get, Put and Append; since 2025 in
// package kvraft of the folder kvraft1, on package rsm, whose keys have versions.

// kvraft is where the parts of the course's service are.
type kvraft struct {
	dir, importPath string
	rsm, rsmPath    string // since 2025
	versioned       bool   // since 2025
}

// CourseService reports whether a folder on disk is that of the MIT course's
// service, package kvraft or rsm, and not of its Raft.
func CourseService(dir string) bool {
	o := Options{Dir: dir}
	o.defaults()
	f, err := openFolder(&o)
	if err != nil {
		return false
	}
	defer f.close()
	d := f.list(f.base)
	return !holdsRaft(d) && (holds(d, "kvraft") || holds(d, "rsm"))
}

// climb makes a parent of the folder named the one to look in, if that holds the
// service and not its Raft.
func (f *folder) climb(confined bool) error {
	if !holds(f.list(f.base), "kvraft") && !holds(f.list(f.base), "rsm") {
		return nil
	}
	if f.root == nil || f.base != "." || confined {
		for at, up := path.Dir(f.base), 0; up < 3; at, up = path.Dir(at), up+1 {
			if slices.ContainsFunc(places, func(p string) bool { return holdsRaft(f.list(path.Join(at, p))) }) {
				f.search = at
				return nil
			}
		}
		return nil
	}
	for at, up := filepath.Dir(f.dir), 0; up < 3; at, up = filepath.Dir(at), up+1 {
		for _, p := range places[:2] {
			if fi, err := os.Lstat(filepath.Join(at, p)); err != nil || !fi.IsDir() {
				continue
			}
			rel, err := filepath.Rel(at, f.dir)
			if err != nil {
				return nil
			}
			if err := f.open(at, filepath.ToSlash(rel)); err != nil {
				return fail(Usage, err, fmt.Sprintf("cannot read %s: %v", at, cause(err)), "Name a folder that you may read.")
			}
			f.search = "."
			return nil
		}
	}
	return nil
}

// findKVRaft finds the service beside the Raft.
func (l *layout) findKVRaft(f *folder) error {
	is := func(dir string) bool { return holds(f.list(dir), "kvraft") }
	beside := path.Dir(l.raft)
	found := ""
	for _, dir := range []string{f.base, path.Dir(f.base), path.Join(beside, "kvraft1"), path.Join(beside, "kvraft"), path.Join(l.root, "kvraft1"), path.Join(l.root, "kvraft")} {
		if within(l.root, dir) != dir || l.root == "." {
			if found == "" && is(dir) {
				found = dir
			}
		}
	}
	if found == "" {
		return fail(Usage, nil, "expected a package kvraft beside package raft, found none in "+f.shown(path.Join(beside, "kvraft1"))+" nor in "+f.shown(path.Join(beside, "kvraft")),
			"Name the checkout's folder, or the one that holds package kvraft. The service of this grader's own lab is graded by: grade --lab kv")
	}
	kv := &l.kvraft
	kv.dir, kv.importPath = found, l.profile.Module
	if rel := within(l.root, found); rel != "." {
		kv.importPath += "/" + rel
	}
	in := "" // the file with MakeClerk
	for _, s := range f.list(found).sources {
		file := parseQuietly(s)
		if file == nil {
			continue
		}
		if mk := findFunc(file, "MakeClerk"); mk != nil {
			in, kv.versioned = s.name, len(types(mk.Type.Params, nil)) == 2
		}
	}
	l.profile.Service = f.shown(found)
	switch {
	case in == "":
		l.profile.Why += fmt.Sprintf("; package kvraft in %s, without a MakeClerk", l.profile.Service)
	case kv.versioned:
		l.profile.Why += fmt.Sprintf("; package kvraft in %s, on package rsm: MakeClerk in %s takes a Clnt and names", l.profile.Service, in)
	default:
		l.profile.Why += fmt.Sprintf("; package kvraft in %s, without rsm: MakeClerk in %s takes the servers", l.profile.Service, in)
	}
	if kv.versioned {
		kv.rsm = path.Join(found, "rsm")
		if !holds(f.list(kv.rsm), "rsm") {
			return fail(Usage, nil, fmt.Sprintf("expected package rsm in %s, found none", f.shown(kv.rsm)), "The course has it there since 2025: put it back.")
		}
		kv.rsmPath = kv.importPath + "/rsm"
	} else {
		l.profile.Lacks = append(slices.Clone(l.profile.Lacks), "MakeRSM")
	}
	if kv.versioned == l.gen.classic {
		return fail(Usage, nil, fmt.Sprintf("package kvraft in %s is of another year than package raft in %s", l.profile.Service, l.profile.Raft),
			"Name the checkout in which both belong together, or name its year: --profile. Recognised: "+l.profile.Why)
	}
	return nil
}

// The signatures that the course asks for.
func (l *layout) kvraftParts() []servicePart {
	kv := &l.kvraft
	if !kv.versioned {
		return []servicePart{{"kvraft", kv.dir, kv.importPath, []serviceFunc{
			{"StartKVServer", "", "func StartKVServer(servers []*labrpc.ClientEnd, me int, persister *raft.Persister, maxraftstate int) *KVServer", 4},
			{"MakeClerk", "", "func MakeClerk(servers []*labrpc.ClientEnd) *Clerk", 1},
			{"Get", "Clerk", "func (ck *Clerk) Get(key string) string", 1},
			{"Put", "Clerk", "func (ck *Clerk) Put(key string, value string)", 2},
			{"Append", "Clerk", "func (ck *Clerk) Append(key string, value string)", 2},
		}}}
	}
	return []servicePart{
		{"kvraft", kv.dir, kv.importPath, []serviceFunc{
			{"StartKVServer", "", "func StartKVServer(servers []*labrpc.ClientEnd, gid tester.Tgid, me int, persister *tester.Persister, maxraftstate int) []tester.IService", 5},
			{"MakeClerk", "", "func MakeClerk(clnt *tester.Clnt, servers []string) kvtest.IKVClerk", 2},
			{"Get", "Clerk", "func (ck *Clerk) Get(key string) (string, rpc.Tversion, rpc.Err)", 1},
			{"Put", "Clerk", "func (ck *Clerk) Put(key string, value string, version rpc.Tversion) rpc.Err", 3},
		}},
		{"rsm", kv.rsm, kv.rsmPath, []serviceFunc{
			{"MakeRSM", "", "func MakeRSM(servers []*labrpc.ClientEnd, me int, persister *tester.Persister, maxraftstate int, sm StateMachine) *RSM", 5},
			{"Submit", "RSM", "func (rsm *RSM) Submit(req any) (rpc.Err, any)", 1},
			{"Raft", "RSM", "func (rsm *RSM) Raft() raftapi.Raft", 0},
		}},
	}
}

// isServicePart reports whether a file of the course's service holds part of it,
// and not of the tests.
func isServicePart(file *ast.File) bool {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && slices.Contains([]string{"StartKVServer", "MakeClerk", "MakeRSM"}, d.Name.Name) ||
				d.Recv != nil && slices.Contains([]string{"KVServer", "Clerk", "RSM"}, receiver(d)) {
				return true
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if t, ok := spec.(*ast.TypeSpec); ok && slices.Contains([]string{"KVServer", "Clerk", "RSM", "StateMachine"}, t.Name.Name) {
					return true
				}
			}
		}
	}
	return false
}

// kvtest is the package kvtest of the years since 2025, as far as a clerk needs
// it; it speaks of types of the student's package rpc.
func (c *checker) addKVTest(files map[string][]byte) {
	if c.rpc == "" {
		c.rpc = c.l.profile.Module + "/kvsrv1/rpc"
	}
	if c.kvtest == "" {
		return
	}
	files[strings.TrimPrefix(c.kvtest, c.l.profile.Module+"/")+"/raftlab_generated.go"] = fmt.Appendf(nil, `// Code generated by raftlab. DO NOT EDIT.

package kvtest

import rpc %q

// IKVClerk is a clerk of the key/value service.
type IKVClerk interface {
	Get(string) (string, rpc.Tversion, rpc.Err)
	Put(string, string, rpc.Tversion) rpc.Err
}
`, c.rpc)
}

//go:embed glue/kvdisk.txt
var kvdiskText string

// raftOf finds the field of the server in which its Raft is: rf, as the course's
// tests have it, or else the one whose type says so.
func (c *checker) raftOf(p *pkg) (field string, at Problem) {
	at = Problem{File: p.files[0].shown}
	for _, f := range p.files {
		st := declared[*ast.StructType](f.ast, "KVServer")
		if st == nil {
			continue
		}
		at = f.problem(st.Pos(), "", "")
		for _, fl := range st.Fields.List {
			if t := typeName(fl.Type, f); t != "*raft.Raft" && t != "*Raft" {
				continue
			}
			for _, id := range fl.Names {
				if field == "" || id.Name == "rf" {
					field = id.Name
				}
			}
		}
	}
	return field, at
}

// kvraftGlue is the generated file of the course's package kvraft to 2024.
func (t *Tree) kvraftGlue(rf string) []byte {
	return fmt.Appendf(nil, `// Code generated by raftlab. DO NOT EDIT.

package kvraft

import (
	raftlabguest %q
	raftlabraft %q
)

// RaftlabStart makes the server.
func RaftlabStart(env *raftlabguest.Env, max int) ([]interface{}, raftlabguest.Server) {
	kv := StartKVServer(env.Peers, env.Me, raftlabraft.RaftlabOpen(env), max)
	if kv == nil || kv.%[3]s == nil {
		return []interface{}{kv}, nil
	}
	return []interface{}{kv, kv.%[3]s}, kv.%[3]s
}
`, t.check.kitPath("guest"), t.Profile.Import, rf)
}

// kvraftMain is the generated package main: see guest.RegisterKVRaft.
func (t *Tree) kvraftMain() []byte {
	kv := &t.check.l.kvraft
	if !kv.versioned {
		return fmt.Appendf(nil, `// Code generated by raftlab. DO NOT EDIT.

package main

import (
	guest %q
	kvraft %q
	"reflect"
)

func init() {
	guest.RegisterKVRaft(guest.KVRaft{
		Start: kvraft.RaftlabStart,
		Plain: func(e *guest.Env) guest.Plain { return kvraft.MakeClerk(e.Peers) },
	})
	guest.Handlers(map[string]func(reflect.Value) reflect.Value{
%s	})
}

func main() {}
`, t.check.kitPath("guest"), kv.importPath, t.check.handlers(""))
	}
	register := ""
	for _, p := range t.check.pkgs {
		for _, f := range p.files {
			if p.importPath == kv.rsmPath && declared[ast.Expr](f.ast, "Op") != nil {
				register = "\t\t\tlabgob.Register(rsm.Op{})\n"
			}
		}
	}
	return fmt.Appendf(nil, `// Code generated by raftlab. DO NOT EDIT.

package main

import (
	guest %q
	kvraft %q
	labgob %q
	"reflect"
	rpc %q
	rsm %q
	tester %q
)

var _ = labgob.Register

func init() {
	guest.RegisterKVRaft(guest.KVRaft{
		Start: func(e *guest.Env, max int) (remote []interface{}, rf guest.Server) {
			p := tester.OpenPersister(e.State, e.Snapshot, e.Save)
			for _, s := range kvraft.StartKVServer(e.Peers, tester.GRP0, e.Me, p, max) {
				var service interface{} = s
				remote = append(remote, service)
				if r, ok := service.(guest.Server); ok {
					rf = r
				}
			}
			return remote, rf
		},
		Versioned: func(e *guest.Env, clnt *tester.Clnt, names []string) *guest.Versioned {
			ck := kvraft.MakeClerk(clnt, names)
			if ck == nil {
				return nil
			}
			return &guest.Versioned{
				Get: func(key string) (string, uint64, string) {
					value, version, err := ck.Get(key)
					return value, uint64(version), string(err)
				},
				Put: func(key, value string, version uint64) string {
					return string(ck.Put(key, value, rpc.Tversion(version)))
				},
			}
		},
		Machine: func(e *guest.Env, max int, sm *guest.Machine) (func(interface{}) (string, interface{}), guest.Server) {
%s			r := rsm.MakeRSM(e.Peers, e.Me, tester.OpenPersister(e.State, e.Snapshot, e.Save), max, sm)
			if r == nil || r.Raft() == nil {
				return nil, nil
			}
			return func(req interface{}) (string, interface{}) {
				err, result := r.Submit(req)
				return string(err), result
			}, r.Raft()
		},
	})
	guest.Handlers(map[string]func(reflect.Value) reflect.Value{
%s	})
}

func main() {}
`, t.check.kitPath("guest"), kv.importPath, t.check.kitPath("labgob"), t.check.rpc, kv.rsmPath, t.check.kitPath("tester"), register, t.check.handlers(""))
}

// holds reports whether a folder holds package name.
func holds(d *dir, name string) bool {
	return d != nil && slices.ContainsFunc(d.sources, func(s source) bool { n, _ := s.clause(); return n == name })
}

// addService adds what is generated for the course's service.
func (t *Tree) addService() error {
	c := t.check
	if c.l.service != "kvraft" {
		return nil
	}
	c.addKVTest(t.Files)
	if c.l.kvraft.versioned {
		return nil
	}
	rf, at := c.raftOf(c.pkgs[1])
	if rf == "" {
		at.Reason, at.Advice = "KVServer has no field of type *raft.Raft; the grader, as the course's tests, finds the server's Raft there", "Declare it: rf *raft.Raft"
		return &Error{Kind: Compile, Problems: []Problem{at}}
	}
	dir := strings.TrimPrefix(strings.TrimPrefix(c.l.kvraft.importPath, t.Module), "/")
	t.Files[path.Join(dir, "raftlab_generated.go")] = t.kvraftGlue(rf)
	return nil
}
