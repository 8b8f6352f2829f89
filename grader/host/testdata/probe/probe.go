// Command probe is a server that misbehaves on demand: what Start is given says
// how. It is for the host's tests, which know the lines marked below.
package main

import (
	"fmt"
	"log"
	"math/rand"
	"os"
	"reflect"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"github.com/raftlab/raftlab/labs/kit/guest"
	"github.com/raftlab/raftlab/labs/kit/labrpc"
	"github.com/raftlab/raftlab/labs/kit/raftapi"
	"github.com/raftlab/raftlab/labs/kit/sync"
	"github.com/raftlab/raftlab/labs/kit/tester"
)

func init() {
	guest.Register(func(peers []*labrpc.ClientEnd, me int, p *tester.Persister, ch chan raftapi.ApplyMsg) raftapi.Raft {
		return Make(peers, me, p, ch)
	})
	guest.Handlers(map[string]func(reflect.Value) reflect.Value{
		"ByValue": func(server reflect.Value) reflect.Value { return server.MethodByName("ByValue") },
		"Echo":    func(server reflect.Value) reflect.Value { return server.MethodByName("Echo") },
	})
}

func main() {}

type Raft struct {
	mu    sync.Mutex
	rw    sync.RWMutex
	term  int
	done  bool
	state map[string]int
	peers []*labrpc.ClientEnd
	disk  *tester.Persister
	ch    chan raftapi.ApplyMsg
}

var (
	sink [][]byte
	zero int
)

//go:noinline
func (rf *Raft) waitForLeader() {
	for !rf.done { // spin line
	}
}

func (rf *Raft) recurse(n int) int { return rf.recurse(n+1) + 1 }

// fib has no loop of its own.
func fib(n int) int {
	if n < 2 {
		return n
	}
	return fib(n-1) + fib(n-2)
}

// The tower does nothing, in 2 to the power of 30 calls without a loop or a
// branch.
//
//go:noinline
func a0() { zero++ }

//go:noinline
func a1() {
	a0()
	a0()
	a0()
	a0()
	a0()
	a0()
	a0()
	a0()
}

//go:noinline
func a2() {
	a1()
	a1()
	a1()
	a1()
	a1()
	a1()
	a1()
	a1()
}

//go:noinline
func a3() {
	a2()
	a2()
	a2()
	a2()
	a2()
	a2()
	a2()
	a2()
}

//go:noinline
func a4() {
	a3()
	a3()
	a3()
	a3()
	a3()
	a3()
	a3()
	a3()
}

//go:noinline
func a5() {
	a4()
	a4()
	a4()
	a4()
	a4()
	a4()
	a4()
	a4()
}

//go:noinline
func a6() {
	a5()
	a5()
	a5()
	a5()
	a5()
	a5()
	a5()
	a5()
}

//go:noinline
func a7() {
	a6()
	a6()
	a6()
	a6()
	a6()
	a6()
	a6()
	a6()
}

//go:noinline
func a8() {
	a7()
	a7()
	a7()
	a7()
	a7()
	a7()
	a7()
	a7()
}

//go:noinline
func a9() {
	a8()
	a8()
	a8()
	a8()
	a8()
	a8()
	a8()
	a8()
}

//go:noinline
func a10() {
	a9()
	a9()
	a9()
	a9()
	a9()
	a9()
	a9()
	a9()
}

//go:wasmimport raftlab stop
func hostStop(reason int32, p, n uint32)

// lie ends the server as only the kit does, with a text of its own choice.
func lie(reason int32, nowhere bool) {
	text := []byte("all tests passed")
	p, n := uint32(uintptr(unsafe.Pointer(&text[0]))), uint32(len(text))
	if nowhere {
		p, n = 0xfffffff0, 0xffffffff
	}
	hostStop(reason, p, n)
}

func say(format string, args ...interface{}) {
	tester.Annotate("", fmt.Sprintf(format, args...), "")
}

func (rf *Raft) Start(command interface{}) (int, int, bool) {
	what, ok := command.(string)
	if !ok {
		rf.ch <- raftapi.ApplyMsg{CommandValid: true, Command: command, CommandIndex: command.(int)}
		return command.(int), rf.term, true
	}
	var reason int32
	if n, _ := fmt.Sscanf(what, "lie %d", &reason); n == 1 {
		lie(reason, strings.HasSuffix(what, "nowhere"))
	} else if f := probes[what]; f != nil {
		f(rf)
	} else {
		panic("no probe called " + what)
	}
	return 1, rf.term, true
}

var probes map[string]func(rf *Raft)

