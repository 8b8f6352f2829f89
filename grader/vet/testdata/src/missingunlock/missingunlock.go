package missingunlock

import "sync"

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

// What follows is right.

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
