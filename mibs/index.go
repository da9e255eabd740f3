package mibs

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"trapline/internal/snmp"
	"trapline/mibs/smi"
)

// indexParts returns the index of the row of a node.
func (n *Node) indexParts() []IndexPart {
	switch {
	case n.Row != nil:
		return n.Row.Index
	case n.Kind == smi.Row:
		return n.Index
	}
	return nil
}

// lengthOf returns how many numbers a part of an index takes if that is fixed, else -1.
func (p *IndexPart) lengthOf() int {
	switch p.Node.Syntax.Type {
	case smi.OctetString, smi.Opaque, smi.Bits, smi.NSAPAddress:
		if size := p.Node.FixedSize(); size > 0 {
			return size
		}
		return -1
	case smi.ObjectIdentifier:
		return -1
	case smi.IPAddress:
		return 4
	case smi.NetworkAddress:
		return 5
	}
	return 1
}

// cut takes the numbers of one part off the front of arcs, those of the value only. ok is false if
// the part is unknown, or arcs are no index.
func (p *IndexPart) cut(arcs []uint32) (value, rest []uint32, ok bool) {
	if p.Node == nil || p.Node.Syntax.Type == smi.Other {
		return nil, arcs, false
	}
	length := p.lengthOf()
	switch {
	case length < 0 && p.Implied:
		length = len(arcs)
	case length < 0 && len(arcs) > 0:
		length, arcs = int(arcs[0]), arcs[1:]
	}
	if length < 0 || length > len(arcs) {
		return nil, arcs, false
	}
	return arcs[:length], arcs[length:], true
}

// IndexValue is the value of a part of an index: the numbers from Start to End of the index, without its length.
type IndexValue struct {
	Part       *IndexPart
	Start, End int
}

// IndexValues returns the values of the parts of an index, as far as they are known and fit.
func (n *Node) IndexValues(index []byte) (list []IndexValue) {
	arcs := snmp.Arcs(index)
	parts := n.indexParts()
	at := len(arcs)
	for i := range parts {
		value, rest, ok := parts[i].cut(arcs)
		if !ok {
			break
		}
		end := at - len(rest)
		list = append(list, IndexValue{&parts[i], end - len(value), end})
		arcs = rest
	}
	return list
}

// AppendIndex writes the index of an instance as Net-SNMP does: labels for the values of
// enumerations, strings of text in quotation marks (in apostrophes if their length is not part of the
// index), addresses as such. Whatever else there is, and all that does not fit, is written in numbers.
func (n *Node) AppendIndex(b, index []byte) []byte {
	arcs := snmp.Arcs(index)
	for i, part := range n.indexParts() {
		value, rest, ok := part.cut(arcs)
		if !ok {
			break
		}
		if i > 0 {
			b = append(b, '.')
		}
		b = part.appendValue(b, value, arcs[:len(arcs)-len(rest)])
		if arcs = rest; len(arcs) == 0 {
			return b
		}
	}
	if len(b) > 0 && b[len(b)-1] != '.' {
		b = append(b, '.')
	}
	return appendArcs(b, arcs)
}

// appendValue writes one part; arcs are all its numbers, with the length.
func (p *IndexPart) appendValue(b []byte, value, arcs []uint32) []byte {
	switch p.Node.Syntax.Type {
	case smi.Integer, smi.Integer32, smi.Unsigned32, smi.Gauge:
		for _, l := range p.Node.Syntax.Labels {
			if l.Number == int64(int32(value[0])) {
				return append(b, l.Name...)
			}
		}
	case smi.OctetString:
		text, ok := p.textOf(value)
		if !ok {
			break
		}
		quote := byte('"')
		if len(arcs) == len(value) {
			quote = '\''
		}
		b = append(b, quote)
		b = append(b, text...)
		return append(b, quote)
	case smi.ObjectIdentifier:
		if len(value) > 0 && len(arcs) > len(value) {
			return appendArcs(b, arcs)
		}
	}
	return appendArcs(b, arcs)
}

