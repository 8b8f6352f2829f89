// Package toys makes the servers and clients of the lessons and the playground:
// the consensus core with a key/value service and its clients, the lock service
// of two servers, and the three services that lean on one decider. It knows the
// world by the interface of package sim only, and follows labs/lessons/FORMAT.md,
// section 3. It must not know any page, goal or trace.
package toys
