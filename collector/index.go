package collector

import (
	"fmt"
	"strconv"

	"trapline/internal/snmp"
)

// maxIndexArcs bounds the numbers that a length inside an index may claim. A whole OID has at most
// 128 (RFC 3416 section 4.1).
const maxIndexArcs = 128

// indexDecoder turns the numbers of an index into the text of a label. It never fails: missing
// numbers read as 0, since some agents leave trailing zeros out, and what follows is left alone.
type indexDecoder struct {
	kind    string
	size    int
	implied bool
	enum    map[int]string
}

// subtypes says which type an address or port identifier has by the number in front of it.
var subtypes = map[string]map[int64]string{
	"InetAddress":            {1: "InetAddressIPv4", 2: "InetAddressIPv6"},
	"InetAddressMissingSize": {1: "InetAddressIPv4", 2: "InetAddressIPv6"},
	"LldpPortId":             {1: "DisplayString", 2: "DisplayString", 3: "PhysAddress48", 5: "DisplayString", 7: "DisplayString"},
}

// arcCounts are the numbers that types of a fixed size take.
var arcCounts = map[string]int{"PhysAddress48": 6, "InetAddressIPv4": 4, "InetAddressIPv6": 16}

// arcs is a row of numbers in BER; pad is where a row that had to be completed with zeros is built.
type arcs struct {
	octets []byte
	pad    *[]byte
}

// take cuts n numbers off.
func (a arcs) take(n int) (used, rest []byte) {
	at := 0
	for ; n > 0; n-- {
		size := 0
		for at+size < len(a.octets) && a.octets[at+size] >= 0x80 {
			size++
		}
		if at+size >= len(a.octets) {
			break
		}
		at += size + 1
	}
	if n == 0 {
		return a.octets[:at], a.octets[at:]
	}
	start := len(*a.pad)
	*a.pad = append(*a.pad, a.octets[:at]...)
	for ; n > 0; n-- {
		*a.pad = append(*a.pad, 0)
	}
	return (*a.pad)[start:len(*a.pad):len(*a.pad)], nil
}

// first gives the first number without cutting it off; 0 when there is none.
func (a arcs) first() uint32 {
	arc, _, _ := snmp.CutArc(a.octets)
	return arc
}

func (a arcs) count() int {
	n := 0
	for _, c := range a.octets {
		if c < 0x80 {
			n++
		}
	}
	return n
}

// decode writes the label's text, and gives the numbers that it stands for and those left over.
func (d *indexDecoder) decode(dst []byte, a arcs) (text, used, rest []byte) {
	if types, ok := subtypes[d.kind]; ok {
		return decodeSubtyped(dst, a, d.kind, types)
	}
	switch d.kind {
	case "OctetString", "DisplayString", "ObjectIdentifier":
		return decodeString(dst, a, d)
	}
	n, ok := arcCounts[d.kind]
	if !ok {
		n = 1
	}
	used, rest = a.take(n)
	if d.kind == "EnumAsInfo" {
		if label, ok := d.enum[int(arcs{octets: used}.first())]; ok {
			return append(dst, label...), used, rest
		}
	}
	return appendArcs(dst, d.kind, used), used, rest
}

// decodeString reads text, or an OID, whose length is fixed, is all that is left (IMPLIED), or stands in front.
func decodeString(dst []byte, a arcs, d *indexDecoder) (text, used, rest []byte) {
	length, front := d.size, 0
	if d.implied {
		length = a.count()
	}
	if length == 0 {
		length, front = boundedLength(a.first(), a), 1
	}
	used, rest = a.take(front + length)
	_, content := arcs{octets: used}.take(front)
	return appendArcs(dst, d.kind, content), used, rest
}

func boundedLength(claimed uint32, a arcs) int {
	return int(min(claimed, uint32(max(a.count(), maxIndexArcs))))
}

// decodeSubtyped reads (type, length, content) or, without size, (type, content). A type without a
// form of its own is shown as the hexadecimal digits of everything, type and length included.
func decodeSubtyped(dst []byte, a arcs, kind string, types map[int64]string) (text, used, rest []byte) {
	front := 2
	if kind == "InetAddressMissingSize" {
		front = 1
	}
	head, _ := a.take(front)
	subtype, tail, _ := snmp.CutArc(head)
	length := boundedLength(arcs{octets: tail}.first(), a)
	known, ok := types[int64(subtype)]
	switch n := arcCounts[known]; {
	case ok && n > 0:
		used, rest = a.take(front + n)
	case ok:
		used, rest = a.take(front + length)
	case front == 1:
		return decodeString(dst, a, &indexDecoder{kind: "OctetString", implied: true})
	default:
		used, rest = a.take(front + length)
		return appendArcs(dst, "OctetString", used), used, rest
	}
	_, content := arcs{octets: used}.take(front)
	return appendArcs(dst, known, content), used, rest
}

const upperHex = "0123456789ABCDEF"

// appendArcs writes numbers as the text of a type, each number an octet for strings.
func appendArcs(dst []byte, kind string, numbers []byte) []byte {
	if kind == "OctetString" && len(numbers) > 0 {
		dst = append(dst, "0x"...)
	}
	for i := 0; len(numbers) > 0; i++ {
		arc, rest, ok := snmp.CutArc(numbers)
		if !ok {
			return dst
		}
		numbers = rest
		switch kind {
		case "OctetString":
			dst = append(dst, upperHex[byte(arc)>>4], upperHex[byte(arc)&15])
		case "DisplayString":
			dst = append(dst, byte(arc))
		case "PhysAddress48":
			dst = appendHexArc(separated(dst, i > 0, ':'), arc)
		case "InetAddressIPv6":
			dst = appendHexArc(separated(dst, i > 0 && i%2 == 0, ':'), arc)
		default:
			dst = strconv.AppendUint(separated(dst, i > 0, '.'), uint64(arc), 10)
		}
	}
	return dst
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