// textOf returns the octets of a string as text: an address, formatted by its hint, or as it is.
func (p *IndexPart) textOf(value []uint32) (string, bool) {
	octets := make([]byte, len(value))
	printable := true
	for i, v := range value {
		if v > 0xff {
			return "", false
		}
		octets[i] = byte(v)
		printable = printable && ' ' <= v && v <= '~' && v != '"' && v != '\''
	}
	switch hint := p.Node.Syntax.Hint; {
	case strings.HasPrefix(p.Node.Syntax.TC, "InetAddress"):
		return addressText(octets)
	case hint == hexHint:
		return strings.ToLower(string(appendColons(nil, octets))), len(octets) > 0
	}
	return string(octets), printable
}

const hexHint = "1x:"

func appendColons(b, octets []byte) []byte {
	for i, c := range octets {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(c), 16)
	}
	return b
}

// addressText writes the octets of an InetAddress (RFC 4001); the last four of 8 or 20 are the zone.
func addressText(octets []byte) (string, bool) {
	zone := ""
	if len(octets) == 8 || len(octets) == 20 {
		last := octets[len(octets)-4:]
		octets = octets[:len(octets)-4]
		zone = "%" + strconv.Itoa(int(last[0])<<24|int(last[1])<<16|int(last[2])<<8|int(last[3]))
	}
	a, ok := netip.AddrFromSlice(octets)
	if !ok {
		return "", false
	}
	return a.String() + zone, true
}

var errNoIndex = errors.New("this is not an index")

// ParseIndex parses an index: numbers, or the text of AppendIndex or of Net-SNMP. The parts may be in
// brackets instead of having dots between them.
func (n *Node) ParseIndex(text string) ([]byte, error) {
	words, err := cutIndexWords(text)
	if err != nil {
		return nil, err
	}
	var octets snmp.OID
	for _, part := range n.indexParts() {
		if len(words) == 0 {
			break
		}
		if part.Node == nil || part.Node.Syntax.Type == smi.Other {
			break
		}
		if octets, words, err = part.parse(octets, words); err != nil {
			return nil, fmt.Errorf("index %s: %w", part.Name, err)
		}
	}
	for _, word := range words {
		arc, err := parseArc(word)
		if err != nil {
			return nil, err
		}
		octets = snmp.AppendArc(octets, arc)
	}
	return octets, nil
}

// cutIndexWords parts an index at its dots and brackets; quotation marks stay.
func cutIndexWords(s string) ([]string, error) {
	var words []string
	for s != "" {
		s = strings.TrimLeft(s, "[")
		if s == "" {
			return nil, errNoIndex
		}
		end := 0
		if quote := s[0]; quote == '"' || quote == '\'' {
			end = strings.IndexByte(s[1:], quote) + 2
			if end < 2 {
				return nil, fmt.Errorf("%s has no quotation mark at its end", s)
			}
		} else if end = strings.IndexAny(s, ".]"); end < 0 {
			end = len(s)
		}
		words = append(words, s[:end])
		rest := strings.TrimPrefix(s[end:], "]")
		if rest == s[end:] || rest != "" && rest[0] == '.' {
			next := strings.TrimPrefix(rest, ".")
			if rest != "" && (next == rest && rest[0] != '[' || next == "") {
				return nil, errNoIndex
			}
			rest = next
		}
		s = rest
	}
	return words, nil
}

func parseArc(word string) (uint32, error) {
	n, err := strconv.ParseInt(word, 10, 64)
	if err != nil || n > 0xffffffff || n < -0x80000000 {
		return 0, fmt.Errorf("%s is not a number from 0 to 4294967295", word)
	}
	return uint32(n), nil
}

