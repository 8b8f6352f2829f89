// Command badinit is a server that goes wrong before there is a step: the hour
// at which it boots says how.
package main

import (
	"os"
	"time"

	"github.com/raftlab/raftlab/labs/kit/guest"
	"github.com/raftlab/raftlab/labs/kit/labrpc"
	"github.com/raftlab/raftlab/labs/kit/raftapi"
	"github.com/raftlab/raftlab/labs/kit/tester"
)

var sink []byte

func init() {
	guest.Register(func(peers []*labrpc.ClientEnd, me int, p *tester.Persister, ch chan raftapi.ApplyMsg) raftapi.Raft {
		return nil
	})
	switch time.Now().UTC().Hour() {
	case 1:
		for sink == nil { // spin line
		}
	case 2:
		<-make(chan int)
	case 3:
		time.Sleep(time.Hour)
	case 4:
		os.Exit(0)
	case 5:
		panic("not yet")
	case 6:
		for {
			println("again and again")
		}
	}
}

func main() {}
