package gosnmpclient

import (
	"encoding/binary"
	"math"
	"net/netip"

	"github.com/gosnmp/gosnmp"

	"trapline/internal/snmp"
)

// scratch encodes values that gosnmp decoded. Its buffers are used again for each answer.
type scratch struct {
	varbinds []snmp.VarBind
	octets   []byte
}

// varbindsOf returns the bindings of an answer. They are valid until the next call.
func (s *scratch) varbindsOf(pdus []gosnmp.SnmpPDU) []snmp.VarBind {
	s.varbinds, s.octets = s.varbinds[:0], s.octets[:0]
	for i := range pdus {
		s.varbinds = append(s.varbinds, s.varbind(&pdus[i]))
	}
	return s.varbinds
}

func (s *scratch) varbind(p *gosnmp.SnmpPDU) snmp.VarBind {
	v := snmp.VarBind{Type: snmp.Type(p.Type)}
	v.Name = s.keep(func(b []byte) []byte { return appendOID(b, p.Name) })
	switch p.Type {
	case gosnmp.OpaqueFloat, gosnmp.OpaqueDouble:
		v.Type = snmp.Opaque
	case gosnmp.OctetString, gosnmp.Opaque:
		v.Value, _ = p.Value.([]byte) // a slice of gosnmp's own copy of the message
		return v
	}
	v.Value = s.keep(func(b []byte) []byte { return appendValue(b, p) })
	return v
}

// keep appends to the octets. Slices taken before stay good when they have to move.
func (s *scratch) keep(add func([]byte) []byte) []byte {
	start := len(s.octets)
	s.octets = add(s.octets)
	return s.octets[start:len(s.octets):len(s.octets)]
}

// appendValue writes the content octets of a value (RFC 3416 section 3).
func appendValue(b []byte, p *gosnmp.SnmpPDU) []byte {
	switch value := p.Value.(type) {
	case int:
		return snmp.AppendInt(b, int64(value))
	case uint:
		return snmp.AppendUint(b, uint64(value))
	case uint32:
		return snmp.AppendUint(b, uint64(value))
	case uint64:
		return snmp.AppendUint(b, value)
	case float32:
		b = append(b, 0x9f, byte(gosnmp.OpaqueFloat), 4)
		return binary.BigEndian.AppendUint32(b, math.Float32bits(value))
	case float64:
		b = append(b, 0x9f, byte(gosnmp.OpaqueDouble), 8)
		return binary.BigEndian.AppendUint64(b, math.Float64bits(value))
	case string:
		if p.Type == gosnmp.ObjectIdentifier {
			return appendOID(b, value)
		}
		if ip, err := netip.ParseAddr(value); err == nil {
			return append(b, ip.AsSlice()...)
		}
	}
	return b
}

// appendOID writes the content octets of dotted decimal that gosnmp made, and which is therefore
// known to be right: ".1.3.6".
func appendOID(b []byte, text string) []byte {
	var arc, first uint64
	n := 0
	for i := 1; i <= len(text); i++ {
		if i < len(text) && text[i] != '.' {
			arc = arc*10 + uint64(text[i]-'0')
			continue
		}
		switch n {
		case 0:
			first = arc
		case 1:
			b = appendBase128(b, first*40+arc)
		default:
			b = appendBase128(b, arc)
		}
		n++
		arc = 0
	}
	return b
}

func appendBase128(b []byte, v uint64) []byte {
	for shift := 35; shift > 0; shift -= 7 {
		if v>>shift != 0 {
			b = append(b, byte(v>>shift)|0x80)
		}
	}
	return append(b, byte(v)&0x7f)
}
