package measure

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"time"

	"trapline/internal/snmp"
)

// number is the number that a value holds.
func (e *Evaluation) number(v snmp.VarBind) (float64, bool) {
	if e.step.float32 {
		return ieee754(v)
	}
	if x, err := numberOf(v); err == nil {
		return x, true
	}
	if v.Type != snmp.OctetString && v.Type != snmp.Opaque || len(v.Value) > maxText {
		return 0, false
	}
	if e.step.kinds[0].metric.Date && e.step.text == nil {
		if at, ok := dateAndTime(v.Value); ok {
			return at, true
		}
	}
	text := v.Value
	if e.step.text != nil {
		var found bool
		if text, found = e.group(text); !found {
			return 0, false
		}
	}
	text = leading(text)
	if _, absent := e.step.absent.ofText(v.Value); absent {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(text), 64)
	return x, err == nil && !math.IsInf(x, 0) && !math.IsNaN(x)
}

// dateAndTime is the Unix time of a DateAndTime (RFC 2579 section 2). Eight octets are UTC, eleven end in the offset from it.
func dateAndTime(b []byte) (float64, bool) {
	if len(b) != 8 && len(b) != 11 || b[2] < 1 || b[2] > 12 || b[3] < 1 || b[3] > 31 || b[4] > 23 || b[5] > 59 || b[6] > 60 {
		return 0, false
	}
	at := time.Date(int(binary.BigEndian.Uint16(b)), time.Month(b[2]), int(b[3]), int(b[4]), int(b[5]), int(b[6]), 0, time.UTC).Unix()
	if len(b) == 11 {
		offset := int64(b[9])*3600 + int64(b[10])*60
		switch b[8] {
		case '+':
			at -= offset
		case '-':
			at += offset
		default:
			return 0, false
		}
	}
	return float64(at), true
}

// maxText is how long a text with a number in it may be.
const maxText = 1024

// group is the text of the expression's group.
func (e *Evaluation) group(text []byte) ([]byte, bool) {
	at := e.step.text.FindSubmatchIndex(text)
	if len(at) < 4 || at[2] < 0 {
		return nil, false
	}
	return text[at[2]:at[3]], true
}

// leading is the decimal number that a text begins with.
func leading(text []byte) []byte {
	text = bytes.TrimLeft(text, " \t\r\n+")
	end, digits := 0, false
	for end < len(text) {
		c := text[end]
		switch {
		case c >= '0' && c <= '9':
			digits = true
		case c == '-' && end == 0, c == '.' && bytes.IndexByte(text[:end], '.') < 0:
		default:
			return decimal(text[:end], digits)
		}
		end++
	}
	return decimal(text, digits)
}

func decimal(text []byte, digits bool) []byte {
	if !digits {
		return nil
	}
	return text
}

// ieee754 is the number whose bits an integer or four octets hold.
func ieee754(v snmp.VarBind) (float64, bool) {
	var bits uint32
	switch v.Type {
	case snmp.OctetString, snmp.Opaque:
		if x, err := v.Float(); v.Type == snmp.Opaque && err == nil {
			return x, true
		}
		if len(v.Value) != 4 {
			return 0, false
		}
		bits = binary.BigEndian.Uint32(v.Value)
	default:
		x, err := numberOf(v)
		if err != nil || x < math.MinInt32 || x > math.MaxUint32 {
			return 0, false
		}
		bits = uint32(int64(x))
	}
	x := float64(math.Float32frombits(bits))
	return x, !math.IsNaN(x) && !math.IsInf(x, 0)
}

// entityScale are the powers of ten of EntitySensorDataScale (RFC 3433), by its number.
var entityScale = [...]int{0, -24, -21, -18, -15, -12, -9, -6, -3, 0, 3, 6, 9, 12, 18, 15, 21, 24}

// maxExponent is the greatest power of ten that a column may state.
const maxExponent = 24

// factor multiplies a number, or divides it.
type factor struct {
	by     float64
	divide bool
}

func (f factor) scaled(x float64) float64 {
	if f.divide {
		return x / f.by
	}
	return x * f.by
}

// factorOf is the scale of a kind that other columns of the row state. It returns false where they do not.
func (e *Evaluation) factorOf(k int, index []byte) (factor, bool) {
	s := &e.step.scale
	switch {
	case e.step.states != nil || e.step.kinds[k].metric.Info:
		return factor{by: 1}, true
	case s.divide != none:
		by, ok := e.integer(s.divide, index)
		return factor{by, true}, ok && by != 0
	case s.multiply != none:
		by, ok := e.integer(s.multiply, index)
		return factor{by: by}, ok
	case s.exponent == none && s.precision == none:
		return factor{by: 1}, true
	}
	exponent := 0
	if s.exponent != none {
		power, ok := e.integer(s.exponent, index)
		switch {
		case s.entity && !ok:
		case s.entity && (power < 1 || int(power) >= len(entityScale)), !ok, math.Abs(power) > maxExponent:
			return factor{}, false
		case s.entity:
			exponent = entityScale[int(power)]
		default:
			exponent = int(power)
		}
	}
	if s.precision != none {
		if digits, ok := e.integer(s.precision, index); ok {
			if math.Abs(digits) > maxExponent {
				return factor{}, false
			}
			exponent -= int(digits)
		}
	}
	if exponent < 0 {
		return factor{math.Pow10(-exponent), true}, true
	}
	return factor{by: math.Pow10(exponent)}, true
}

// integer is the number of a column in the row.
func (e *Evaluation) integer(column int, index []byte) (float64, bool) {
	v, ok := e.find(column, index)
	if !ok {
		return 0, false
	}
	x, err := numberOf(v)
	if err != nil {
		if x, err = strconv.ParseFloat(string(leading(v.Value[:min(len(v.Value), maxText)])), 64); err != nil {
			return 0, false
		}
	}
	return x, !math.IsNaN(x) && !math.IsInf(x, 0)
}
