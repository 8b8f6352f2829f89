package toys

import (
	"strings"

	"github.com/raftlab/raftlab/grader/sim"
)

// The services that lean on one decider, S1.
const (
	VariantMapReduce = "mapreduce" // S1 gives out the work
	VariantGFS       = "gfs"       // S1 knows where the chunks are
	VariantVMFT      = "vmft"      // S1 decides which of S2 and S3 may go on alone
)

const (
	methodJob       = "Job"
	methodTask      = "Task"
	methodTaskDone  = "TaskDone"
	methodWhere     = "Where"
	methodRead      = "Read"
	methodRequest   = "Request"
	methodLog       = "Log" // primary to backup: this request
	methodLogged    = "Logged"
	methodHeartbeat = "Heartbeat"
)

func newDeciderServer(node, servers int, set *Settings) sim.Server {
	switch {
	case set.Variant == VariantVMFT && node > 0:
		return &twin{node: node}
	case node == 0:
		return &decider{servers: servers}
	default:
		return &worker{}
	}
}

// decider is S1: the master of MapReduce, the master of GFS and the
// test-and-set of VM fault tolerance in one, for they differ only in what they
// are asked. What it decided is on its disk, a line each.
type decider struct {
	servers int
	jobs    []job
	turn    int
	winner  string // of the test-and-set; "" nobody yet
}

// job is a client's job in hand.
type job struct {
	id      string // client and serial
	client  string
	serial  string
	done    bool
	worker  int
	again   sim.Time // when the next worker gets it
	nodeNum int      // the client's node
}

const (
	reportWithin = 300 * sim.Millisecond
	// A job that is done is remembered as long as its client may ask again.
	jobsKept = 32
)

func (d *decider) Close() {}

func (d *decider) Step(now sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	switch ev.Kind {
	case sim.Boot:
		d.restore(now, string(ev.Boot.Disk.State))
		fx = append(fx, sim.Effect{Kind: sim.Note, Text: "decider", Data: []byte(d.winner)})
	case sim.Receive:
		serial, words, _ := strings.Cut(string(ev.Msg.Body), " ")
		switch ev.Msg.Method {
		case methodJob:
			fx = d.take(now, ev.From, serial, fx)
		case methodTaskDone:
			fx = d.report(words, fx)
		case methodWhere:
			fx = append(fx, message(ev.From, methodReply, serial+" "+serverName(d.placeOf(words))))
		case methodTestAndSet:
			if d.winner == "" {
				d.winner = words
				fx = d.save(fx)
				fx = append(fx, sim.Effect{Kind: sim.Note, Text: "decider", Data: []byte(d.winner)})
			}
			answer := "no"
			if d.winner == words {
				answer = "yes"
			}
			fx = append(fx, message(ev.From, methodReply, serial+" "+answer))
		}
	}
	fx = d.giveOut(now, fx)
	next := sim.Never
	for i := range d.jobs {
		if !d.jobs[i].done {
			next = min(next, d.jobs[i].again)
		}
	}
	return fx, next
}

// placeOf says which worker a chunk's reader is sent to; every one holds it.
func (d *decider) placeOf(chunk string) int {
	sum := 0
	for _, b := range []byte(chunk) {
		sum += int(b)
	}
	return 1 + sum%max(1, d.servers-1)
}

// take takes in a job, which the client may have asked for before.
func (d *decider) take(now sim.Time, from int, serial string, fx []sim.Effect) []sim.Effect {
	client := clientName(from, d.servers)
	id := client + "." + serial
	for _, j := range d.jobs {
		if j.id != id {
			continue
		}
		if j.done {
			fx = append(fx, message(from, methodReply, serial+" done"))
		}
		return fx
	}
	if len(d.jobs) >= jobsKept {
		d.jobs = d.jobs[1:]
	}
	d.jobs = append(d.jobs, job{id: id, client: client, serial: serial, nodeNum: from, again: now})
	return d.save(fx)
}

// giveOut gives each job that is due to the next worker.
func (d *decider) giveOut(now sim.Time, fx []sim.Effect) []sim.Effect {
	if d.servers < 2 {
		return fx
	}
	for i := range d.jobs {
		j := &d.jobs[i]
		if j.done || now < j.again {
			continue
		}
		d.turn = d.turn%(d.servers-1) + 1
		j.worker, j.again = d.turn, now+reportWithin
		fx = append(fx, message(j.worker, methodTask, "0 "+j.id))
	}
	return fx
}

func (d *decider) report(id string, fx []sim.Effect) []sim.Effect {
	for i := range d.jobs {
		if j := &d.jobs[i]; j.id == id && !j.done {
			j.done = true
			fx = d.save(fx)
			fx = append(fx, message(j.nodeNum, methodReply, j.serial+" done"))
		}
	}
	return fx
}

func (d *decider) save(fx []sim.Effect) []sim.Effect {
	var b strings.Builder
	b.WriteString(d.winner)
	for _, j := range d.jobs {
		b.WriteString("\n" + j.client + " " + j.serial)
		if j.done {
			b.WriteString(" done")
		}
	}
	return append(fx, sim.Effect{Kind: sim.Save, Data: []byte(b.String())})
}

func (d *decider) restore(now sim.Time, state string) {
	lines := strings.Split(state, "\n")
	d.winner = lines[0]
	for _, line := range lines[1:] {
		w := strings.Fields(line)
		if len(w) < 2 {
			continue
		}
		// A client Ck is the node after the servers and the clients before it.
		number := nodeOf("S" + strings.TrimPrefix(w[0], "C"))
		d.jobs = append(d.jobs, job{id: w[0] + "." + w[1], client: w[0], serial: w[1], done: len(w) == 3,
			nodeNum: d.servers + number, again: now})
	}
}

// worker needs 100 ms for a task, one after the other, and holds every chunk.
type worker struct {
	tasks []string
	ready sim.Time
}

const taskTime = 100 * sim.Millisecond

func (w *worker) Close() {}

func (w *worker) Step(now sim.Time, ev *sim.Event, fx []sim.Effect) ([]sim.Effect, sim.Time) {
	switch ev.Kind {
	case sim.Boot:
		fx = append(fx, sim.Effect{Kind: sim.Note, Text: "worker"})
	case sim.Receive:
		serial, words, _ := strings.Cut(string(ev.Msg.Body), " ")
		switch ev.Msg.Method {
		case methodTask:
			if len(w.tasks) == 0 {
				w.ready = now + taskTime
			}
			w.tasks = append(w.tasks, words)
		case methodRead:
			fx = append(fx, message(ev.From, methodReply, serial+" data"))
		}
	case sim.Tick:
		if len(w.tasks) > 0 && now >= w.ready {
			fx = append(fx, message(0, methodTaskDone, "0 "+w.tasks[0]))
			w.tasks = w.tasks[1:]
			w.ready = now + taskTime
		}
	}
	if len(w.tasks) == 0 {
		return fx, sim.Never
	}
	return fx, w.ready
}
