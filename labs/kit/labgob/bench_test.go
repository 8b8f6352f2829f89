package labgob

import (
	"bytes"
	"encoding/gob"
	"testing"
)

// message is what the benchmarks send: a heartbeat, entries to replicate with
// commands of two kinds, a whole log to save.
var messages = []struct {
	name string
	v    func() interface{}
	into func() interface{}
}{
	{"heartbeat", func() interface{} { return &appendArgs{7, 1, 120, 7, nil, 118} }, func() interface{} { return new(appendArgs) }},
	{"reply", func() interface{} { return &reply{Success: true, Term: 7} }, func() interface{} { return new(reply) }},
	{"entries-int", func() interface{} { return &appendArgs{7, 1, 120, 7, entriesOf(3, false), 118} }, func() interface{} { return new(appendArgs) }},
	{"entries-op", func() interface{} { return &appendArgs{7, 1, 120, 7, entriesOf(3, true), 118} }, func() interface{} { return new(appendArgs) }},
	{"log100-int", func() interface{} { e := entriesOf(100, false); return &e }, func() interface{} { return new([]entry) }},
	{"log100-op", func() interface{} { e := entriesOf(100, true); return &e }, func() interface{} { return new([]entry) }},
}

func entriesOf(n int, ops bool) (es []entry) {
	for i := 0; i < n; i++ {
		var c interface{} = i * 37
		if ops {
			c = operation{"Put", "key", "some value", int64(i) << 40, i}
		}
		es = append(es, entry{i / 10, c})
	}
	return es
}

// Each iteration makes a message with a fresh encoder and reads it with a fresh
// decoder, as a student's code does.
func BenchmarkGob(b *testing.B) {
	for _, m := range messages {
		v := m.v()
		b.Run(m.name+"/encode", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				var w bytes.Buffer
				gob.NewEncoder(&w).Encode(v)
			}
		})
		var w bytes.Buffer
		gob.NewEncoder(&w).Encode(v)
		b.Run(m.name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(w.Len()), "B/msg")
			for i := 0; i < b.N; i++ {
				if err := gob.NewDecoder(bytes.NewBuffer(w.Bytes())).Decode(m.into()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLabgob(b *testing.B) {
	for _, m := range messages {
		v := m.v()
		b.Run(m.name+"/encode", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				var w bytes.Buffer
				NewEncoder(&w).Encode(v)
			}
		})
		var w bytes.Buffer
		NewEncoder(&w).Encode(v)
		b.Run(m.name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			b.ReportMetric(float64(w.Len()), "B/msg")
			for i := 0; i < b.N; i++ {
				if err := NewDecoder(bytes.NewBuffer(w.Bytes())).Decode(m.into()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The kit's own way.
func BenchmarkMarshal(b *testing.B) {
	for _, m := range messages {
		v := m.v()
		b.Run(m.name+"/encode", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				Marshal(v)
			}
		})
		data, _ := Marshal(v)
		b.Run(m.name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; i < b.N; i++ {
				if err := Unmarshal(data, m.into()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
