// Package lock tells which mutexes are held at each point of a function.
//
// It knows sync.Mutex, sync.RWMutex and helper methods that only take or release
// one, and follows the control flow: what is surely held, and what is held on
// some path. It must not know what may be done under a lock: the checks built on
// it do.
package lock
