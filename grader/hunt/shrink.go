package hunt

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// Shrinker makes a failing world small while it fails for the same property.
type Shrinker struct {
	// Servers makes the servers of one run, and tells the fuel that they burnt.
	Servers  func() (factory sim.Factory, burnt func() uint64)
	Property check.Property
	Workers  int // worlds side by side; at least 1
	Runs     int // bounds the worlds tried, as maxSteps and maxFuel do; 0 is 600
	// Correct, if not nil, makes servers without a mistake. A world that they
	// fail asks for too much: it is not taken.
	Correct func() sim.Factory
	// Progress, if not nil, is called as the world gets smaller.
	Progress func(actions, runs int)

	ctx  context.Context
	best *World
	runs int
	work work
	err  error
}

// work is what runs took.
type work struct{ steps, fuel uint64 }

func (w *work) add(o work) { w.steps, w.fuel = w.steps+o.steps, w.fuel+o.fuel }

// ErrNotTheSame says that a world does not break the property it should.
var ErrNotTheSame = errors.New("the world does not break this property")

// Shrink returns the smallest world it finds, and how many it tried: both do not
// depend on Workers. It returns w itself with an error if ctx ends, or with
// ErrNotTheSame.
func (s *Shrinker) Shrink(ctx context.Context, w *World) (*World, int, error) {
	s.ctx, s.best, s.runs, s.err = ctx, w, 1, nil
	if s.Runs == 0 {
		s.Runs = 600
	}
	factory, _ := s.Servers()
	out := w.Run(ctx, factory)
	switch {
	case out.Err != nil:
		return w, s.runs, out.Err
	case out.Violation == nil || out.Violation.Property != s.Property:
		return w, s.runs, ErrNotTheSame
	}
	s.cutAfter(out)
	for s.more() {
		before := s.best
		s.settings()
		s.numbers()
		s.mergeAll() // hundreds of commands take as many worlds to leave out
		s.remove()
		s.merge()
		if w := s.best.Paced(); w.timed() != s.best.timed() {
			s.first(seeded(w))
		}
		s.pauses()
		s.simplify()
		if s.best == before {
			break
		}
	}
	if s.err != nil {
		return w, s.runs, s.err
	}
	return s.best, s.runs, ctx.Err()
}

// maxSteps and maxFuel bound what all servers do in all worlds that are tried: a
// minute or two of one core. Services that hang, and ask all the while, come to
// them; the longer their log, the more fuel they burn in a step.
const (
	maxSteps = 1_000_000
	maxFuel  = 5_000_000_000
)

func (s *Shrinker) more() bool {
	return s.err == nil && s.runs < s.Runs && !s.work.enough() && s.ctx.Err() == nil
}

func (w *work) enough() bool { return w.steps >= maxSteps || w.fuel >= maxFuel }

// first runs candidates side by side and takes the first in their order that
// fails for the property, if those before it leave enough work for it. It returns
// its place, or -1.
func (s *Shrinker) first(candidates []*World) int {
	candidates = candidates[:max(min(len(candidates), s.Runs-s.runs), 0)]
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		next  int
		found = -1
		took  = make([]work, len(candidates))
		known = s.work // with what has been run so far
	)
	for range min(max(s.Workers, 1), len(candidates)) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				mu.Lock()
				i := next
				if i >= len(candidates) || found >= 0 || s.err != nil || known.enough() {
					mu.Unlock()
					return
				}
				next++
				mu.Unlock()
				fails, n, err := s.fails(candidates[i])
				mu.Lock()
				took[i] = n
				known.add(n)
				switch {
				case err != nil:
					s.err = err
				case fails && (found < 0 || i < found):
					found = i
				}
				mu.Unlock()
			}
		}()
	}
	wg.Wait()
	// What was run after the one found, or after there was enough, was run only
	// because there were workers to spare.
	for i := range candidates {
		if s.work.enough() {
			return -1
		}
		s.runs++
		s.work.add(took[i])
		if i == found {
			break
		}
	}
	if found < 0 {
		return -1
	}
	s.best = candidates[found]
	if s.Progress != nil {
		s.Progress(len(s.best.Actions), s.runs)
	}
	return found
}

