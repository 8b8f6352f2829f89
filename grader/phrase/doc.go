// Package phrase says in other languages what the grader says in English: why a
// property broke, what led there, why a folder was refused.
//
// It knows the grader's sentences as formats, each with its translation. It must
// not know where a sentence came from: traces, hashes and JSON hold the English
// one, which is the same for everybody, and a report translates what it shows.
//
// Start with In.
package phrase
