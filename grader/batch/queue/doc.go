// Package queue shares the gradings of a batch among any number of machines by
// way of a NATS server with JetStream: a batch sends what is to be graded and
// collects the results, workers do the work.
//
// It knows the queue's streams and buckets, and what to do when a worker, a
// batch or the server dies. It must not know what a verdict means, nor link the
// server; nothing that it does may change a record's bytes.
//
// Start with [Sender], which a batch takes as its Elsewhere, and [Worker].
//
// # What lies in the queue
//
//	stream RAFTLAB_WORK             one message for each grading that is not done,
//	                                raftlab.work.GRADER.KEY
//	object store RAFTLAB_inputs     submission/HASH and lab/HASH
//	object store RAFTLAB_results    KEY: a batch.Reply
//	raftlab.done.GRADER             a worker tells that the result of a key is there
//	raftlab.ping                    asks who is there
//
// GRADER stands for the grader's version and the Go release, so that a worker
// can take no work of another grader. A subject of the stream holds one message
// at most: sending a grading twice is sending it once. A message is
// acknowledged when its result is stored; what is not acknowledged in time goes
// to another worker, and whoever is late finds the result there, equal to his.
package queue
