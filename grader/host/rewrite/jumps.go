package rewrite

// WebAssembly has no goto. A function of Go with basic blocks is one loop, and in
// it a table of jumps that the function's parameter chooses from:
//
//	loop
//	  block block ... block
//	    local.get 0
//	    br_table ...
//	  end                      the function's begin
//	    ...
//	  end                      block 1
//	    ...
//
// Every jump from one block to another, each if of the source, sets the parameter
// and goes through the loop's head. It must do so to go back. To go forward it can
// leave the blocks up to its target at once, which is what [jumps] finds: most of
// the jumps that a program takes go forward.

type instruction struct {
	op      byte
	at, end int
	arg     int64 // of a branch, local, i32.const; the type of a block
	table   []uint64
}

// jumps follows a function's instructions and finds its jumps forward.
type jumps struct {
	open   []byte         // what encloses the instruction
	recent [3]instruction // the last ones, the last one last

	// The function's table of jumps: blocks are numbered from the innermost.
	state  tableState
	loop   int // index in open
	loopAt int // offset
	blocks int
	table  []uint64
	closed int // blocks that have ended
	back   int // jumps that go through the loop's head
}

type tableState byte

const (
	tableUnseen tableState = iota
	tableBlocks            // its loop has begun
	tableGet               // its number has been read
	tableSeen
	tableNone
)

// see takes in the next instruction and adds to the sites what can be changed.
func (j *jumps) see(in instruction, src []byte, list []site) []site {
	j.findTable(in)
	switch in.op {
	case opBlock, opLoop, opIf:
		j.open = append(j.open, in.op)
	case opEnd:
		if n := len(j.open); n > 0 {
			j.open = j.open[:n-1]
			if j.state == tableSeen && j.closed < j.blocks && n-1 == j.loop+j.blocks-j.closed {
				j.closed++
			}
		}
	case opBr, opBrIf:
		if j.toLoop(uint64(in.arg)) {
			if s, ok := j.forward(in, src); ok {
				list = append(list, s)
			} else {
				j.back++
			}
		}
	case opBrTable:
		for _, d := range in.table {
			if j.toLoop(d) {
				j.back++
			}
		}
	}
	j.recent[0], j.recent[1], j.recent[2] = j.recent[1], j.recent[2], in
	return list
}

// findTable looks whether the function begins with a table of jumps.
func (j *jumps) findTable(in instruction) {
	const empty = blockEmpty - 0x80 // as a signed number
	switch {
	case j.state == tableUnseen && in.op == opLoop && in.arg == empty:
		j.state, j.loop, j.loopAt = tableBlocks, len(j.open), in.at
	case j.state == tableUnseen && in.op != opLoop, j.state == tableSeen:
	case j.state == tableBlocks && in.op == opBlock && in.arg == empty:
		j.blocks++
	case j.state == tableBlocks && in.op == opLocalGet && in.arg == 0:
		j.state = tableGet
	case j.state == tableGet && in.op == opBrTable:
		j.state, j.table = tableSeen, in.table
		for _, d := range in.table {
			if d >= uint64(j.blocks) {
				j.state = tableNone
			}
		}
	default:
		j.state = tableNone
	}
}

// toLoop says whether a branch to this label goes to the loop's head.
func (j *jumps) toLoop(label uint64) bool {
	return j.state == tableSeen && label < uint64(len(j.open)) && len(j.open)-1-int(label) == j.loop
}

// forward returns what is to stand for a branch to the loop's head, if it is a
// jump forward.
func (j *jumps) forward(in instruction, src []byte) (site, bool) {
	set, number := j.recent[2], j.recent[1]
	if in.op != opBr || set.op != opLocalSet || set.arg != 0 || number.op != opI32Const {
		return site{}, false
	}
	to := j.table[min(uint64(uint32(number.arg)), uint64(len(j.table)-1))]
	if to < uint64(j.closed) {
		return site{}, false
	}
	s := site{from: number.at, to: in.end, op: opBr}
	s.label = len(j.open) - 1 - (j.loop + j.blocks - int(to))
	if cond := j.recent[0]; cond.op == opIf && cond.arg == blockEmpty-0x80 && in.end < len(src) && src[in.end] == opEnd {
		s.from, s.to, s.op = cond.at, in.end+1, opBrIf
		s.label--
	}
	return s, true
}

// finish makes a plain block of the loop if nothing jumps to its head any more.
func (j *jumps) finish(list []site) {
	if j.state != tableSeen || j.back > 0 {
		return
	}
	for i := range list {
		if list[i].from == j.loopAt {
			list[i].op = opBlock
		}
	}
}
