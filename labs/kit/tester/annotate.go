package tester

import (
	"strconv"
	"time"
)

// note is where annotations go; without it they go nowhere.
var note func(text, details string)

// SetNote says where annotations go. The kit's runtime calls it.
func SetNote(f func(text, details string)) { note = f }

func mark(tag, desp, details string) {
	if note == nil {
		return
	}
	if tag != "" {
		desp = tag + ": " + desp
	}
	note(desp, details)
}

// Annotate puts a mark on the time line now: desp in row tag, with details.
func Annotate(tag, desp, details string) { mark(tag, desp, details) }

// AnnotatePointColor is Annotate; the colour is the player's choice.
func AnnotatePointColor(tag, desp, details, bgcolor string) { mark(tag, desp, details) }

// GetAnnotateTimestamp returns the time now, in ns, for AnnotateInterval.
func GetAnnotateTimestamp() int64 { return time.Now().UnixNano() }

// AnnotateInterval marks the time from start until now.
func AnnotateInterval(tag string, start int64, desp, details string) {
	us := (time.Now().UnixNano() - start) / 1000
	mark(tag, desp+" (for "+strconv.FormatInt(us, 10)+" us)", details)
}

// AnnotateIntervalColor is AnnotateInterval.
func AnnotateIntervalColor(tag string, start int64, desp, details, bgcolor string) {
	AnnotateInterval(tag, start, desp, details)
}

// AnnotateContinuous marks the time from now until the next continuous
// annotation with this tag, or its end.
func AnnotateContinuous(tag, desp, details string) { mark(tag, desp, details) }

// AnnotateContinuousColor is AnnotateContinuous.
func AnnotateContinuousColor(tag, desp, details, bgcolor string) { mark(tag, desp, details) }

// AnnotateContinuousEnd ends the continuous annotation with this tag.
func AnnotateContinuousEnd(tag string) { mark(tag, "end", "") }

// AnnotateInfo is Annotate without a row of its own.
func AnnotateInfo(desp, details string) { mark("", desp, details) }

// AnnotateInfoInterval is AnnotateInterval without a row of its own.
func AnnotateInfoInterval(start int64, desp, details string) {
	AnnotateInterval("", start, desp, details)
}
