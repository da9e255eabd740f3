package collector

import (
	"fmt"
	"strconv"

	"trapline/internal/snmp"
)

// format is how values of a type are decoded from an index, and written as text.
type format struct {
	arcs   int                              // numbers of an index that a value takes; 0: variable
	write  func(dst, numbers []byte) []byte // text of the numbers of an index, which are octets for strings
	octets func(dst, octets []byte) []byte  // text of octets; nil: that of as many numbers
	hinted bool                             // a DISPLAY-HINT replaces the format of octets
	labels bool                             // numbers are replaced by their labels
	// The format is selected by the number in front (by that of the object in front, outside of an index).
	subtypes map[int64]*format
	noLength bool // no length stands behind the number that selects the format
}

var (
	oneNumber   = &format{arcs: 1, write: appendDotted}
	manyNumbers = &format{write: appendDotted}
	enumLabel   = &format{arcs: 1, write: appendDotted, labels: true}
	hexString   = &format{write: appendHexNumbers, octets: appendHex, hinted: true}
	bitString   = &format{arcs: 1, write: appendDotted, octets: appendHex}
	characters  = &format{write: appendCharacters, octets: func(dst, octets []byte) []byte { return append(dst, octets...) }}
	macAddress  = &format{arcs: 6, write: appendMAC}
	ipv4Address = &format{arcs: 4, write: appendDotted}
	ipv6Address = &format{arcs: 16, write: appendIPv6}

	addresses              = map[int64]*format{1: ipv4Address, 2: ipv6Address}
	inetAddress            = &format{subtypes: addresses}
	inetAddressMissingSize = &format{subtypes: addresses, noLength: true}
	lldpPortID             = &format{subtypes: map[int64]*format{1: characters, 2: characters, 3: macAddress, 5: characters, 7: characters}}
)

const upperHex = "0123456789ABCDEF"

// numbers calls f for each number with its position, and returns dst as extended by f.
func numbers(dst, numbers []byte, f func(dst []byte, i int, arc uint32) []byte) []byte {
	for i := 0; len(numbers) > 0; i++ {
		arc, rest, ok := snmp.CutArc(numbers)
		if !ok {
			return dst
		}
		dst, numbers = f(dst, i, arc), rest
	}
	return dst
}

func appendDotted(dst, list []byte) []byte {
	return numbers(dst, list, func(dst []byte, i int, arc uint32) []byte {
		return strconv.AppendUint(separated(dst, i > 0, '.'), uint64(arc), 10)
	})
}

func appendHexNumbers(dst, list []byte) []byte {
	if len(list) == 0 {
		return dst
	}
	return numbers(append(dst, "0x"...), list, func(dst []byte, _ int, arc uint32) []byte {
		return append(dst, upperHex[byte(arc)>>4], upperHex[byte(arc)&15])
	})
}

func appendCharacters(dst, list []byte) []byte {
	return numbers(dst, list, func(dst []byte, _ int, arc uint32) []byte { return append(dst, byte(arc)) })
}

func appendMAC(dst, list []byte) []byte {
	return numbers(dst, list, func(dst []byte, i int, arc uint32) []byte {
		return appendHexArc(separated(dst, i > 0, ':'), arc)
	})
}

func appendIPv6(dst, list []byte) []byte {
	return numbers(dst, list, func(dst []byte, i int, arc uint32) []byte {
		return appendHexArc(separated(dst, i > 0 && i%2 == 0, ':'), arc)
	})
}

func separated(dst []byte, want bool, separator byte) []byte {
	if want {
		return append(dst, separator)
	}
	return dst
}

func appendHexArc(dst []byte, arc uint32) []byte {
	if arc < 256 {
		return append(dst, upperHex[arc>>4], upperHex[arc&15])
	}
	return fmt.Appendf(dst, "%X", arc)
}

// appendHex writes octets as hexadecimal digits behind 0x, and no octets as no text.
func appendHex(dst, octets []byte) []byte {
	if len(octets) == 0 {
		return dst
	}
	dst = append(dst, "0x"...)
	for _, c := range octets {
		dst = append(dst, upperHex[c>>4], upperHex[c&15])
	}
	return dst
}
