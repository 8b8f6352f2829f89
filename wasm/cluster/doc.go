//go:build js && wasm

// Command cluster is the live cluster of the page: package session behind a
// small API for JavaScript, built for GOOS=js and run in a Web Worker. The typed
// side of the API is site/src/cluster/api.ts.
package main