// fails says whether w breaks the property, and rightly so, and what that took.
func (s *Shrinker) fails(w *World) (bool, work, error) {
	var took work
	run := func(servers sim.Factory) (check.Property, error) {
		out := w.Run(s.ctx, servers)
		took.steps += out.Steps
		var unfit *script.Error // such as a wait for nothing
		switch {
		case errors.As(out.Err, &unfit) || out.Err == nil && out.Violation == nil:
			return "", nil
		case out.Err != nil:
			return "", out.Err
		}
		return out.Violation.Property, nil
	}
	factory, burnt := s.Servers()
	p, err := run(factory)
	took.fuel = burnt()
	if err != nil || p != s.Property {
		return false, took, err
	}
	if s.Correct != nil {
		if p, err := run(s.Correct()); err != nil || p != "" {
			return false, took, err
		}
	}
	return true, took, nil
}

// seeds is how many seeds a smaller world is tried with: what is left out shifts
// the random numbers that the rest sees.
const seeds = 3

// seeded returns w with its seed and with some others; nothing if w is not sound.
func seeded(w *World) []*World {
	if !w.sound() {
		return nil
	}
	ws := []*World{w}
	for k := 1; k < seeds; k++ {
		o := w.clone()
		o.Seed = sim.NewRNG(w.Seed, uint64(k)).Uint64() >> 1
		ws = append(ws, o)
	}
	return ws
}

// cutAfter drops what had not been done when the property broke.
func (s *Shrinker) cutAfter(out *script.Outcome) {
	at, paused := s.best.actionAt(out.Line)
	if at < 0 {
		return
	}
	w := s.best.clone()
	switch a := w.Actions[at]; {
	case paused:
		w.Actions = append(w.Actions[:at], Action{Op: Wait, Pause: a.Pause, At: a.At})
	case a.demands():
		w.Actions = w.Actions[:at+1]
	default:
		w.Actions = append(w.Actions[:at+1], Action{Op: Wait, Pause: 3 * sim.Second})
	}
	if w.sound() {
		s.first([]*World{w})
	}
}

// remove leaves out actions: first half of them at once, in the end single ones.
func (s *Shrinker) remove() {
	for size := max(len(s.best.Actions)/2, 1); ; size /= 2 {
		at := 0
		for s.more() {
			var ws []*World
			var places []int
			end := s.best.closing()
			for k := at; k < end; k += size {
				for _, w := range seeded(s.best.without(k, min(k+size, end))) {
					ws, places = append(ws, w), append(places, k)
				}
			}
			k := s.first(ws)
			if k < 0 {
				break
			}
			at = places[k]
		}
		if size == 1 || !s.more() {
			break
		}
	}
	// What clients do at the end is no part of the calm that a closing claim needs.
	for i := len(s.best.Actions) - 1; i >= s.best.closing() && s.more(); i-- {
		if op := s.best.Actions[i].Op; op == Ask || op == Answer {
			s.first(seeded(s.best.without(i, i+1)))
		}
	}
}

// settings tries the quieter world: fewer servers, a reliable network.
func (s *Shrinker) settings() {
	for _, change := range []func(*World) bool{
		func(w *World) bool { return w.fewer(3) },
		func(w *World) bool { return w.fewer(5) },
		func(w *World) bool { return w.fewerClients(1) },
		func(w *World) bool { return w.fewerClients(2) },
		func(w *World) bool { return w.fewerClients(3) },
		func(w *World) bool { w.Net = sim.Reliable; return s.best.Net != sim.Reliable },
		func(w *World) bool { w.Net.Loss = 0; return s.best.Net.Loss > 0 },
		func(w *World) bool { w.Net.Dup = 0; return s.best.Net.Dup > 0 },
		func(w *World) bool {
			w.Net.Late, w.Net.LateMin, w.Net.LateMax, w.Net.LateReplies = 0, 0, 0, false
			return s.best.Net.Late > 0
		},
		func(w *World) bool { w.SnapshotEvery = 0; return s.best.SnapshotEvery > 0 },
		func(w *World) bool { w.Preempt = 0; return s.best.Preempt > 0 },
	} {
		if w := s.best.clone(); s.more() && change(w) {
			s.first(seeded(w))
		}
	}
	for s.more() {
		if w := s.best.clone(); !s.sooner(w) || s.first(seeded(w)) < 0 {
			break
		}
	}
}

