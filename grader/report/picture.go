package report

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/raftlab/raftlab/grader"
	"github.com/raftlab/raftlab/grader/phrase"
	"github.com/raftlab/raftlab/grader/report/gobview"
	"github.com/raftlab/raftlab/grader/script"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// player is the page's player as one HTML file; `make player` builds it from
// site/src/player, and a test there says whether it is fresh.
//
//go:embed player/player.html
var player string

// Picture is one run of a test, to be looked at in a browser.
type Picture struct {
	Lang  string // "en" or "zh": the language it opens in
	Lab   *script.Lab
	Test  *grader.TestResult
	Run   *grader.RunResult
	Trace []byte // the trace file
	// Again is the command that repeats the run; Hints how many steps to show.
	Again string
	Hints int
}

// decodedBudget bounds the bytes of messages and disks that are decoded: beyond
// it, those furthest before the end of the run are shown as bytes.
const decodedBudget = 6 << 20

// shownElems is how many elements of a saved list are shown: its last ones.
const shownElems = 40

// WritePicture writes the run as one HTML file that needs no other file and no
// network: the player, the trace, and what the player shows beside it.
func WritePicture(w io.Writer, p *Picture) error {
	t, err := sim.DecodeTrace(p.Trace)
	if err != nil {
		return err
	}
	about, err := json.Marshal(p.about(t))
	if err != nil {
		return err
	}
	lang := p.Lang
	if lang != "zh" {
		lang = "en"
	}
	page := player
	for _, r := range [][2]string{
		{`<html lang="en">`, `<html lang="` + lang + `" data-lang="` + lang + `">`},
		{`<title>raftlab</title>`, `<title>` + escape(p.name()) + ` · raftlab</title>`},
		{`id="raftlab-trace"></script>`, `id="raftlab-trace">` + packed(p.Trace) + `</script>`},
		{`id="raftlab-run"></script>`, `id="raftlab-run">` + packed(about) + `</script>`},
	} {
		if strings.Count(page, r[0]) != 1 {
			return fmt.Errorf("report: the player has no place for %s: build it again with make player", r[0])
		}
		page = strings.Replace(page, r[0], r[1], 1)
	}
	_, err = io.WriteString(w, page)
	return err
}

// name is the test's; a trace from a lesson has no part.
func (p *Picture) name() string { return strings.Trim(p.Test.Part+"/"+p.Test.Name, "/") }

