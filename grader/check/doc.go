// Package check judges what a cluster does: it watches the records of a world
// and names the first property that breaks.
//
// Of a student's server it uses only what that server shows: term and role
// after each step, results of Start, what was applied, what was sent and saved,
// and how it died. It never relies on the names or the contents of RPCs, and it
// must not know which server or which test it is watching. docs/properties.md
// says for each property what is seen and which consequence is checked.
package check
