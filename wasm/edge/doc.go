//go:build js && wasm

// Command edge is the Cloudflare Worker behind the published page: it keeps
// shared runs under short links. It knows the platform's key-value store and its
// rate limits. It must not know the page's files, which the platform serves
// without it; entry.mjs sees to that.
package main
