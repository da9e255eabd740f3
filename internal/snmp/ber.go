package snmp

import (
	"errors"
	"fmt"
)

// ErrTruncated is returned when a length exceeds the octets received.
var ErrTruncated = errors.New("message is cut off")

var (
	errLengthForm = errors.New("its length is in a form that SNMP does not use")
	errNumber     = errors.New("not a number of the size that belongs here")
)

// syntaxError is an invalid field of a message. It formats its text on demand, so that rejecting
// malformed datagrams is cheap.
type syntaxError struct {
	field     string
	tag, want byte  // when cause is nil
	cause     error // may be nil
}

func (e *syntaxError) Error() string {
	if e.cause != nil {
		return e.field + ": " + e.cause.Error()
	}
	return fmt.Sprintf("%s: tag 0x%02x where 0x%02x belongs", e.field, e.tag, e.want)
}

func (e *syntaxError) Unwrap() error { return e.cause }

const (
	tagSequence = 0x30
	maxLength   = 1 << 24
)

// cutShort is cutTLV for an element of less than 128 octets, the common case. It is small enough
// for the compiler to inline; if ok is false, the caller uses cutTLV.
func cutShort(b []byte) (tag byte, content, rest []byte, ok bool) {
	if len(b) < 2 || b[1] >= 0x80 || len(b)-2 < int(b[1]) {
		return 0, nil, nil, false
	}
	n := 2 + int(b[1])
	return b[0], b[2:n], b[n:], true
}

// cutTLV splits b into the tag and content of its first element and the rest. The content is a
// slice of b.
func cutTLV(b []byte) (tag byte, content, rest []byte, err error) {
	tag, n, rest, err := cutHeader(b)
	if err == nil && n > len(rest) {
		err = ErrTruncated
	}
	if err != nil {
		return 0, nil, nil, err
	}
	return tag, rest[:n], rest[n:], nil
}

// cutHeader splits b into the tag and content length of its first element and the rest.
func cutHeader(b []byte) (tag byte, n int, rest []byte, err error) {
	if len(b) < 2 {
		return 0, 0, nil, ErrTruncated
	}
	tag, n, rest = b[0], int(b[1]), b[2:]
	if n < 0x80 {
		return tag, n, rest, nil
	}
	octets := n & 0x7f
	if octets == 0 || octets > 4 {
		return 0, 0, nil, errLengthForm
	}
	if len(rest) < octets {
		return 0, 0, nil, ErrTruncated
	}
	var long uint32
	for _, c := range rest[:octets] {
		long = long<<8 | uint32(c)
	}
	if long > maxLength {
		return 0, 0, nil, ErrTruncated
	}
	return tag, int(long), rest[octets:], nil
}

func cutTag(b []byte, want byte, field string) (content, rest []byte, err error) {
	tag, content, rest, ok := cutShort(b)
	if !ok {
		if tag, content, rest, err = cutTLV(b); err != nil {
			return nil, nil, &syntaxError{field: field, cause: err}
		}
	}
	if tag != want {
		return nil, nil, &syntaxError{field: field, tag: tag, want: want}
	}
	return content, rest, nil
}

func cutInt32(b []byte, field string) (v int32, rest []byte, err error) {
	content, rest, err := cutTag(b, byte(Integer), field)
	if err != nil {
		return 0, nil, err
	}
	i, err := signed(content)
	if err != nil || i != int64(int32(i)) {
		return 0, nil, &syntaxError{field: field, cause: errNumber}
	}
	return int32(i), rest, nil
}

// cutNatural is cutInt32 for the SNMPv3 fields whose range is 0..2147483647.
func cutNatural(b []byte, field string) (v int32, rest []byte, err error) {
	if v, rest, err = cutInt32(b, field); err == nil && v < 0 {
		return 0, nil, &syntaxError{field: field, cause: errNumber}
	}
	return v, rest, err
}

// headerSize returns the encoded size of the tag and length of an element with n octets of content.
func headerSize(n int) int {
	switch {
	case n < 0x80:
		return 2
	case n < 1<<8:
		return 3
	case n < 1<<16:
		return 4
	}
	return 5
}

// elementSize returns the encoded size of an element with n octets of content.
func elementSize(n int) int { return headerSize(n) + n }

func appendHeader(b []byte, tag byte, n int) []byte {
	switch headerSize(n) {
	case 2:
		return append(b, tag, byte(n))
	case 3:
		return append(b, tag, 0x81, byte(n))
	case 4:
		return append(b, tag, 0x82, byte(n>>8), byte(n))
	}
	return append(b, tag, 0x83, byte(n>>16), byte(n>>8), byte(n))
}

func appendOctets(b, content []byte) []byte {
	return append(appendHeader(b, byte(OctetString), len(content)), content...)
}

func intSize(v int64) int {
	n := 1
	for v > 127 || v < -128 {
		v >>= 8
		n++
	}
	return 2 + n
}

func appendInteger(b []byte, v int64) []byte {
	return AppendInt(append(b, byte(Integer), byte(intSize(v)-2)), v)
}
