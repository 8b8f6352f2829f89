package timeafter

import "time"

func never(ch chan int) {
	for {
		select {
		case <-ch:
		case <-time.After(300 * time.Millisecond): // want `this timer never fires: the select has a default`
		default:
		}
	}
}

func sooner() {
	for {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-time.After(300 * time.Millisecond): // want `this timer never fires: another of the same select fires after 50ms`
		}
	}
}

func hot() {
	for i := 0; i < 1000; i++ {
		<-time.After(10 * time.Microsecond) // want `this loop waits for 10µs at a time`
	}
}

// What follows is right.

func election(heartbeat chan int, timeout time.Duration) {
	for {
		select {
		case <-heartbeat:
		case <-time.After(timeout):
		}
	}
}

func once(ch chan int) {
	select {
	case <-ch:
	case <-time.After(time.Microsecond):
	default:
	}
}

func ticker() {
	for range 10 {
		<-time.After(10 * time.Millisecond)
		go func() {
			<-time.After(time.Microsecond)
		}()
	}
}
