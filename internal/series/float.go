package series

import (
	"math"
	"strconv"
)

// appendFloat appends v as strconv.AppendFloat(b, v, 'g', -1, 64) does, the format of Prometheus'
// own encoder, with a fast path for integers, which most values are.
func appendFloat(b []byte, v float64) []byte {
	if v < 0 || v >= 1<<53 || v != math.Trunc(v) || (v == 0 && math.Signbit(v)) {
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	u := uint64(v)
	start := len(b)
	b = strconv.AppendUint(b, u, 10)
	digits := len(b) - start
	if u < 1e6 {
		return b
	}
	return scientific(b, start, digits)
}

// scientific rewrites the digits of an integer from start on as d.ddde+XX. Below 2^53 the digits of
// an integer are its shortest representation.
func scientific(b []byte, start, digits int) []byte {
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if len(b)-start > 1 {
		b = append(b, 0)
		copy(b[start+2:], b[start+1:])
		b[start+1] = '.'
	}
	exponent := digits - 1
	return append(b, 'e', '+', byte('0'+exponent/10), byte('0'+exponent%10))
}
