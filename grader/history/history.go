package history

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"

	"github.com/anishathalye/porcupine"

	"github.com/raftlab/raftlab/grader/check"
	"github.com/raftlab/raftlab/grader/sim"
)

// Operation is what one client asked of a service, and what came of it.
type Operation struct {
	ID      uint64
	Client  int
	Op      string // "get", "put", "append", "testandset", "acquire", "release"
	Key     string
	Value   string // put, append, testandset: what to write
	Expect  string // testandset: the value that the key must have
	Version uint64 // put: the version that the key must have
	// AnyToken leaves it to the test to judge the fencing token of an acquire.
	AnyToken bool
	// Plain: keys have no versions; a put sets a key whatever it holds, and no
	// answer is an error. Server: the operation was given to the server numbered
	// Client itself, and not to a clerk; an append answers with the key's version.
	Plain, Server bool
	Maybe         bool // put: the clerk may end it with "ErrMaybe"

	Call, Return sim.Time // Return is sim.Never while the client waits
	// Err is "OK", "ErrNoKey" or "ErrVersion"; "ErrMaybe" says that a put may have
	// been done, or may still be, any other that the server could not tell.
	Err        string
	Got        string // get: the value
	GotVersion uint64 // get: the version; acquire: the fencing token
}

// open says whether nobody knows if the operation was done, or will be.
func (o *Operation) open() bool {
	return o.Return == sim.Never || o.Maybe && o.Err == "ErrMaybe" || o.Server && o.Err != "OK" && o.Err != "ErrNoKey"
}

// Ask is the operation as a client would write it.
func (o *Operation) Ask() string {
	switch {
	case o.Server && o.Op == "get":
		return "Submit(look)"
	case o.Server:
		return fmt.Sprintf("Submit(write %q)", o.Value)
	case o.Plain && o.Op == "put":
		return fmt.Sprintf("Put(%q, %q)", o.Key, o.Value)
	}
	switch o.Op {
	case "get":
		return fmt.Sprintf("Get(%q)", o.Key)
	case "put":
		return fmt.Sprintf("Put(%q, %q, %d)", o.Key, o.Value, o.Version)
	case "append":
		return fmt.Sprintf("Append(%q, %q)", o.Key, o.Value)
	case "testandset":
		return fmt.Sprintf("TestAndSet(%q, %q, %q)", o.Key, o.Expect, o.Value)
	case "acquire":
		return fmt.Sprintf("Acquire(%q)", o.Key)
	}
	return fmt.Sprintf("Release(%q)", o.Key)
}

// Answer is what came back.
func (o *Operation) Answer() string {
	switch {
	case o.Return == sim.Never:
		return "..."
	case o.Plain && o.Op == "get":
		return fmt.Sprintf("%q", o.Got)
	case o.Server && o.open():
		return o.Err
	case o.Server && o.Op == "append":
		return fmt.Sprintf("OK, write %d", o.GotVersion)
	case o.Server:
		return fmt.Sprintf("OK, %q", o.Got)
	case o.Op == "get":
		return fmt.Sprintf("%q, %d, %s", o.Got, o.GotVersion, o.Err)
	case o.Op == "acquire":
		return fmt.Sprintf("%d", o.GotVersion)
	case o.Op == "release":
		return "()"
	}
	return o.Err
}

// who is the short name of who asked, or of the server that was asked itself.
func (o *Operation) who() string {
	if o.Server {
		return fmt.Sprintf("S%d", o.Client)
	}
	return fmt.Sprintf("C%d", o.Client)
}

// shown is the operation as a violation holds it.
func (o *Operation) shown() check.Operation {
	return check.Operation{ID: o.ID, Who: o.who(), Call: o.Call, Return: o.Return, Ask: o.Ask(), Answer: o.Answer()}
}

// shownAll are operations in the order in which they were asked for.
func shownAll(ops ...*Operation) []check.Operation {
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(a, b *Operation) int { return cmp.Compare(a.Call, b.Call) })
	var all []check.Operation
	for _, o := range ops {
		all = append(all, o.shown())
	}
	return all
}

// append finds the Append of a text to a key.
func (h *History) append(key, text string) []*Operation {
	i := slices.IndexFunc(h.ops, func(o *Operation) bool { return o.Op == "append" && o.Key == key && o.Value == text })
	if i < 0 {
		return nil
	}
	return h.ops[i : i+1]
}

// String is a row of a report: who asked what when, and what came back.
func (o *Operation) String() string {
	until := "..."
	if o.Return != sim.Never {
		until = fmt.Sprintf("%.1f", float64(o.Return)/float64(sim.Millisecond))
	}
	return fmt.Sprintf("%s [%.1f-%s ms] %s = %s", o.who(), float64(o.Call)/float64(sim.Millisecond), until, o.Ask(), o.Answer())
}

// History is what all clients did. It finds at once what needs no search:
// duplicates, lost updates, stale reads, locks held twice; [History.Linearize]
// does the rest.
type History struct {
	ops   []*Operation
	keys  map[string]*keyFacts
	locks map[string]*lockFacts
}