// leastState is what a service may be asked to keep its log below, in bytes.
const leastState = 100

// sooner has snapshots made after half as many commands, which need not be in the
// world then. It says whether that can be asked for: how long a service with
// many snapshots may take to answer, nobody can say.
func (s *Shrinker) sooner(w *World) bool {
	least := 1
	if w.Service != "" {
		least = leastState
		if kind := check.KindOf(s.Property); kind != check.Safety && kind != check.Fault {
			return false
		}
	}
	if w.SnapshotEvery/2 < least || int64(w.SnapshotEvery) >= wire.MachineAlone {
		return false
	}
	w.SnapshotEvery /= 2
	return true
}

// pauses makes them shorter.
func (s *Shrinker) pauses() {
	for i := 0; i < s.best.closing() && s.more(); i++ {
		for s.more() {
			a := s.best.Actions[i]
			if a.Pause == 0 || a.At > 0 {
				break
			}
			var ws []*World
			round := 10 * sim.Millisecond
			if a.Pause < 2*round {
				round = sim.Millisecond
			}
			for _, p := range []sim.Time{0, a.Pause / 2 / round * round, a.Pause / round * round} {
				if w := s.best.clone(); p < a.Pause {
					w.Actions[i].Pause = p
					ws = append(ws, w)
				}
			}
			if s.first(ws) < 0 || s.best.Actions[i].Pause == 0 {
				break
			}
		}
	}
}

// numbers makes all commands numbers.
func (s *Shrinker) numbers() {
	w := s.best.clone()
	texts := false
	for i := range w.Actions {
		if a := &w.Actions[i]; a.Op == Start && len(a.Text)+a.Size > 0 {
			a.Text, a.Size, texts = "", 0, true
		}
	}
	if texts {
		s.first(seeded(w))
	}
}

// mergeAll makes commands that one server or client is given one after the other
// one action, wherever there are any. It says whether it did.
func (s *Shrinker) mergeAll() bool {
	all := func(spaced bool) []*World {
		w := s.best
		for i := 0; i < w.closing(); i++ {
			w = w.merged(i, w.series(i), spaced)
		}
		if w.Size() == s.best.Size() {
			return nil
		}
		return seeded(w)
	}
	return s.first(append(all(true), all(false)...)) >= 0
}

// merge is mergeAll or, where not all can be merged, does so in one place after
// the other.
func (s *Shrinker) merge() {
	if s.mergeAll() {
		return
	}
	for i := 0; i < s.best.closing() && s.more(); i++ {
		end := s.best.series(i)
		if end == i+1 {
			continue
		}
		ws := append(seeded(s.best.merged(i, end, true)), s.best.merged(i, end, false))
		if half := i + (end-i)/2; half > i+1 {
			ws = append(ws, s.best.merged(i, half, true))
		}
		if s.first(ws) < 0 {
			i = end - 1
		}
	}
}

// series returns where the commands end that are given to one server from action i on.
func (w *World) series(i int) int {
	end := i + 1
	for end < w.closing() && w.Actions[end].follows(w.Actions[i]) {
		end++
	}
	return end
}

// merged returns w with the actions from i up to j as one: all its commands at
// once or, if they are spaced, over the same time.
func (w *World) merged(i, j int, spaced bool) *World {
	if j == i+1 {
		return w
	}
	o := w.without(i+1, j)
	a := &o.Actions[i]
	gaps, time := 0, sim.Time(0)
	for _, b := range w.Actions[i+1 : j] {
		gaps += max(b.Count, 1)
		time += b.Pause + b.By*sim.Time(max(b.Count, 1))
	}
	if a.At > 0 {
		time = w.Actions[j-1].At - a.At
	}
	a.Count = max(a.Count, 1) + gaps
	if a.Op == Ask { // a client does them one after the other anyway; no text may be that of another
		a.Text = numbered.ReplaceAllString(a.Text, `${1}.%d>" % i`)
		return o
	}
	a.Size, a.Text = max(a.Size, len(a.Text)), ""
	if a.By = 0; spaced {
		a.By = time / sim.Time(gaps) / sim.Millisecond * sim.Millisecond
		if i+1 < len(o.Actions) && a.At == 0 {
			next := &o.Actions[i+1]
			next.Pause = max(next.Pause-a.By*sim.Time(a.Count), 0)
		}
	}
	return o
}

