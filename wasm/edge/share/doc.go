// Package share keeps runs under short links: it reads what a page sends, brings
// it into one form, names it by its content and gives it back as data that no
// browser runs. It knows the readers of scripts and traces, which are the ones
// of the command and the page, and HTTP. It must not know where runs are kept
// nor which platform calls it.
package share
