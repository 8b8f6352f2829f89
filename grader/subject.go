package grader

import (
	"context"

	"github.com/raftlab/raftlab/grader/reference"
	"github.com/raftlab/raftlab/grader/sim"
	"github.com/raftlab/raftlab/labs/kit/wire"
)

// subject is what is graded: a student's module, or the consensus core.
type subject struct {
	factory   func() sim.Factory
	close     func()
	module    string            // SHA-256, "" for the core
	goRelease string            // that built it
	sources   map[string]string // names in stack traces -> the student's files
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