// numbered matches the words of an append with a text of its own, or with several:
// its group is what they have in common.
var numbered = regexp.MustCompile(`^("[^"]*", "<[^>%]*?)(?:\.%d>" % i|>")$`)

// follows says whether a gives the same server further commands as of does, or the
// same client further texts to append.
func (a *Action) follows(of Action) bool {
	if a.Op == Ask && of.Op == Ask {
		return a.A == of.A && a.What == "append" && of.What == "append" && numbered.MatchString(a.Text) && numbered.MatchString(of.Text)
	}
	return a.Op == Start && of.Op == Start && a.A == of.A && a.Rash && of.Rash && (a.Size+len(a.Text) > 0) == (of.Size+len(of.Text) > 0)
}

// simplify makes single actions plainer: one command in place of five, a crash
// in place of a crash point, servers by their numbers.
func (s *Shrinker) simplify() {
	for i := 0; i < s.best.closing() && s.more(); i++ {
		var ws []*World
		change := func(f func(*Action)) {
			w := s.best.clone()
			if f(&w.Actions[i]); w.sound() {
				ws = append(ws, w)
			}
		}
		switch a := s.best.Actions[i]; a.Op {
		case Look:
			for v := range s.best.Servers {
				if w := s.best.fixed(i, v); w.sound() {
					ws = append(ws, w)
				}
			}
		case Start, Ask:
			if a.Count > 1 {
				change(func(a *Action) { a.Count = 1 })
				change(func(a *Action) { a.Count = (a.Count + 1) / 2 })
				change(func(a *Action) { a.Count-- })
			}
			if a.By > 0 {
				change(func(a *Action) { a.By = 0 })
			}
			if key, _, _ := strings.Cut(a.Text, ","); a.Op == Ask && s.best.Service != "lock" && a.What != "append" {
				change(func(a *Action) { a.What, a.Text = "append", fmt.Sprintf(`%s, "<%d>"`, key, s.best.unused()) })
			}
		case CrashOn:
			change(func(a *Action) { *a = Action{Pause: a.Pause, At: a.At, Op: Crash, A: a.A} })
			if a.Skip > 0 {
				change(func(a *Action) { a.Skip = 0 })
			}
		case Elected, KeepUp:
			change(func(a *Action) { *a = Action{Pause: a.Pause + a.By, At: a.At, Op: Wait} })
			change(func(a *Action) { a.By = a.By / 2 / (10 * sim.Millisecond) * (10 * sim.Millisecond) })
		case Hold:
			if a.Skip > 0 {
				change(func(a *Action) { a.Skip = 0 })
			}
			if a.Count > 1 {
				change(func(a *Action) { a.Count = 1 })
			}
		case Revive, Unseat:
			change(func(a *Action) { a.Op = Restart })
		case Restart:
			change(func(a *Action) { a.Op = Crash })
		case Partition:
			if len(a.Group) == 1 {
				change(func(a *Action) { *a = Action{Pause: a.Pause, At: a.At, Op: Isolate, A: a.Group[0]} })
			}
		}
		if len(ws) > 0 {
			s.first(ws)
		}
	}
}

// unused is a number that no client's text has.
func (w *World) unused() int {
	most := 0
	for i := range w.Actions {
		for _, m := range textNumber.FindAllStringSubmatch(w.Actions[i].Text, -1) {
			if n, err := strconv.Atoi(m[1]); err == nil {
				most = max(most, n)
			}
		}
	}
	return most + 1
}

var textNumber = regexp.MustCompile(`"<(?:end )?(\d+)`)

// timed says whether actions have their moments in place of pauses.
func (w *World) timed() bool {
	return slices.ContainsFunc(w.Actions, func(a Action) bool { return a.At > 0 })
}

func (w *World) clone() *World {
	o := *w
	o.Actions = slices.Clone(w.Actions)
	return &o
}

// without returns w without the actions from i up to j; what follows keeps its time.
func (w *World) without(i, j int) *World {
	o := w.clone()
	pause := sim.Time(0)
	for _, a := range w.Actions[i:j] {
		pause += a.Pause
	}
	o.Actions = slices.Delete(o.Actions, i, j)
	if i < len(o.Actions) && o.Actions[i].At == 0 {
		o.Actions[i].Pause += pause
	}
	return o
}

