// Command hello is the smallest Worker in Go: what make bench-edge compares with.
package main

import (
	"fmt"
	"net/http"

	"github.com/syumai/workers"
)

func main() {
	workers.Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "hello, world")
	}))
}
