package gobview

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/raftlab/raftlab/labs/kit/labgob"
)

type op struct {
	Kind, Key, Value string
	Seq              int64
}

type entry struct {
	Term    int
	Command interface{}
}

type args struct {
	Term, Leader int
	Entries      []entry
	Commit       int
}

type node struct {
	Name string
	Next *node
}

type big struct {
	A, B, C, D, E, F, G, H, I int
	At                        time.Time
	Tags                      map[string][]byte
	Grid                      [2]float64
	OK                        bool
	Ref                       *node
}

type ambiguous1 struct{ Term int }
type ambiguous2 struct{ Term int }

func TestShownAsGoWritesIt(t *testing.T) {
	labgob.Register(op{})
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	types, err := Parse(labgob.Describe(args{}, &big{}, ambiguous1{}, ambiguous2{}, op{}, make(chan int), nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		v    interface{}
		want string
	}{
		{5, "5"}, {-7, "-7"}, {uint8(250), "250"}, {uint64(1 << 63), "9223372036854775808"}, {2.5, "2.5"}, {2 - 1i, "(2-1i)"}, {true, "true"}, {"a\"b", `"a\"b"`}, {[]byte("az"), "617a"},
		{args{3, 1, nil, 0}, "gobview.args{Term:3 Leader:1}"},
		{args{3, 0, []entry{{1, 100}, {2, "x"}, {3, op{"Put", "k", "", 1 << 40}}, {4, nil}, {0, []string{"a", ""}}}, 2},
			`gobview.args{Term:3 Entries:[gobview.entry{Term:1 Command:100} gobview.entry{Term:2 Command:"x"} gobview.entry{Term:3 Command:gobview.op{Kind:"Put" Key:"k" Seq:1099511627776}} gobview.entry{Term:4} gobview.entry{Command:["a" ""]}] Commit:2}`},
		{big{I: 9, At: at, Tags: map[string][]byte{"t": {1}}, Grid: [2]float64{0, 1.5}, OK: true, Ref: &node{"a", &node{Name: "b"}}},
			`gobview.big{I:9 At:2026-01-02T03:04:05.000000006Z Tags:map["t":01] Grid:[0 1.5] OK:true Ref:gobview.node{Name:"a" Next:gobview.node{Name:"b"}}}`},
		{ambiguous1{4}, "{Term:4}"},
		{strings.Repeat("x", 5000), `"` + strings.Repeat("x", 200) + `"... (5000 bytes)`},
	} {
		b, err := labgob.Marshal(c.v)
		if err != nil {
			t.Fatal(err)
		}
		vs, err := types.Values(b)
		if err != nil || len(vs) != 1 || vs[0].String() != c.want {
			t.Errorf("%#v is shown as %v (%v), want %s", c.v, vs, err, c.want)
		}
	}
}

func TestOmittedFieldsAreMarked(t *testing.T) {
	b, _ := labgob.Marshal(args{Term: 3})
	vs, err := (*Types)(nil).Values(b)
	if err != nil {
		t.Fatal(err)
	}
	f := vs[0].Fields
	if len(f) != 4 || f[0].Value.Omitted || f[0].Value.Text != "3" || !f[1].Value.Omitted || f[1].Value.Text != "0" || f[2].Value.Text != "nil" {
		t.Errorf("fields are %+v", f)
	}
}

func TestSavedStateIsAStream(t *testing.T) {
	labgob.Register(op{})
	var w bytes.Buffer
	enc := labgob.NewEncoder(&w)
	for _, v := range []interface{}{7, 2, []entry{{1, op{Key: "a"}}}, entry{2, op{Key: "b"}}, op{Key: "c"}, "", []entry{{3, 4}}} {
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	vs, err := (*Types)(nil).Values(w.Bytes())
	var got []string
	for _, v := range vs {
		got = append(got, v.String())
	}
	want := `7 2 [{Term:1 Command:github.com/raftlab/raftlab/grader/report/gobview.op{Key:"a"}}] ` +
		`{Term:2 Command:github.com/raftlab/raftlab/grader/report/gobview.op{Key:"b"}} {Key:"c"} "" [{Term:3 Command:4}]`
	if err != nil || strings.Join(got, " ") != want {
		t.Errorf("got  %s (%v)\nwant %s", strings.Join(got, " "), err, want)
	}
	for n := range w.Bytes() {
		(*Types)(nil).Values(w.Bytes()[:n])
	}
}

func FuzzValues(f *testing.F) {
	types, err := Parse(labgob.Describe(args{}, big{}))
	if err != nil {
		f.Fatal(err)
	}
	for _, v := range []interface{}{5, args{1, 2, []entry{{1, op{}}}, 3}, big{Ref: &node{}}, []interface{}{1, "a", []int{1}}} {
		if b, err := labgob.Marshal(v); err == nil {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		types.Values(b)
		(*Types)(nil).Values(b)
	})
}