// keyFacts is what is certain of a key whatever the order of open operations.
type keyFacts struct {
	version  uint64          // the highest that a finished operation has shown
	by       *Operation      // which one
	appended map[string]int  // texts given to Append, how often
	loose    bool            // one of them is no text in brackets: see bracketed
	done     map[string]bool // of these, those whose Append has returned
	written  bool            // by other means than Append
}

// New returns a history without operations.
func New() *History {
	return &History{keys: map[string]*keyFacts{}, locks: map[string]*lockFacts{}}
}

func (h *History) key(k string) *keyFacts {
	f := h.keys[k]
	if f == nil {
		f = &keyFacts{appended: map[string]int{}, done: map[string]bool{}}
		h.keys[k] = f
	}
	return f
}

// Invoke notes that a client begins an operation. What it returns judges the
// answer against what had been certain before.
func (h *History) Invoke(o *Operation) (judge func() *check.Violation) {
	o.Return = sim.Never
	h.ops = append(h.ops, o)
	f := h.key(o.Key)
	switch o.Op {
	case "append":
		f.appended[o.Value]++
		f.loose = f.loose || !bracketed(o.Value)
	case "put", "testandset":
		f.written = true
	case "release":
		h.lock(o.Key).release(o)
	}
	before := *f
	var certain []string
	if o.Op == "get" {
		certain = slices.Sorted(maps.Keys(f.done))
	}
	return func() *check.Violation { return h.judge(o, &before, certain) }
}

// broke says which property o's answer breaks, and which other operations show it.
func broke(others []*Operation, o *Operation, p check.Property, expected, found, format string, args ...any) *check.Violation {
	return &check.Violation{Property: p, Time: o.Return, Server: -1, Peer: -1, Message: fmt.Sprintf(format, args...), Expected: expected, Found: found, History: shownAll(append(slices.Clone(others), o)...)}
}

func (h *History) judge(o *Operation, before *keyFacts, certain []string) *check.Violation {
	f := h.key(o.Key)
	if o.open() {
		return nil
	}
	switch o.Op {
	case "put":
		if o.Err == "OK" && !o.Plain && o.Version+1 > f.version {
			f.version, f.by = o.Version+1, o
		}
	case "append":
		f.done[o.Value] = true
	case "acquire":
		return h.lock(o.Key).judge(o)
	case "get":
		if before.by != nil && o.GotVersion < before.version {
			return broke([]*Operation{before.by}, o, check.StaleRead, fmt.Sprintf("version %d or a later one", before.version), before.by.String()+"; "+o.String(),
				"client %d read version %d of %q, though version %d was there before it asked", o.Client, o.GotVersion, o.Key, before.version)
		}
		if o.GotVersion > f.version {
			f.version, f.by = o.GotVersion, o
		}
		if f.written || f.loose {
			return nil // left to the search
		}
		for _, text := range certain {
			if f.appended[text] == 1 && strings.Count(o.Got, text) == 0 {
				return broke(h.append(o.Key, text), o, check.LostUpdate, fmt.Sprintf("a value with %q in it", text), o.String(),
					"%q is missing from %q, though its Append had returned before client %d asked", text, o.Key, o.Client)
			}
		}
		twice := ""
		for text, n := range f.appended {
			if n == 1 && strings.Count(o.Got, text) > 1 && (twice == "" || text < twice) {
				twice = text
			}
		}
		if twice != "" {
			return broke(h.append(o.Key, twice), o, check.ExactlyOnce, fmt.Sprintf("a value with %q in it once", twice), o.String(),
				"%q stands twice in %q, though one Append was asked for", twice, o.Key)
		}
	}
	return nil
}

// bracketed says whether a text is of the form <...>, without brackets inside.
// However many of these stand one after the other, each can be found again: no
// end of one and beginning of the next look like a third.
func bracketed(text string) bool {
	return len(text) > 2 && text[0] == '<' && text[len(text)-1] == '>' && !strings.ContainsAny(text[1:len(text)-1], "<>")
}

// searchSteps bounds the steps of the search for one key. A search that takes
// more proves nothing, and is told as undecided: the bound is a count, never a
// time, so that the verdict is the same on every machine.
const searchSteps = 20_000

// state of one key in the model.
type keyState struct {
	value   string
	version uint64
}

