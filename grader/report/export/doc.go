// Package export writes gradings in the formats of other tools: JUnit XML, the
// results file of Gradescope, what GitHub Classroom's reporter reads, GitHub
// Actions' annotations and job summary, and Markdown.
//
// It knows the Sheet, which is one submission's grading as such tools want it,
// and each format's rules; docs/formats.md says where they are published. It must
// not know how a verdict is reached, nor where files go.
//
// Every text in a Sheet may be a stranger's: whatever stands in one, what is
// written can be read, and says nothing but what the Sheet says. Start with [Of].
package export
