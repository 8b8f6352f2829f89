package sim

import "fmt"

// Hold keeps back messages to come on a directed link: the next Count of a kind,
// after Skip others, arrive later by By. It is how a schedule aims: at the vote
// that would decide, or at the answer that would commit.
type Hold struct {
	Kind  MsgKind // 0: any
	By    Time
	Skip  int
	Count int // at least 1
}

func (h Hold) String() string {
	what := map[MsgKind]string{0: "message", MsgOneWay: "one-way message", MsgCall: "call", MsgReply: "reply"}[h.Kind]
	return fmt.Sprintf("hold %d %s by %dus skip %d", h.Count, what, h.By/Microsecond, h.Skip)
}

type heldLink struct {
	from, to int
	Hold
}

// SetHold adds a Hold to the link from one node to another.
func (w *World) SetHold(from, to int, h Hold) {
	h.Count = max(h.Count, 1)
	w.holds = append(w.holds, heldLink{from, to, h})
	w.emit(Record{Kind: RecArm, Node: from, Peer: to, Name: h.String()})
}

// ClearHolds takes all Holds back. Messages already kept back stay so.
func (w *World) ClearHolds() { w.holds = nil }

// heldBy returns by how much the Holds delay a message that is being sent.
func (w *World) heldBy(from, to int, kind MsgKind) Time {
	d := Time(0)
	for i := 0; i < len(w.holds); i++ {
		h := &w.holds[i]
		if h.from != from || h.to != to || h.Kind != 0 && h.Kind != kind {
			continue
		}
		if h.Skip > 0 {
			h.Skip--
			continue
		}
		d += h.By
		if h.Count--; h.Count == 0 {
			w.holds = append(w.holds[:i], w.holds[i+1:]...)
			i--
		}
	}
	return d
}
