package collector

import (
	"net/netip"
	"strconv"
	"sync"

	"trapline/internal/snmp"
	"trapline/mibs/hint"
)

// counterWrap is where a Counter64 wraps so that every value is exact in a float64.
const counterWrap = 1 << 53

// number is the value by its type on the wire, whatever the metric's type is. A value of a type that is no
// number is 0; a number whose encoding is invalid is an error.
func (c *conversion) number(v snmp.VarBind) (float64, error) {
	switch v.Type {
	case snmp.Integer:
		i, err := v.Int()
		return float64(i), err
	case snmp.Counter64:
		u, err := v.Uint()
		if c.options.WrapCounters {
			u %= counterWrap
		}
		return float64(u), err
	case snmp.Counter32, snmp.Gauge32, snmp.Uinteger32, snmp.TimeTicks:
		u, err := v.Uint()
		return float64(u), err
	case snmp.Opaque:
		f, _ := v.Float()
		return f, nil
	}
	return 0, nil
}

// textForm says how a value becomes the text of a label.
type textForm struct {
	format *format
	hint   *hint.Hint
	enum   map[int]string
}

// appendText writes the value as text: by its type on the wire, and for octets by the form's.
func (f *textForm) appendText(dst []byte, v snmp.VarBind) []byte {
	switch v.Type {
	case snmp.Integer:
		i, err := v.Int()
		if err != nil {
			return dst
		}
		if label, ok := f.enum[int(i)]; ok && f.format.labels {
			return append(dst, label...)
		}
		return strconv.AppendInt(dst, i, 10)
	case snmp.Counter32, snmp.Gauge32, snmp.Uinteger32, snmp.Counter64, snmp.TimeTicks:
		u, err := v.Uint()
		if err != nil {
			return dst
		}
		if label, ok := f.enum[int(u)]; ok && f.format.labels {
			return append(dst, label...)
		}
		return strconv.AppendUint(dst, u, 10)
	case snmp.ObjectIdentifier:
		return snmp.OID(v.Value).AppendText(dst)
	case snmp.IPAddress:
		if a, ok := netip.AddrFromSlice(v.Value); ok {
			return a.AppendTo(dst)
		}
		return dst
	case snmp.Opaque:
		if x, err := v.Float(); err == nil {
			return strconv.AppendFloat(dst, x, 'f', -1, floatBits(v))
		}
	}
	return f.appendOctets(dst, v.Value)
}

func floatBits(v snmp.VarBind) int {
	if v.Value[1] == 0x78 {
		return 32
	}
	return 64
}

func (f *textForm) appendOctets(dst, octets []byte) []byte {
	if f.hint != nil && f.format.hinted {
		if text, ok := f.hint.AppendText(dst, octets); ok {
			return text
		}
	}
	if f.format.octets != nil {
		return f.format.octets(dst, octets)
	}
	return f.format.appendOctetsAsIndex(dst, octets)
}

// appendOctetsAsIndex reads octets as if each were a number of an index: addresses have the same
// form in both places.
func (f *format) appendOctetsAsIndex(dst, octets []byte) []byte {
	scratch := indexScratch.Get().(*[2][]byte)
	numbers, pad := scratch[0][:0], scratch[1][:0]
	for _, c := range octets {
		numbers = snmp.AppendArc(numbers, uint32(c))
	}
	scratch[0], scratch[1] = numbers, pad
	decoder := indexDecoder{format: f}
	text, _, _ := decoder.decode(dst, arcs{octets: numbers, pad: &scratch[1]})
	if cap(scratch[0]) <= maxScratch {
		indexScratch.Put(scratch)
	}
	return text
}

// indexScratch keeps the numbers of a value, and those that complete it: the writers of formats would let them escape.
var indexScratch = sync.Pool{New: func() any { return new([2][]byte) }}

// maxScratch is the size, in octets, up to which scratch is used again.
const maxScratch = 1 << 10
