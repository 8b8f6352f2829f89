package labgob

import (
	"errors"
	"io"
	"reflect"
	"strconv"
	"sync"
)

// maxMessage bounds the size of a message in bytes, as gob does.
const maxMessage = 1 << 30

// LabEncoder writes values to a stream. It may be used by several goroutines.
type LabEncoder struct {
	mu  sync.Mutex
	w   io.Writer
	enc encoder // its buffers are borrowed for each message

	firstTypes [4]*plan // memory for enc.types
}

// NewEncoder gives an encoder that writes each value to w with one Write.
func NewEncoder(w io.Writer) *LabEncoder {
	enc := &LabEncoder{w: w}
	enc.enc.types = enc.firstTypes[:0]
	return enc
}

// Encode writes e, or what it points to. A nil pointer makes it panic, as it
// makes gob panic.
func (enc *LabEncoder) Encode(e interface{}) error {
	if e == nil {
		return errNil
	}
	if isNilPointer(e) {
		panic("labgob: cannot encode nil pointer of type " + reflect.TypeOf(e).String())
	}
	enc.mu.Lock()
	defer enc.mu.Unlock()
	buf := buffersPool.Get().(*buffers)
	enc.enc.val, enc.enc.defs = buf.val, buf.defs
	head, err := enc.enc.message(e)
	if n := enc.enc.size(head); err == nil && n >= maxMessage {
		err = errors.New("labgob: message of " + strconv.Itoa(n) + " bytes; there must be less than " + strconv.Itoa(maxMessage))
	}
	if err == nil {
		buf.out = enc.enc.appendMessage(buf.out[:0], head)
		_, err = enc.w.Write(buf.out)
	}
	buf.val, buf.defs = enc.enc.val, enc.enc.defs
	enc.enc.val, enc.enc.defs = nil, nil
	buf.release()
	return err
}

// buffers are what it takes to make a message.
type buffers struct{ val, defs, out []byte }

// maxKept bounds the buffers that are kept for the next message, in bytes.
const maxKept = 64 << 10

var buffersPool = pool{New: func() interface{} { return new(buffers) }}

func (b *buffers) release() {
	if cap(b.val) <= maxKept && cap(b.out) <= maxKept {
		buffersPool.Put(b)
	}
}

// EncodeValue is Encode for a reflect.Value.
func (enc *LabEncoder) EncodeValue(value reflect.Value) error {
	switch {
	case value.Kind() == reflect.Invalid:
		return errNil
	case value.Kind() != reflect.Ptr && value.CanAddr():
		// What the value's own methods may do to it depends on its address.
		value = value.Addr()
	case value.Kind() == reflect.Interface:
		p := reflect.New(value.Type())
		p.Elem().Set(value)
		value = p
	}
	return enc.Encode(value.Interface())
}

var errNil = errors.New("labgob: cannot encode nil value")

func isNilPointer(v interface{}) bool {
	return unpack(&v).data == nil && reflect.TypeOf(v).Kind() == reflect.Ptr
}

// Marshal gives the message that holds v alone. It is an error if v is nil or a
// nil pointer.
func Marshal(v interface{}) ([]byte, error) {
	if v == nil {
		return nil, errNil
	}
	if isNilPointer(v) {
		return nil, errors.New("labgob: cannot encode nil pointer of type " + reflect.TypeOf(v).String())
	}
	e := encoders.Get().(*encoder)
	e.types, e.conc = e.types[:0], e.conc[:0]
	head, err := e.message(v)
	var b []byte
	if err == nil {
		n := e.size(head)
		b = e.appendMessage(make([]byte, 0, uintSize(uint64(n))+n), head)
	}
	if cap(e.val) <= maxKept {
		encoders.Put(e)
	}
	return b, err
}

// Unmarshal decodes a message that Marshal made into what v, a pointer, points
// to, or checks and discards it if v is nil. The message is not retained.
func Unmarshal(b []byte, v interface{}) error {
	if err := checkReceiver(v); err != nil {
		return err
	}
	in := input{b: b}
	n := in.uint()
	if in.err != nil || n != uint64(in.left()) {
		return errors.New("labgob: damaged message: " + strconv.Itoa(len(b)) + " bytes that announce " +
			strconv.FormatUint(n, 10) + " after the length")
	}
	d := decoders.Get().(*decoder)
	err := d.message(b[in.pos:], v)
	d.reset()
	decoders.Put(d)
	return err
}

