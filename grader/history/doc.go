// Package history judges what clients of a service asked and were told: by rules
// that need no search where they can, at the end by a search for an order.
//
// It knows the operations of the key/value and lock labs, and porcupine. It must
// not know how the service is run. It stands apart from grader/check because the
// page's cluster has that linked in, and needs no search.
package history
