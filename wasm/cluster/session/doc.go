// Package session runs one live cluster from a script: what the cluster is, its
// seed, and what was done to it and when. A script replays exactly, which is how
// the page goes back in time, shares a run and checks that it is the same. It
// knows the world and the toys; it must not know the page, so that a native
// program can run the same script to the same hash.
package session