// fixed returns w with the servers that are counted from the leader seen by
// action i named by their numbers instead, if that leader was server v.
func (w *World) fixed(i, v int) *World {
	o := w.without(i, i+1)
	name := func(x Who) Who {
		if x.Rel {
			return Who{N: (v + x.N) % w.Servers}
		}
		return x
	}
	for k := i; k < len(o.Actions) && o.Actions[k].Op != Look; k++ {
		a := &o.Actions[k]
		a.A, a.B = name(a.A), name(a.B)
		a.Group = slices.Clone(a.Group)
		for g := range a.Group {
			a.Group[g] = name(a.Group[g])
		}
	}
	return o
}

// fewerClients makes w a world of n clients; it says whether that changes
// anything. Whoever is left does what others did.
func (w *World) fewerClients(n int) bool {
	if w.Clients <= n {
		return false
	}
	w.Clients = n
	for i := range w.Actions {
		switch a := &w.Actions[i]; a.Op {
		case Ask, Answer:
			a.A.N %= n
		case Deaf, Hear:
			a.B.N %= n
		}
	}
	return true
}

// fewer makes w a world of n servers; it says whether that changes anything.
func (w *World) fewer(n int) bool {
	if w.Servers <= n || slices.ContainsFunc(w.Actions, func(a Action) bool { return a.Op == Line }) {
		return false
	}
	w.Servers = n
	for i := range w.Actions {
		a := &w.Actions[i]
		ends := []*Who{&a.A, &a.B}
		switch a.Op {
		case Ask, Answer:
			ends = nil
		case Deaf, Hear:
			ends = ends[:1]
		}
		for _, x := range ends {
			if x.N >= n {
				x.N %= n
			}
		}
		var g []Who
		for _, x := range a.Group {
			if x.N %= n; !slices.Contains(g, x) {
				g = append(g, x)
			}
		}
		a.Group = g
	}
	return true
}

// closing returns where the actions begin that belong together at the end of a
// world: what a calm cluster may cost, and that its leader stays, can be asked
// only a while after the last fault. They are left as they are.
func (w *World) closing() int {
	calm := len(w.Actions)
	for i := len(w.Actions) - 1; i >= 0; i-- {
		switch w.Actions[i].Op {
		case Stable, Quiet, ShortLog:
			calm = 0
		case Calm:
			if calm == 0 {
				return i
			}
		}
	}
	return len(w.Actions)
}

// sound says whether a correct server must pass the world: what is demanded is
// demanded of a calm core. And every name in its script means something.
func (w *World) sound() bool {
	var calm *Action
	seen := false
	for i := range w.Actions {
		a := &w.Actions[i]
		rel := a.Op != Look && (a.A.Rel || a.B.Rel || slices.ContainsFunc(a.Group, func(x Who) bool { return x.Rel }))
		if rel && !seen {
			return false
		}
		switch {
		case a.Op == Look:
			seen = true
		case a.Op == Calm:
			if calm = a; a.Group != nil && len(a.Group) <= w.Servers/2 {
				return false
			}
		case a.demands():
			if calm == nil || !slices.Equal(calm.Group, a.Group) {
				return false
			}
		case a.Op != Start && a.Op != Ask && a.Op != Wait && a.Op != Line:
			calm = nil
		}
	}
	return true
}

// bodyBegins is the line of a script without a head on which its function begins.
const bodyBegins = 3

// actionAt finds the action on a line of the script without a head, and says
// whether the line is the pause before it. It returns -1 if there is none.
func (w *World) actionAt(line string) (at int, paused bool) {
	_, number, _ := strings.Cut(line, ":")
	n, err := strconv.Atoi(number)
	if err != nil || n < bodyBegins {
		return -1, false
	}
	here := bodyBegins
	for i := range w.Actions {
		a := &w.Actions[i]
		if w.wait(i) != "" {
			if n == here {
				return i, true
			}
			here++
		}
		if here += len(a.lines(w.Servers)); n < here {
			return i, false
		}
	}
	return -1, false
}

// Short is how many actions a person takes in at a look. Of a world that stays
// longer, it is worth trying to tell it in another way.
const Short = 15

// Size is how many actions the world has; a pause belongs to what follows it.
func (w *World) Size() int { return len(w.Actions) }
