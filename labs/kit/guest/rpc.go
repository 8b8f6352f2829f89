package guest

import (
	"reflect"
	"sort"
	"strconv"
	"strings"

	"github.com/raftlab/raftlab/labs/kit/labgob"
	"github.com/raftlab/raftlab/labs/kit/sched"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// method is a handler: an exported method with two parameters, of which the
// second is a pointer, and no results.
type method struct {
	name  string // "Raft.RequestVote"
	fn    reflect.Value
	args  reflect.Type // without the pointer, if it is one
	ptr   bool
	reply reflect.Type
}

// remoteMethods finds the handlers among the methods that Handlers named.
func remoteMethods(rf interface{}) map[string]*method {
	v := reflect.ValueOf(rf)
	service := reflect.Indirect(v).Type().Name()
	ms := map[string]*method{}
	for name, find := range self.handlers {
		fn := find(v)
		if !fn.IsValid() {
			continue // a method of another type
		}
		t := fn.Type()
		if t.NumIn() != 2 || t.NumOut() != 0 || t.In(1).Kind() != reflect.Ptr {
			continue
		}
		m := &method{name: service + "." + name, fn: fn, args: t.In(0), reply: t.In(1).Elem()}
		if m.ptr = m.args.Kind() == reflect.Ptr; m.ptr {
			m.args = m.args.Elem()
		}
		ms[m.name] = m
	}
	return ms
}

func (s *server) names() []string {
	var names []string
	for n := range s.methods {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// types describes the methods, and the types they speak in, as JSON:
// {"methods": {"Raft.RequestVote": [type of args, of reply], ...}, "types": ...}.
func (s *server) types() []byte {
	var values []interface{}
	b := []byte(`{"methods":{`)
	for i, n := range s.names() {
		m := s.methods[n]
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, n)
		b = append(b, ":["...)
		b = strconv.AppendQuote(b, m.args.String())
		b = append(b, ',')
		b = strconv.AppendQuote(b, m.reply.String())
		b = append(b, ']')
		values = append(values, reflect.Zero(m.args).Interface(), reflect.Zero(m.reply).Interface())
	}
	b = append(b, `},"types":`...)
	b = append(b, labgob.Describe(values...)...)
	return append(b, '}')
}

// reply is what a call ended with.
type reply struct {
	body []byte
	ok   bool
}

// Prepare implements labrpc.Transport.
func (s *server) Prepare(m string) {
	if s.methods != nil && s.methods[m] == nil {
		s.Misuse(s.unknown(m))
	}
	sched.Point()
}

func (s *server) unknown(m string) string {
	return "labrpc: there is no method " + strconv.Quote(m) + " to call; there are: " + strings.Join(s.names(), ", ") +
		". A handler is an exported method with two parameters, the second a pointer, and no results."
}

// Call implements labrpc.Transport.
func (s *server) Call(to int, m string, args []byte) ([]byte, bool) {
	hide()
	var ch chan reply
	if n := len(s.spare); n > 0 {
		ch, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		ch = make(chan reply, 1)
	}
	s.lastID++
	id := s.lastID
	s.calls[id] = ch
	show()
	s.emit(&wire.Frame{Kind: wire.FxCall, A: id, B: uint64(to), Name: m, X: args})
	r := <-ch
	if alone {
		s.spare = append(s.spare, ch)
	}
	return r.body, r.ok
}

// Misuse implements labrpc.Transport.
func (s *server) Misuse(text string) { stop(wire.StopProtocol, text, false) }

func (s *server) reply(call uint64, r reply) {
	hide()
	if ch := s.calls[call]; ch != nil {
		delete(s.calls, call)
		ch <- r
	}
	show()
}

// handle lets a goroutine do what an event asks for: one that has done so
// before, if there is one, since its stack has grown to what that needs.
func (s *server) handle(f *wire.Frame) {
	if n := len(s.workers); n > 0 {
		w := s.workers[n-1]
		s.workers = s.workers[:n-1]
		w <- f
		return
	}
	w := make(chan *wire.Frame, 1)
	w <- f
	go func() {
		for f := range w {
			s.do(f)
			if !alone {
				return
			}
			s.workers = append(s.workers, w)
		}
	}()
}

func (s *server) do(f *wire.Frame) {
	switch f.Kind {
	case wire.EvCall:
		s.serve(f.A, f.B, f.Name, f.X)
	case wire.EvStart:
		s.start(f.A, f.X)
	case wire.EvSnapshot:
		s.snapshot(f.A, f.B, f.X)
	case wire.EvInvoke:
		s.invoke(f.A, f.B, f.Name, f.X)
	}
}

func (s *server) serve(call, from uint64, name string, args []byte) {
	s.made()
	m := s.methods[name]
	if m == nil {
		s.Misuse(s.unknown(name))
	}
	sched.Point()
	a, r := reflect.New(m.args), reflect.New(m.reply)
	if err := labgob.Unmarshal(args, a.Interface()); err != nil {
		s.Misuse("labrpc: " + name + ": the arguments cannot be decoded into " + m.args.String() + ": " + err.Error())
	}
	if !m.ptr {
		a = a.Elem()
	}
	m.fn.Call([]reflect.Value{a, r})
	b, err := labgob.Marshal(r.Interface())
	if err != nil {
		s.Misuse("labrpc: " + name + ": the reply cannot be encoded: " + err.Error())
	}
	s.emit(&wire.Frame{Kind: wire.FxReply, A: call, B: from, Name: name, X: b})
}
