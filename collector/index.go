package collector

import "trapline/internal/snmp"

// maxIndexArcs bounds the numbers that a length inside an index may claim. A whole OID has at most
// 128 (RFC 3416 section 4.1).
const maxIndexArcs = 128

// indexDecoder decodes the numbers of an index into the text of a label. It never fails: missing
// numbers are 0, since some agents leave out trailing zeros, and excess numbers are ignored.
type indexDecoder struct {
	format  *format
	size    int
	implied bool
	enum    map[int]string
}

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

// first returns the first number without cutting it off; 0 if there is none.
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

// decode appends the label's text. It returns the numbers that the text stands for and those that are left.
func (d *indexDecoder) decode(dst []byte, a arcs) (text, used, rest []byte) {
	f := d.format
	switch {
	case f.subtypes != nil:
		return f.decodeSubtyped(dst, a)
	case f.arcs == 0:
		return d.decodeVariable(dst, a)
	}
	used, rest = a.take(f.arcs)
	if f.labels {
		if label, ok := d.enum[int(arcs{octets: used}.first())]; ok {
			return append(dst, label...), used, rest
		}
	}
	return f.write(dst, used), used, rest
}

// decodeVariable reads text, or an OID, whose length is fixed, is all that is left (IMPLIED), or is the number in
// front.
func (d *indexDecoder) decodeVariable(dst []byte, a arcs) (text, used, rest []byte) {
	length, front := d.size, 0
	if d.implied {
		length = a.count()
	}
	if length == 0 {
		length, front = boundedLength(a.first(), a), 1
	}
	used, rest = a.take(front + length)
	_, content := arcs{octets: used}.take(front)
	return d.format.write(dst, content), used, rest
}

func boundedLength(claimed uint32, a arcs) int {
	return int(min(claimed, uint32(max(a.count(), maxIndexArcs))))
}

// decodeSubtyped reads (type, length, content) or, without length, (type, content). A type without a
// format of its own is written as the hexadecimal digits of everything, type and length included.
func (f *format) decodeSubtyped(dst []byte, a arcs) (text, used, rest []byte) {
	front := 2
	if f.noLength {
		front = 1
	}
	head, _ := a.take(front)
	subtype, tail, _ := snmp.CutArc(head)
	length := boundedLength(arcs{octets: tail}.first(), a)
	known := f.subtypes[int64(subtype)]
	switch {
	case known != nil && known.arcs > 0:
		used, rest = a.take(front + known.arcs)
	case known != nil:
		used, rest = a.take(front + length)
	case front == 1:
		return (&indexDecoder{format: hexString, implied: true}).decodeVariable(dst, a)
	default:
		used, rest = a.take(front + length)
		return appendHexNumbers(dst, used), used, rest
	}
	_, content := arcs{octets: used}.take(front)
	return known.write(dst, content), used, rest
}