// applies does o on s, and says whether its answer could have come from there.
func (o *Operation) applies(s keyState) (bool, keyState) {
	write := func(value string) keyState { return keyState{value, s.version + 1} }
	open := o.open()
	if o.Plain {
		switch o.Op {
		case "get":
			return open || o.Got == s.value, s
		case "append":
			return true, write(s.value + o.Value)
		}
		return true, write(o.Value)
	}
	switch o.Op {
	case "get":
		ok := "OK"
		if s.version == 0 {
			ok = "ErrNoKey"
		}
		return open || o.Err == ok && o.Got == s.value && o.GotVersion == s.version, s
	case "append":
		return open || o.Err == "OK" && (!o.Server || o.GotVersion == s.version+1), write(s.value + o.Value)
	case "put", "testandset":
		fits := o.Version == s.version
		if o.Op == "testandset" {
			fits = o.Expect == s.value
		}
		if !fits {
			// Which of the two a key that does not exist is answered with is open.
			return open || o.Err == "ErrVersion" || o.Err == "ErrNoKey" && s.version == 0, s
		}
		return open || o.Err == "OK", write(o.Value)
	}
	return true, s
}

// longestRead is the longest value read of a key that was changed by Append
// alone: every earlier value is a beginning of it. Without that, the orders of
// appends that nobody has read yet would make the search explode.
func longestRead(ops []*Operation) (longest string, only bool) {
	for _, o := range ops {
		switch o.Op {
		case "get":
			if !o.open() && len(o.Got) > len(longest) {
				longest = o.Got
			}
		case "append":
		default:
			return "", false
		}
	}
	return longest, true
}

// linear says whether the operations of one key can be put in an order; sure is
// false when the search was given up.
func linear(ops []*Operation) (ok, sure bool) {
	steps := 0
	longest, only := longestRead(ops)
	model := porcupine.Model{
		Init: func() any { return keyState{} },
		Step: func(state, in, _ any) (bool, any) {
			if steps++; steps > searchSteps {
				return false, state
			}
			good, next := in.(*Operation).applies(state.(keyState))
			if only && good && in.(*Operation).Op == "append" {
				switch {
				case len(next.value) > len(longest):
					// No read sees this or anything later: one such state is like another.
					next.value = longest + "\x00"
				case !strings.HasPrefix(longest, next.value):
					return false, state
				}
			}
			return good, next
		},
	}
	var history []porcupine.Operation
	for _, o := range ops {
		end := o.Return
		if o.open() {
			end = sim.Never
		}
		history = append(history, porcupine.Operation{ClientId: o.Client, Input: o, Call: int64(o.Call), Return: int64(end)})
	}
	ok = porcupine.CheckOperations(model, history)
	return ok || steps > searchSteps, steps <= searchSteps
}

// Linearize looks for a key whose operations cannot be put in an order in which
// each took effect at one moment between its call and its return. The violation
// holds the smallest part of the history that shows it. Undecided are the keys
// for which the search took too many steps to say.
func (h *History) Linearize() (v *check.Violation, undecided []string) {
	byKey := map[string][]*Operation{}
	var keys []string
	for _, o := range h.ops {
		if o.Op == "acquire" || o.Op == "release" {
			continue
		}
		if byKey[o.Key] == nil {
			keys = append(keys, o.Key)
		}
		byKey[o.Key] = append(byKey[o.Key], o)
	}
	sort.Strings(keys)
	for _, k := range keys {
		ops := byKey[k]
		ok, sure := linear(ops)
		if !sure {
			undecided = append(undecided, k)
		}
		if ok || v != nil {
			continue
		}
		ops = smallest(ops)
		var rows []string
		for _, o := range ops {
			rows = append(rows, o.String())
		}
		v = &check.Violation{Property: check.Linearizability, Server: -1, Peer: -1,
			Message:  fmt.Sprintf("no order of the operations on %q explains what the clients saw", k),
			Expected: "each operation takes effect at one moment between its call and its return",
			Found:    strings.Join(rows, "\n"), History: shownAll(ops...)}
	}
	return v, undecided
}

// smallest leaves out of a history that cannot be put in order what is not
// needed to see it: what came after the first answer that does not fit, then
// reads and failed writes one by one. A write that took effect stays as long as
// leaving it out could itself be what breaks the order.
func smallest(ops []*Operation) []*Operation {
	bad := func(ops []*Operation) bool { ok, sure := linear(ops); return !ok && sure }
	var ends []sim.Time
	for _, o := range ops {
		if o.Return != sim.Never {
			ends = append(ends, o.Return)
		}
	}
	sort.Slice(ends, func(i, j int) bool { return ends[i] < ends[j] })
	until := func(t sim.Time) []*Operation {
		var part []*Operation
		for _, o := range ops {
			if o.Call > t {
				continue
			}
			if own := *o; o.Return > t { // it had not answered yet
				own.Return = sim.Never
				o = &own
			}
			part = append(part, o)
		}
		return part
	}
	// A longer part of a history that cannot be put in order cannot either.
	n := sort.Search(len(ends), func(i int) bool { return bad(until(ends[i])) })
	if n < len(ends) {
		ops = until(ends[n])
	}
	for i := 0; i < len(ops); {
		o := ops[i]
		harmless := o.Op == "get" || o.open() || o.Err != "OK"
		if fewer := append(append([]*Operation(nil), ops[:i]...), ops[i+1:]...); harmless && bad(fewer) {
			ops = fewer
			continue
		}
		i++
	}
	return ops
}
