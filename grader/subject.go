package grader

import (
	"context"
	"encoding/json"

	"github.com/raftlab/raftlab/grader/build"
	"github.com/raftlab/raftlab/grader/reference"
	"github.com/raftlab/raftlab/grader/report/gobview"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// subject is what is graded: a student's module, or the consensus core.
type subject struct {
	factory func() sim.Factory
	// metered makes the servers of one run and tells the fuel that they burnt; nil
	// for the core, which burns none.
	metered   func() (sim.Factory, func() int64)
	close     func()
	module    string   // SHA-256, "" for the core
	goRelease string   // that built it
	number    string   // of the lab in its year of the course: build.Profile.Number
	year      string   // the profile's name
	lacks     []string // methods that this year's lab does not have
	wasm      []byte   // the module; nil for the core
	code      []build.SourceFile
	sources   map[string]string // names in stack traces -> the student's files
	places    func() Places     // of the RPCs in the student's code; nil for the core
	// types describes the messages and disks, as host.Module.Types does; nil for the core.
	types func() (json.RawMessage, error)
}

// servers makes the servers of one run; burnt tells the fuel that they used.
func (sub *subject) servers() (factory sim.Factory, burnt func() uint64) {
	if sub.metered == nil {
		return sub.factory(), func() uint64 { return 0 }
	}
	factory, n := sub.metered()
	return factory, func() uint64 { return uint64(max(0, n())) }
}

func prepare(ctx context.Context, o *Options, res *Result) (*subject, error) {
	if o.Core {
		res.Subject = "core"
		return coreSubject(), nil
	}
	res.Subject = "module"
	return moduleSubject(ctx, o, res)
}

// coreSubject is the consensus core behind the lab's interface.
func coreSubject() *subject {
	f := reference.New(reference.Options{
		Config:  reference.Lab(),
		Service: func(int) reference.Service { d := digest(wire.NewDigest()); return &d },
	})
	return &subject{factory: func() sim.Factory { return f }, close: func() {}}
}

// digest is the service that the kit puts on top of a student's server, for the core.
type digest wire.Digest

func (d *digest) Apply(_ uint64, command []byte) { (*wire.Digest)(d).Apply(command) }
func (d *digest) Snapshot() []byte               { return (*wire.Digest)(d).Append(nil) }
func (d *digest) Restore(snapshot []byte) {
	if x, err := wire.ParseDigest(snapshot); err == nil {
		*d = digest(x)
	}
}

// description is the module's description of its types; nil if there is none: a
// server that cannot be asked for it is shown without.
func (sub *subject) description() json.RawMessage {
	if sub.types == nil {
		return nil
	}
	b, err := sub.types()
	if err != nil {
		return nil
	}
	return b
}

// viewer reads the module's messages; a nil viewer shows the fields that the
// bytes name themselves.
func (sub *subject) viewer() *gobview.Types {
	t, _, err := gobview.ParseModule(sub.description())
	if err != nil {
		return nil
	}
	return t
}
