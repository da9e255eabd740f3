package snmp

import (
	"errors"
	"fmt"
)

// ErrTruncated is returned when a length points past the end of what arrived.
var ErrTruncated = errors.New("message is cut off")

const (
	tagSequence = 0x30
	maxLength   = 1 << 24
)

// cutTLV takes one element off b: its tag, its content (a slice of b) and what follows it.
func cutTLV(b []byte) (tag byte, content, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, ErrTruncated
	}
	tag = b[0]
	n := int(b[1])
	b = b[2:]
	if n >= 0x80 {
		octets := n & 0x7f
		if octets == 0 || octets > 4 {
			return 0, nil, nil, fmt.Errorf("length of %d octets is not used in SNMP", octets)
		}
		if len(b) < octets {
			return 0, nil, nil, ErrTruncated
		}
		n = 0
		for _, c := range b[:octets] {
			n = n<<8 | int(c)
		}
		b = b[octets:]
	}
	if n > maxLength || n > len(b) {
		return 0, nil, nil, ErrTruncated
	}
	return tag, b[:n], b[n:], nil
}

func cutTag(b []byte, want byte, what string) (content, rest []byte, err error) {
	tag, content, rest, err := cutTLV(b)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", what, err)
	}
	if tag != want {
		return nil, nil, fmt.Errorf("%s: tag 0x%02x where 0x%02x belongs", what, tag, want)
	}
	return content, rest, nil
}

func cutInt32(b []byte, what string) (v int32, rest []byte, err error) {
	content, rest, err := cutTag(b, byte(Integer), what)
	if err != nil {
		return 0, nil, err
	}
	i, err := signed(content)
	if err != nil || i != int64(int32(i)) {
		return 0, nil, fmt.Errorf("%s: number of %d octets", what, len(content))
	}
	return int32(i), rest, nil
}

// headerSize is the number of octets of tag and length in front of n octets of content.
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
