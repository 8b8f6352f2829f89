package labgob

import (
	"bytes"
	"encoding/json"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

// heard collects the warnings that f causes.
func heard(t *testing.T, f func()) (said []string) {
	t.Helper()
	SetWarn(func(s string) { said = append(said, s) })
	defer SetWarn(func(string) {})
	f()
	return said
}

func TestLowerCaseFieldIsToldOnce(t *testing.T) {
	type deep struct{ secret int }
	type message struct {
		Term  int
		votes int
		Deep  []map[string]*deep
		When  time.Time
	}
	said := heard(t, func() {
		Marshal(message{Term: 1, Deep: []map[string]*deep{}})
		Marshal(&message{})
		Unmarshal(nil, new(message))
		Register(deep{})
	})
	want := []string{
		"labgob error: lower-case field votes of message in RPC or persist/snapshot will break your Raft",
		"labgob error: lower-case field secret of deep in RPC or persist/snapshot will break your Raft",
	}
	if !reflect.DeepEqual(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}

func TestUsedVariableIsToldOnce(t *testing.T) {
	type usedReply struct {
		UsedTerm int
		Log      []int
		Inner    struct{ Deep int }
	}
	b, err := Marshal(usedReply{UsedTerm: 4})
	if err != nil {
		t.Fatal(err)
	}
	said := heard(t, func() {
		Unmarshal(b, &usedReply{Log: []int{1}})
		r := usedReply{}
		for i := 0; i < 3; i++ {
			if err := Unmarshal(b, &r); err != nil {
				t.Fatal(err)
			}
		}
	})
	want := []string{"labgob warning: Decoding into a non-default variable/field UsedTerm may not work"}
	if !reflect.DeepEqual(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}

// A deep value must not use up the stack that a student's server has.
func TestDeepValuesEndBeforeTheStackDoes(t *testing.T) {
	head := &list{}
	for i := 0; i < maxDepth-2; i++ {
		head = &list{Value: i, Next: head}
	}
	b, err := Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := Marshal(&list{Next: &list{Next: head}})
	if err != nil {
		t.Fatal(err)
	}
	defer debug.SetMaxStack(debug.SetMaxStack(4 << 20))
	var got list
	if err := Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if err := Unmarshal(b, nil); err != nil {
		t.Fatal(err)
	}
	if err := Unmarshal(deeper, new(list)); err == nil || !strings.Contains(err.Error(), "deeper") {
		t.Fatalf("a value nested deeper than the limit: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	type state struct {
		Term   int32
		Log    []entry
		Votes  map[string]bool
		Grid   [2][]byte
		When   *time.Time
		Next   *list
		hidden int
		F      func()
	}
	var d struct {
		Version  int
		Roots    []int
		Concrete []struct {
			Name string
			Type int
		}
		Types []struct {
			Kind, Name, Error       string
			Bits, Elem, Key, Length int
			Fields                  []struct {
				Name string
				Type int
			}
		}
	}
	b := Describe(&state{}, 5, make(chan int), nil, []interface{}{})
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	root := d.Types[d.Roots[0]]
	var got []string
	for _, f := range root.Fields {
		got = append(got, f.Name+" "+d.Types[f.Type].Kind+" "+d.Types[f.Type].Name)
	}
	want := []string{"Term int int32", "Log slice []labgob.entry", "Votes map map[string]bool", "Grid array [2][]uint8", "When gob time.Time", "Next struct labgob.list"}
	if root.Kind != "struct" || root.Name != "labgob.state" || !reflect.DeepEqual(got, want) {
		t.Errorf("fields of %s %s are %q, want %q", root.Kind, root.Name, got, want)
	}
	if k := d.Types[d.Roots[1]]; k.Kind != "int" || k.Bits != 64 {
		t.Errorf("int is described as %+v", k)
	}
	for _, i := range d.Roots[2:4] {
		if k := d.Types[i]; k.Kind != "error" || k.Error == "" {
			t.Errorf("what cannot be sent is described as %+v", k)
		}
	}
	if !bytes.Contains(b, []byte(`{"name":"another name"`)) {
		t.Error("a registered name is missing")
	}
}
