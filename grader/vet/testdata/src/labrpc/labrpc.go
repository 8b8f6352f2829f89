package labrpc

type ClientEnd struct{}

func (e *ClientEnd) Call(svcMeth string, args interface{}, reply interface{}) bool { return false }