func init() {
	probes = map[string]func(rf *Raft){
		"spin":  func(rf *Raft) { rf.waitForLeader() },
		"fib":   func(rf *Raft) { fib(90) },
		"tower": func(rf *Raft) { a10() },
		"gosched": func(rf *Raft) {
			for !rf.done {
				runtime.Gosched()
			}
		},
		"polltime": func(rf *Raft) {
			for t := time.Now(); time.Since(t) < time.Second; {
			}
		},
		"select": func(rf *Raft) {
			for c := make(chan int); ; {
				select {
				case <-c:
				default:
				}
			}
		},
		"copies": func(rf *Raft) {
			a, b := make([]byte, 16<<20), make([]byte, 16<<20)
			for {
				copy(a, b)
			}
		},
		"map": func(rf *Raft) {
			m := map[int]int{1: 1}
			for {
				for range m {
					m[1]++
				}
			}
		},
		"pollock": func(rf *Raft) {
			go func() {
				time.Sleep(20 * time.Millisecond)
				rf.mu.Lock()
				rf.done = true
				rf.mu.Unlock()
			}()
			for {
				rf.mu.Lock()
				if rf.done {
					rf.mu.Unlock()
					say("polled until it was done")
					return
				}
				rf.mu.Unlock()
			}
		},
		"polllockforever": func(rf *Raft) {
			for {
				rf.mu.Lock()
				rf.mu.Unlock()
			}
		},
		"panic":   func(rf *Raft) { rf.state["x"] = 1 }, // panic line
		"index":   func(rf *Raft) { sink[rf.term+5] = nil },
		"divide":  func(rf *Raft) { rf.term /= zero },
		"gopanic": func(rf *Raft) { go func() { panic(fmt.Errorf("commit %d < %d", 3, 5)) }() },
		"unlock":  func(rf *Raft) { rf.mu.Unlock() },
		"repanic": func(rf *Raft) {
			defer func() { panic(fmt.Sprint("again: ", recover())) }()
			panic("first")
		},
		"fakepanic": func(rf *Raft) {
			fmt.Fprintf(os.Stderr, "fatal error: out of memory\n\ngoroutine 1 [running]:\nmain.lie()\n\tlie.go:1\n")
			os.Exit(0)
		},
		"exit":  func(rf *Raft) { os.Exit(3) }, // exit line
		"fatal": func(rf *Raft) { log.Fatalf("term went backwards") },
		"logfiles": func(rf *Raft) {
			note := func(what string, args ...interface{}) { tester.Annotate("", fmt.Sprintf(what, args...), "") }
			_, err := os.Stat("raft.log")
			note("before: %v %v", os.IsNotExist(err), err)
			f, err := os.OpenFile("../logs/raft.log", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				log.Fatal(err)
			}
			log.SetFlags(0)
			log.SetOutput(f)
			log.Print("one")
			log.Print("two")
			log.SetOutput(os.Stderr)
			note("closed: %v", f.Close())
			b, err := os.ReadFile("/logs/raft.log")
			note("read: %q %v", b, err)
			g, err := os.Create("a.txt")
			fmt.Fprint(g, "0123456789")
			g.Seek(2, 0)
			g.WriteString("xy")
			g.Truncate(6)
			g.ReadAt(b[:3], 1)
			note("middle: %q", b[:3])
			_, err = os.OpenFile("a.txt", os.O_CREATE|os.O_EXCL, 0)
			note("exclusive: %v", err)
			note("rename: %v", os.Rename("a.txt", "b.txt"))
			fi, err := os.Stat("b.txt")
			note("stat: %d %v %v", fi.Size(), fi.Mode().IsRegular(), err)
			note("mkdir: %v, again %v", os.MkdirAll("x/y", 0o755), os.Mkdir("x/y", 0o755))
			list, err := os.ReadDir(".")
			for _, e := range list {
				note("entry: %s %v", e.Name(), e.IsDir())
			}
			note("not empty: %v", os.Remove("x"))
			note("removed: %v %v %v", os.RemoveAll("x"), os.Remove("b.txt"), os.Remove("b.txt"))
			t, err := os.CreateTemp("", "raft")
			note("temporary: %v %v", t != nil, err)
			_, err = os.Open("/etc/passwd")
			note("passwd: %v", err)
			note("read a folder: %v", func() error { _, err := os.ReadFile("logs"); return err }())
		},
		"manyfiles": func(rf *Raft) {
			for i := 0; i < 300; i++ {
				os.Create(fmt.Sprint(i))
			}
			_, err := os.Create("last")
			tester.Annotate("", fmt.Sprint("last: ", err), "")
		},
		"fillfiles": func(rf *Raft) {
			log.SetFlags(0)
			f, err := os.Create("big.log")
			if err != nil {
				log.Fatal(err)
			}
			line := make([]byte, 1<<20)
			n := 0
			for i := 0; i < 12; i++ {
				m, err := f.Write(line)
				n += m
				if err != nil {
					tester.Annotate("", fmt.Sprint(i, err), "")
				}
			}
			f.Truncate(0)
			_, err = f.WriteAt(line, 0)
			tester.Annotate("", fmt.Sprint(n, " bytes, then ", err), "")
		},
		"memory": func(rf *Raft) {
			for {
				sink = append(sink, make([]byte, 1<<20))
			}
		},
		"smallmemory": func(rf *Raft) {
			for {
				sink = append(sink, make([]byte, 100))
			}
		},
		"recurse": func(rf *Raft) { rf.recurse(0) },
		"goroutines": func(rf *Raft) {
			for i := 0; i < 100000; i++ {
				go func() { select {} }()
			}
		},
		"flood": func(rf *Raft) {
			b := make([]byte, 1<<16)
			for i := range b {
				b[i] = 'x'
			}
			for {
				os.Stdout.Write(b)
			}
		},
		"calls": func(rf *Raft) {
			for {
				go rf.peers[1].Call("Raft.Echo", &Args{}, &Reply{})
			}
		},
		"output": func(rf *Raft) {
			fmt.Println("to stdout")
			fmt.Println("more to stdout")
			fmt.Fprintln(os.Stderr, "to stderr")
			println("by println")
		},
		"files": func(rf *Raft) {
			_, err := os.ReadFile("/etc/passwd")
			say("read: %v", err)
			_, err = os.Create("x")
			say("create: %v", err)
			say("env %q args %q", os.Environ(), os.Args)
			n, err := os.Stdin.Read(make([]byte, 1))
			say("stdin: %d %v", n, err)
		},
		"clock": func(rf *Raft) {
			a := time.Now()
			b := time.Now()
			say("%d %d", a.UnixNano(), b.Sub(a))
			time.Sleep(30 * time.Millisecond)
			say("%d", time.Since(b))
		},
		"deadlock": func(rf *Raft) {
			rf.rw.RLock()
			rf.mu.Lock() // deadlock line
			rf.mu.Lock()
		},
		"term": func(rf *Raft) {
			rf.mu.Lock()
			rf.term++
			rf.mu.Unlock()
		},
		"holdlock": func(rf *Raft) {
			rf.mu.Lock()
			rf.term++
			time.Sleep(50 * time.Millisecond)
			rf.term++
			rf.mu.Unlock()
		},
		"badcall":  func(rf *Raft) { rf.peers[1].Call("Raft.Ecco", &Args{}, &Reply{}) },
		"badarg":   func(rf *Raft) { rf.peers[1].Call("Raft.Echo", &struct{ F func() }{}, &Reply{}) },
		"badreply": func(rf *Raft) { rf.peers[0].Call("Raft.Echo", &Args{X: 1}, &struct{ X string }{}) },
		"call": func(rf *Raft) {
			var r Reply
			ok := rf.peers[0].Call("Raft.Echo", &Args{X: 7, S: "seven"}, &r)
			say("call: %v %+v", ok, r)
		},
		"closechannel": func(rf *Raft) { close(rf.ch) },
		"random": func(rf *Raft) {
			m := map[int]bool{}
			for i := 0; i < 20; i++ {
				m[i] = true
			}
			for i := 0; i < 20; i++ {
				i := i
				go func() {
					for k := range m {
						say("%d: %d %d %p", i, k, rand.Int63(), &k)
						time.Sleep(time.Duration(rand.Intn(1000)) * time.Microsecond)
						break
					}
				}()
			}
		},
		"locks": func(rf *Raft) {
			for i := 0; i < 8; i++ {
				i := i
				go func() {
					for k := 0; k < 10; k++ {
						rf.mu.Lock()
						say("%d", i)
						rf.mu.Unlock()
					}
				}()
			}
		},
		"timers": func(rf *Raft) {
			time.AfterFunc(100*time.Millisecond, func() { say("must not run") }).Stop()
			t := time.NewTimer(200 * time.Millisecond)
			t.Reset(400 * time.Millisecond)
			go func() { <-t.C; say("reset timer") }()
			k := time.NewTicker(150 * time.Millisecond)
			go func() { <-k.C; <-k.C; k.Stop(); say("ticked twice") }()
			go func() { time.Sleep(time.Duration(1<<63 - 1)) }()
		},
		"nested": func(rf *Raft) {
			defer time.Sleep(time.Nanosecond)
			time.Sleep(3 * time.Nanosecond)
		},
		"save": func(rf *Raft) {
			rf.disk.Save([]byte("state"), []byte("snapshot"))
			say("%q %q %d", rf.disk.ReadRaftState(), rf.disk.ReadSnapshot(), rf.disk.SnapshotSize())
		},
	}
}

type Args struct {
	X int
	S string
}
type Reply struct {
	X int
	S string
}

func (rf *Raft) Echo(args *Args, reply *Reply) {
	reply.X, reply.S = args.X, args.S
	if args.X == 1 {
		reply.X = 1
	}
}

func (rf *Raft) ByValue(args Args, reply *Reply) { reply.X = args.X }

func (rf *Raft) GetState() (int, bool) {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	return rf.term, false
}

func (rf *Raft) Snapshot(index int, snapshot []byte) { say("snapshot %d %q", index, snapshot) }
func (rf *Raft) PersistBytes() int                   { return rf.disk.RaftStateSize() }
func (rf *Raft) Kill()                               {}

// Make does what the disk says: some things go wrong before there is a server.
func Make(peers []*labrpc.ClientEnd, me int, p *tester.Persister, ch chan raftapi.ApplyMsg) raftapi.Raft {
	rf := &Raft{peers: peers, disk: p, ch: ch}
	switch string(p.ReadRaftState()) {
	case "never":
		select {} // never line
	case "slow":
		time.Sleep(time.Second)
	case "spin":
		rf.waitForLeader()
	case "nil":
		return nil
	case "nilpointer":
		rf = nil
	}
	return rf
}
