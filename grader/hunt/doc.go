// Package hunt searches random worlds for one in which a server breaks a
// property, and shrinks what it finds to a short script.
// It knows worlds as lists of actions, which are run by package script and
// written down as world files.
// It must not know whose server it is, nor how a verdict is shown.
package hunt
