package missingunlock

import "sync"

type Reply struct{ OK bool }

type Raft struct {
	mu   sync.Mutex
	term int
}

func (rf *Raft) early(term int) bool {
	rf.mu.Lock()
	if term < rf.term {
		return false // want `rf.mu, taken at line [0-9]+, may still be held at this return`
	}
	rf.mu.Unlock()
	return true
}

func (rf *Raft) atTheEnd(term int) {
	rf.mu.Lock()
	if term > rf.term {
		rf.term = term
		rf.mu.Unlock()
	}
} // want `rf.mu, taken at line [0-9]+, may still be held at this return`

func (rf *Raft) inLiteral() {
	go func() {
		rf.mu.Lock()
		for i := 0; i < 3; i++ {
			if rf.term == i {
				return // want `rf.mu, taken at line [0-9]+, may still be held at this return`
			}
		}
		rf.mu.Unlock()
	}()
}

func (rf *Raft) twoConditions(term int, ok bool) bool {
	rf.mu.Lock()
	if ok {
		rf.mu.Unlock()
		return true
	}
	if !ok && term > 0 {
		rf.mu.Unlock()
	}
	return false // want `rf.mu, taken at line [0-9]+, may still be held`
}

func (rf *Raft) changedBetween(ok bool) bool {
	rf.mu.Lock()
	if ok {
		rf.mu.Unlock()
		return true
	}
	ok = rf.term > 0
	if !ok {
		rf.mu.Unlock()
	}
	return false // want `rf.mu, taken at line [0-9]+, may still be held`
}

// What follows is right.

func (rf *Raft) opposites(reply *Reply) {
	rf.mu.Lock()
	if reply.OK {
		rf.term++
		rf.mu.Unlock()
		return
	}
	if !reply.OK {
		rf.mu.Unlock()
	}
}

func (rf *Raft) opposite(reply *Reply) int {
	rf.mu.Lock()
	if !(reply.OK) {
		rf.mu.Unlock()
		return 1
	}
	if reply.OK {
		rf.mu.Unlock()
		return 2
	}
	return 3
}

func (rf *Raft) lock() { rf.mu.Lock() }

func (rf *Raft) deferred(term int) bool {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	return term < rf.term
}

func (rf *Raft) deferredLiteral(term int) bool {
	rf.mu.Lock()
	defer func() {
		rf.term++
		rf.mu.Unlock()
	}()
	return term < rf.term
}

func (rf *Raft) loop() {
	rf.mu.Lock()
	defer rf.mu.Unlock()
	for rf.term < 10 {
		rf.mu.Unlock()
		rf.mu.Lock()
	}
}

func (rf *Raft) onEachPath(term int) bool {
	rf.lock()
	if term < rf.term {
		rf.mu.Unlock()
		return false
	}
	if term == rf.term {
		panic("no")
	}
	rf.mu.Unlock()
	return true
}
