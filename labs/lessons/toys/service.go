package toys

import "strings"

// service is what a replica makes of its log: a key/value store and one lock.
// It is a state machine: equal logs give equal services.
type service struct {
	values map[string]string
	holder string // of the lock: a client's name, or "" for nobody
	// done is the last operation of each client, which has one at a time. Asked
	// again, it is answered again and not done again (section 8 of the paper).
	done map[string]outcome
}

type outcome struct{ serial, result string }

// Results of lock and unlock.
const (
	resultGranted  = "granted"
	resultRefused  = "refused"
	resultReleased = "released"
)

func newService() service {
	return service{values: map[string]string{}, done: map[string]outcome{}}
}

// do carries out a client's operation, "put x 1", once per serial.
func (s *service) do(client, serial, op string) (result string) {
	if d := s.done[client]; d.serial == serial {
		return d.result
	}
	verb, rest, _ := strings.Cut(op, " ")
	result = "ok"
	switch verb {
	case "put":
		key, value, _ := strings.Cut(rest, " ")
		s.values[key] = value
	case "get":
		result = s.values[rest]
	case "lock": // test-and-set
		result = resultRefused
		if s.holder == "" || s.holder == client {
			s.holder, result = client, resultGranted
		}
	case "unlock":
		if s.holder == client {
			s.holder = ""
		}
		result = resultReleased
	}
	s.done[client] = outcome{serial, result}
	return result
}
