package guest

import "github.com/raftlab/raftlab/labs/kit/sched"

func init() { sched.Spins = raftlabSpin }
