package wire

import "errors"

// ErrTexts says that bytes are not a list of texts.
var ErrTexts = errors.New("wire: not a list of texts, each after its length")

// AppendTexts appends the encoding of some texts to b, each after its length:
// the arguments of a client's operation, or its results.
func AppendTexts(b []byte, texts ...string) []byte {
	for _, t := range texts {
		b = append(appendUvarint(b, uint64(len(t))), t...)
	}
	return b
}

// ParseTexts returns the texts that b encodes.
func ParseTexts(b []byte) ([]string, error) {
	var texts []string
	for r := (reader{b: b}); len(r.b) > 0; {
		t := r.bytes()
		if r.bad {
			return nil, ErrTexts
		}
		texts = append(texts, string(t))
	}
	return texts, nil
}
