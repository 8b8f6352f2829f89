package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A command travels as one tag byte and its value, so that equal commands are
// equal bytes:
//
//	'i' and the int as zigzag varint
//	's' and the string's bytes
//	'o' and fmt's %v of anything else (only from a server to the host: it
//	    shows a command that the lab never proposed)

// AppendCommand appends the encoding of command v to b.
func AppendCommand(b []byte, v interface{}) []byte {
	switch v := v.(type) {
	case int:
		i := int64(v)
		return appendUvarint(append(b, 'i'), uint64(i)<<1^uint64(i>>63))
	case string:
		return append(append(b, 's'), v...)
	}
	return append(append(b, 'o'), fmt.Sprintf("%v", v)...)
}

// ErrCommand says that bytes are not a command that can be proposed.
var ErrCommand = errors.New("wire: not a command: want 'i' and a shortest varint, or 's' and bytes")

// ParseCommand returns the int or string that b encodes.
func ParseCommand(b []byte) (interface{}, error) {
	if len(b) == 0 {
		return nil, ErrCommand
	}
	switch b[0] {
	case 's':
		return string(b[1:]), nil
	case 'i':
		u, n := binary.Uvarint(b[1:])
		if n <= 0 || n != len(b)-1 || n > 1 && b[n] == 0 {
			return nil, ErrCommand
		}
		i := int64(u>>1) ^ -int64(u&1)
		if int64(int(i)) != i {
			return nil, ErrCommand
		}
		return int(i), nil
	}
	return nil, ErrCommand
}

// CommandText shows an encoded command to a reader: 7, "x", or what %v gave.
func CommandText(b []byte) string {
	if v, err := ParseCommand(b); err == nil {
		return fmt.Sprintf("%#v", v)
	}
	if len(b) > 0 && b[0] == 'o' {
		return string(b[1:])
	}
	return fmt.Sprintf("%q", b)
}
