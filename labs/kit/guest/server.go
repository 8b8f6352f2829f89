package guest

import (
	"reflect"
	"runtime"
	"sync"
	"time"

	"github.com/raftlab/raftlab/labs/kit/labgob"
	"github.com/raftlab/raftlab/labs/kit/labrpc"
	"github.com/raftlab/raftlab/labs/kit/sched"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// makeLimit is the virtual time after which a Make that has not returned ends
// the server. The lab wants it to return quickly.
const makeLimit = 10 * time.Second

// server is the one server of this module instance. Goroutines switch only
// where they block, so its fields need no lock.
type server struct {
	mk       func(*Env) Server
	handlers map[string]func(reflect.Value) reflect.Value

	client  Client     // of this node, if it is not a server
	local   Client     // what can be asked of this server; nil: nothing
	clients Clients    // who serves the nodes after the servers; nil: nobody
	order   sync.Mutex // held by the client's operation; see invoke
	rf      Server
	ready   chan struct{} // closed when Make has returned
	later   []func()      // what came before that

	peers   int
	methods map[string]*method
	calls   map[uint64]chan reply
	spare   []chan reply
	workers []chan *wire.Frame // goroutines that wait for an event
	lastID  uint64

	service service

	observed  bool
	term      int
	leader    bool
	out       []byte // buffer for frames
	unstarted bool   // Make is still running
}

var self server

func name(b []byte) string {
	if m := self.methods[string(b)]; m != nil {
		return m.name
	}
	return string(b)
}

// event takes in what the host says. It must not block: it runs on the
// goroutine that ends the step.
func (s *server) event(b []byte) {
	var f wire.Frame
	if err := f.Parse(b, name); err != nil {
		panic(err)
	}
	switch f.Kind {
	case wire.EvBoot:
		s.boot(&f)
	case wire.EvReply:
		s.reply(f.A, reply{f.X, true})
	case wire.EvFailed:
		s.reply(f.A, reply{})
	case wire.EvPause:
		s.service.pause(true)
		s.emit(&wire.Frame{Kind: wire.FxRespond, A: f.A})
	case wire.EvResume:
		s.service.pause(false)
		s.emit(&wire.Frame{Kind: wire.FxRespond, A: f.A})
	case wire.EvDump:
		s.dump(f.A)
	default:
		if s.unstarted {
			s.later = append(s.later, func() { s.request(&f) })
		} else {
			s.request(&f)
		}
	}
}

// request takes in an event that needs the student's server.
func (s *server) request(f *wire.Frame) {
	switch f.Kind {
	case wire.EvCall, wire.EvStart, wire.EvSnapshot, wire.EvInvoke:
		s.handle(f)
	case wire.EvTypes:
		s.emit(&wire.Frame{Kind: wire.FxTypes, X: s.types()})
	}
}

func (s *server) boot(f *wire.Frame) {
	sched.Seed(int(f.Flag), f.D)
	labgob.SetWarn(func(text string) { println(text) })
	s.peers = int(f.B)
	s.ready = make(chan struct{})
	s.calls = map[uint64]chan reply{}
	s.unstarted = true
	s.service = service{s: s, every: int(f.C), wake: make(chan struct{}, 1), digest: wire.NewDigest()}
	if d, err := wire.ParseDigest(f.Y); err == nil {
		s.service.digest = d
	}
	env := &Env{
		Me:       int(f.A),
		State:    append([]byte(nil), f.X...),
		Snapshot: append([]byte(nil), f.Y...),
		Save: func(state, snapshot []byte) {
			sched.Point()
			s.emit(&wire.Frame{Kind: wire.FxSave, X: state, Y: snapshot})
			sched.Point()
		},
		Note: func(text, details string) {
			s.emit(&wire.Frame{Kind: wire.FxNote, Name: text, X: []byte(details)})
		},
		Applied: func(recv func(<-chan struct{}) (Msg, Received)) {
			go s.service.run(recv)
		},
	}
	s.service.env = env
	for i := 0; i < s.peers; i++ {
		env.Peers = append(env.Peers, labrpc.MakeClientEnd(i, s))
	}
	go s.observe()
	go s.makeServer(env)
}

func (s *server) makeServer(env *Env) {
	late := time.AfterFunc(makeLimit, func() {
		stop(wire.StopDeadlock, "Make has not returned after "+makeLimit.String()+". It must return quickly: what takes long belongs in a goroutine.", true)
	})
	var rf Server
	if s.clients != nil && env.Me >= s.peers {
		s.client = s.clients(env)
	} else {
		rf = s.mk(env)
	}
	late.Stop()
	if s.client != nil {
		s.begun()
		return
	}
	if rf == nil || reflect.ValueOf(rf).Kind() == reflect.Ptr && reflect.ValueOf(rf).IsNil() {
		stop(wire.StopProtocol, "Make returned nil: return the *Raft that was made.", false)
	}
	s.rf = rf
	s.methods = map[string]*method{}
	for _, x := range remotes(rf) {
		for n, m := range remoteMethods(x) {
			s.methods[n] = m
		}
	}
	s.begun()
}

// begun lets in what came before the server, or the client, was there.
func (s *server) begun() {
	s.unstarted = false
	close(s.ready)
	for _, f := range s.later {
		f()
	}
	s.later = nil
}

func (s *server) start(id uint64, command []byte) {
	s.made()
	cmd, err := wire.ParseCommand(command)
	if err != nil {
		panic(err)
	}
	sched.Point()
	index, term, leader := s.rf.Start(cmd)
	f := wire.Frame{Kind: wire.FxRespond, A: id, B: positive(index), C: positive(term)}
	if leader {
		f.Flag, f.B, f.C = 1, uint64(index), uint64(term) // -1 and the like are told as they are, here and where it applies
	}
	s.emit(&f)
}

// positive is for the -1 that a Start answers which did nothing, and for numbers
// that cannot be.
func positive(i int) uint64 {
	if i < 0 {
		return 0
	}
	return uint64(i)
}

type snapshotter interface {
	Snapshot(index int, snapshot []byte)
}

func (s *server) snapshot(id, index uint64, data []byte) {
	s.made()
	f := wire.Frame{Kind: wire.FxRespond, A: id, B: index}
	if rf, ok := s.rf.(snapshotter); ok {
		rf.Snapshot(int(index), data)
		f.Flag = 1
	}
	s.emit(&f)
}

// observe looks at the server whenever everything waits.
func (s *server) observe() {
	for {
		waitIdle()
		if s.rf == nil {
			continue
		}
		s.made()
		sched.Quiet(true)
		term, leader := s.rf.GetState()
		sched.Quiet(false)
		if s.observed && term == s.term && leader == s.leader {
			continue
		}
		s.observed, s.term, s.leader = true, term, leader
		f := wire.Frame{Kind: wire.FxObserve, A: positive(term)}
		if leader {
			f.Flag = 1
		}
		s.emit(&f)
	}
}

// dump answers with the locks that are held, an empty line, and the stacks of
// all goroutines.
func (s *server) dump(id uint64) {
	b := append(sched.AppendHeld(nil), '\n')
	stacks := make([]byte, 1<<16)
	for {
		n := runtime.Stack(stacks, true)
		if n < len(stacks) || n >= 1<<20 {
			stacks = stacks[:n]
			break
		}
		stacks = make([]byte, 2*len(stacks))
	}
	s.emit(&wire.Frame{Kind: wire.FxRespond, A: id, X: append(b, stacks...)})
}

// made waits for Make to have returned, which it has: to the race detector, all
// that a goroutine does from here on comes after all that Make did.
func (s *server) made() {
	if !alone {
		<-s.ready
	}
}

func (s *server) emit(f *wire.Frame) {
	if !alone {
		emit(f.Append(nil))
		return
	}
	s.out = f.Append(s.out[:0])
	emit(s.out)
}

// stop ends this server with a reason and the stack of this goroutine, or of
// all. It does not return.
func stop(reason int32, text string, all bool) {
	b := append([]byte(text), "\n\n"...)
	stack := make([]byte, 1<<16)
	b = append(b, stack[:runtime.Stack(stack, all)]...)
	stopped(reason, b)
	select {}
}