// packed is b, compressed, in base64.
func packed(b []byte) string {
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write(b)
	z.Close()
	return base64.StdEncoding.EncodeToString(buf.Bytes())
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

// bilingual is a sentence in both languages.
type bilingual struct {
	En string `json:"en"`
	Zh string `json:"zh"`
}

// link is a sentence of the chain that led to the failure.
type link struct {
	Time   sim.Time  `json:"time"`
	Server int       `json:"server"` // -1: none
	What   bilingual `json:"what"`
}

func both(s string) bilingual { return bilingual{s, phrase.In("zh", s)} }

// about is what the page's player shows beside the trace; the fields are those
// of RunInfo in site/src/player/run.ts.
type about struct {
	Test     string      `json:"test"`
	Title    grader.Text `json:"title"`
	Seed     uint64      `json:"seed"`
	Passed   bool        `json:"passed"`
	Hash     string      `json:"hash"`
	Grader   string      `json:"grader"`
	Property string      `json:"property,omitempty"`
	Section  string      `json:"section,omitempty"`
	Kind     string      `json:"kind,omitempty"`
	Time     sim.Time    `json:"time"`
	Server   int         `json:"server"`
	Message  *bilingual  `json:"message,omitempty"`
	Expected *bilingual  `json:"expected,omitempty"`
	Found    *bilingual  `json:"found,omitempty"`
	Chain    []link      `json:"chain,omitempty"`
	So       *bilingual  `json:"so,omitempty"`
	// History is the part of what clients did that shows the failure.
	History   []grader.HistoryLine `json:"history,omitempty"`
	Line      string               `json:"line,omitempty"`
	Code      string               `json:"code,omitempty"`
	Stack     string               `json:"stack,omitempty"`
	Hints     []grader.Text        `json:"hints,omitempty"`
	MoreHints int                  `json:"moreHints,omitempty"`
	Evidence  []bilingual          `json:"evidence,omitempty"`
	Again     string               `json:"again,omitempty"`

	Sources map[string]string `json:"sources"` // the test's files
	*Decoded
}

// Decoded is what a student's servers sent, saved, applied and were asked for,
// ready to be shown; as JSON it is Decoded in site/src/player/run.ts.
type Decoded struct {
	// Values are distinct; At says which of them belong to a record, by its number.
	Values []any         `json:"values"`
	At     map[int][]int `json:"at"`
}

func (p *Picture) about(t *sim.Trace) *about {
	a := &about{
		Test: p.name(), Title: p.Test.Title, Seed: p.Run.Seed, Passed: p.Run.Status == grader.Passed,
		Hash: p.Run.Hash, Grader: t.Header.Engine, Server: -1, Again: p.Again,
		Sources: make(map[string]string), Decoded: Decode(t),
	}
	if f := p.Test.Failure; f != nil && f.Seed == p.Run.Seed && !a.Passed {
		text := func(s string) *bilingual {
			if s == "" {
				return nil
			}
			b := both(s)
			return &b
		}
		a.Property, a.Section, a.Kind, a.Time, a.Server = f.Property, f.Section, string(f.Kind), f.Time, f.Server
		a.Message, a.Expected, a.Found, a.So = text(f.Message), text(f.Expected), text(f.Found), text(f.So)
		a.History = f.History
		for _, e := range f.Chain {
			a.Chain = append(a.Chain, link{e.Time, e.Server, both(e.What)})
		}
		a.Line, a.Code, a.Stack = f.Test, f.Code, f.Stack
		n := min(max(p.Hints, 0), len(f.Hints))
		a.Hints, a.MoreHints = f.Hints[:n], len(f.Hints)-n
		for _, e := range f.Evidence {
			a.Evidence = append(a.Evidence, both(e))
		}
	}
	for i := range t.Records {
		if r := &t.Records[i]; r.Kind == sim.RecLine {
			if file, _, _ := strings.Cut(r.Name, ":"); a.Sources[file] == "" && p.Lab != nil {
				a.Sources[file] = p.Lab.File(file)
			}
		}
	}
	return a
}

// Decode reads a run's messages, disks and commands, from the end backwards as
// far as decodedBudget goes. Those of the core are not decoded: the player reads
// them itself.
func Decode(t *sim.Trace) *Decoded {
	d := &Decoded{Values: []any{}, At: make(map[int][]int)}
	if t.Header.Module == "" {
		return d
	}
	types, _, err := gobview.ParseModule(t.Header.Types)
	if err != nil {
		types = nil // fields are then shown by the names that the bytes carry
	}
	known := make(map[string][]int)
	left := decodedBudget
	for at := len(t.Records) - 1; at >= 0; at-- {
		r := &t.Records[at]
		kind, data := "", r.Data
		switch r.Kind {
		case sim.RecSend, sim.RecSave:
			kind = "gob"
		case sim.RecApply:
			kind = "command"
		case sim.RecRequest:
			if r.Name == "start" {
				kind = "command"
			}
		}
		if kind == "" || len(data) == 0 {
			continue
		}
		key := kind + string(data)
		ids, ok := known[key]
		if !ok {
			if left -= len(data); left < 0 {
				continue
			}
			if kind == "command" {
				ids = []int{d.value(wire.CommandText(data))}
			} else if vs, err := types.Values(data); err == nil {
				for _, v := range vs {
					ids = append(ids, d.value(plain(v)))
				}
			}
			known[key] = ids
		}
		if len(ids) > 0 {
			d.At[at] = ids
		}
	}
	return d
}

func (d *Decoded) value(v any) int {
	d.Values = append(d.Values, v)
	return len(d.Values) - 1
}

// plain makes a Value small: a scalar is its text, a struct is {"t": type,
// "f": [[name, value], ...]}, a list {"t", "n": length, "e": its last elements},
// a map {"t", "m": [[key, value], ...]}.
func plain(v gobview.Value) any {
	type obj = map[string]any
	named := func(o obj) obj {
		if v.Type != "" {
			o["t"] = v.Type
		}
		return o
	}
	switch v.Kind {
	case "struct":
		fields := make([][2]any, len(v.Fields))
		for i, f := range v.Fields {
			fields[i] = [2]any{f.Name, plain(f.Value)}
		}
		return named(obj{"f": fields})
	case "slice", "array":
		elems := v.Elems[max(0, len(v.Elems)-shownElems):]
		list := make([]any, len(elems))
		for i, e := range elems {
			list[i] = plain(e)
		}
		return named(obj{"n": len(v.Elems), "e": list})
	case "map":
		entries := make([][2]any, len(v.Entries))
		for i, e := range v.Entries {
			entries[i] = [2]any{plain(e.Key), plain(e.Value)}
		}
		return named(obj{"m": entries})
	}
	return v.Text
}