// checkReceiver says what is wrong with a variable that nothing can be decoded into.
func checkReceiver(v interface{}) error {
	if v == nil {
		return nil
	}
	if t := reflect.TypeOf(v); t.Kind() != reflect.Ptr {
		return errors.New("labgob: attempt to decode into a non-pointer, a " + t.String() + "; pass its address")
	}
	if isNilPointer(v) {
		return errors.New("labgob: attempt to decode into a nil pointer of type " + reflect.TypeOf(v).String())
	}
	return nil
}

// LabDecoder reads values from a stream. It may be used by several goroutines.
type LabDecoder struct {
	mu  sync.Mutex
	r   io.Reader
	dec decoder
	buf []byte
	len [9]byte // the number before a message

	firstBlocks [2]block // memory for dec.blocks
}

// NewDecoder gives a decoder that reads values from r, and nothing beyond the
// last of them.
func NewDecoder(r io.Reader) *LabDecoder {
	dec := &LabDecoder{r: r}
	dec.dec.blocks = dec.firstBlocks[:0]
	return dec
}

// Decode reads the next value into what e, a pointer, points to, or discards it
// if e is nil. At the end of the stream it returns io.EOF. After an error in a
// value the next one can still be read.
func (dec *LabDecoder) Decode(e interface{}) error {
	if err := checkReceiver(e); err != nil {
		return err
	}
	dec.mu.Lock()
	defer dec.mu.Unlock()
	body, err := dec.next()
	if err != nil {
		return err
	}
	err = dec.dec.message(body, e)
	dec.dec.keep()
	return err
}

// next reads a message. Its bytes are good until the next call.
func (dec *LabDecoder) next() ([]byte, error) {
	n, err := dec.length()
	if err != nil {
		return nil, err
	}
	if n >= maxMessage {
		return nil, errors.New("labgob: damaged stream: a message of " + strconv.FormatUint(n, 10) + " bytes is announced")
	}
	// A bytes.Buffer has the message in memory.
	if r, ok := dec.r.(interface{ Next(n int) []byte }); ok {
		b := r.Next(int(n))
		if len(b) < int(n) {
			return nil, io.ErrUnexpectedEOF
		}
		return b, nil
	}
	// Memory grows with what arrives, not with what is announced.
	dec.buf = dec.buf[:0]
	for len(dec.buf) < int(n) {
		if len(dec.buf) == cap(dec.buf) {
			grown := make([]byte, len(dec.buf), 2*cap(dec.buf)+512)
			copy(grown, dec.buf)
			dec.buf = grown
		}
		end := cap(dec.buf)
		if end > int(n) {
			end = int(n)
		}
		k, err := io.ReadFull(dec.r, dec.buf[len(dec.buf):end])
		dec.buf = dec.buf[:len(dec.buf)+k]
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
	}
	return dec.buf, nil
}

// length reads the number before a message, byte by byte so that nothing
// beyond the message is taken from the reader.
func (dec *LabDecoder) length() (uint64, error) {
	if r, ok := dec.r.(io.ByteReader); ok {
		c, err := r.ReadByte()
		if err != nil || c <= maxByte {
			return uint64(c), err
		}
		dec.len[0] = c
		return dec.longLength()
	}
	if _, err := io.ReadFull(dec.r, dec.len[:1]); err != nil || dec.len[0] <= maxByte {
		return uint64(dec.len[0]), err
	}
	return dec.longLength()
}

// longLength reads the rest of a number whose first byte is in dec.len.
func (dec *LabDecoder) longLength() (uint64, error) {
	in := input{b: dec.len[:1+dec.len[0]-maxByte]}
	if _, err := io.ReadFull(dec.r, in.b[1:]); err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return 0, err
	}
	return in.uint(), nil
}
