package sync

import (
	"go/importer"
	"go/token"
	"go/types"
	"testing"
)

// TestNothingOfTheStandardPackageIsMissing compares with the installed Go, so
// that a new release's additions are noticed.
func TestNothingOfTheStandardPackageIsMissing(t *testing.T) {
	imp := importer.ForCompiler(token.NewFileSet(), "source", nil)
	std, err := imp.Import("sync")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := imp.Import("github.com/raftlab/raftlab/labs/kit/sync")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range std.Scope().Names() {
		want := std.Scope().Lookup(name)
		if !want.Exported() {
			continue
		}
		got := ours.Scope().Lookup(name)
		if got == nil {
			t.Errorf("sync.%s is missing", name)
			continue
		}
		if _, ok := want.(*types.TypeName); !ok {
			continue
		}
		has := methods(got.Type())
		for m, sig := range methods(want.Type()) {
			if has[m] != sig {
				t.Errorf("sync.%s.%s: want %s, got %q", name, m, sig, has[m])
			}
		}
	}
}

func methods(t types.Type) map[string]string {
	if !types.IsInterface(t) {
		t = types.NewPointer(t)
	}
	set := types.NewMethodSet(t)
	m := map[string]string{}
	for i := 0; i < set.Len(); i++ {
		if o := set.At(i).Obj(); o.Exported() {
			m[o.Name()] = types.TypeString(o.Type(), func(*types.Package) string { return "sync" })
		}
	}
	return m
}

func TestCondWaitsAndWakes(t *testing.T) {
	var mu Mutex
	c := NewCond(&mu)
	ready, seen := false, make(chan bool)
	go func() {
		mu.Lock()
		for !ready {
			c.Wait()
		}
		mu.Unlock()
		seen <- true
	}()
	mu.Lock()
	ready = true
	mu.Unlock()
	c.Broadcast()
	<-seen
	if !mu.TryLock() || mu.TryLock() {
		t.Error("TryLock: want true, then false")
	}
}

func TestRWMutexSharesReaders(t *testing.T) {
	var mu RWMutex
	mu.RLock()
	l := mu.RLocker()
	l.Lock()
	if mu.TryLock() {
		t.Error("a writer got in beside two readers")
	}
	l.Unlock()
	mu.RUnlock()
	if !mu.TryLock() || mu.TryRLock() {
		t.Error("want one writer alone")
	}
}