// parse reads one part from as many words as it takes.
func (p *IndexPart) parse(octets snmp.OID, words []string) (snmp.OID, []string, error) {
	word := words[0]
	if quote := word[:min(1, len(word))]; quote == `"` || quote == "'" {
		value, err := p.parseText(word[1 : len(word)-1])
		if err != nil {
			return octets, words, err
		}
		if p.lengthOf() < 0 && !p.Implied {
			octets = snmp.AppendArc(octets, uint32(len(value)))
		}
		for _, c := range value {
			octets = snmp.AppendArc(octets, uint32(c))
		}
		return octets, words[1:], nil
	}
	for _, l := range p.Node.Syntax.Labels {
		if l.Name == word {
			return snmp.AppendArc(octets, uint32(l.Number)), words[1:], nil
		}
	}
	length := p.lengthOf()
	switch {
	case length < 0 && p.Implied:
		length = len(words)
	case length < 0:
		n, err := parseArc(word)
		if err != nil {
			return octets, words, err
		}
		length = int(n) + 1
	}
	// An index may be cut short: it is then the prefix of many.
	length = min(length, len(words))
	for _, word := range words[:length] {
		arc, err := parseArc(word)
		if err != nil {
			return octets, words, err
		}
		octets = snmp.AppendArc(octets, arc)
	}
	return octets, words[length:], nil
}

// parseText returns the octets of a text in quotation marks.
func (p *IndexPart) parseText(text string) ([]byte, error) {
	var value []byte
	switch n := p.Node; {
	case n.Syntax.Type == smi.IPAddress || strings.HasPrefix(n.Syntax.TC, "InetAddress") && n.Syntax.Type == smi.OctetString:
		var err error
		if value, err = parseAddress(text); err != nil {
			return nil, err
		}
	case n.Syntax.Type == smi.OctetString && n.Syntax.Hint == hexHint:
		for octet := range strings.SplitSeq(text, ":") {
			c, err := strconv.ParseUint(octet, 16, 8)
			if err != nil {
				return nil, fmt.Errorf("%q is not hexadecimal with colons between the octets", text)
			}
			value = append(value, byte(c))
		}
	case n.Syntax.Type == smi.OctetString:
		value = []byte(text)
	default:
		return nil, fmt.Errorf("%q is a text, but the type is %s", text, n.Syntax.Type)
	}
	if length := p.lengthOf(); length >= 0 && length != len(value) {
		return nil, fmt.Errorf("%q has %d octets instead of %d", text, len(value), length)
	}
	return value, nil
}

func parseAddress(text string) ([]byte, error) {
	text, zone, zoned := strings.Cut(text, "%")
	a, err := netip.ParseAddr(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address", text)
	}
	value := a.AsSlice()
	if zoned {
		n, err := strconv.ParseUint(zone, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("zone %q is not a number", zone)
		}
		value = append(value, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return value, nil
}

func appendArcs(b []byte, arcs []uint32) []byte {
	for i, arc := range arcs {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendUint(b, uint64(arc), 10)
	}
	return b
}

// CutIndex returns the numbers of each part of an index, without the lengths in it, up to the first
// part that is absent or not known.
func (n *Node) CutIndex(index []byte) (parts [][]uint32) {
	arcs := snmp.Arcs(index)
	for _, part := range n.indexParts() {
		value, rest, ok := part.cut(arcs)
		if !ok {
			return parts
		}
		parts, arcs = append(parts, value), rest
	}
	return parts
}

// Append adds the numbers of a part to an index, with their length where it belongs there.
func (p *IndexPart) Append(index snmp.OID, value []uint32) (snmp.OID, error) {
	switch length := p.lengthOf(); {
	case length >= 0 && length != len(value):
		return index, fmt.Errorf("index %s: %d numbers instead of %d", p.Name, len(value), length)
	case length < 0 && !p.Implied:
		index = snmp.AppendArc(index, uint32(len(value)))
	}
	for _, arc := range value {
		index = snmp.AppendArc(index, arc)
	}
	return index, nil
}
