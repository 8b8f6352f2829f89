// Package lessons holds the self-paced lessons as data: for each its text in two
// languages, the cluster it starts from, tasks that check themselves on the
// trace, and questions. FORMAT.md defines the format.
//
// It knows how to read and validate a lesson, strictly; see [Load]. It must not
// know how a world is run or a goal evaluated: that is done by the hosts that
// play a lesson.
package lessons
