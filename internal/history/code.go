package history

import (
	"math"
	"strconv"
)

// Points are stored in one octet each: six steps for each doubling of 1+v, so that a value from 10 on is off by at
// most 6.6 %.
const (
	gapCode  = 255
	maxCode  = 254 // 5.6e12
	zeroCode = 127 // of values that may be negative, which reach from -2.4e6 to 2.4e6
)

// stepEnds are the fractions of a mantissa, as the bits of a float64, at which the next of the six steps of a
// doubling begins.
var stepEnds = func() (ends [6]uint64) {
	for k := range ends {
		ends[k] = math.Float64bits(math.Exp2((2*float64(k)+1)/12)) & mantissa
	}
	return ends
}()

const mantissa = 1<<52 - 1

// steps is round(6·log2(1+v)) of a v that is not negative.
func steps(v float64) int {
	bits := math.Float64bits(1 + v)
	n, fraction := 6*(int(bits>>52)-1023), bits&mantissa
	for _, end := range stepEnds {
		if fraction < end {
			break
		}
		n++
	}
	return n
}

// encode returns the octet of a value that is not negative; all others are gaps.
func encode(v float64) byte {
	if !(v >= 0) {
		return gapCode
	}
	return byte(min(steps(v), maxCode))
}

// encodeSigned returns the octet of a value that may be negative; NaN is a gap.
func encodeSigned(v float64) byte {
	switch {
	case v != v:
		return gapCode
	case v < 0:
		return byte(zeroCode - min(steps(-v), zeroCode))
	}
	return byte(zeroCode + min(steps(v), zeroCode))
}

// values are the values of all octets, with four digits: more would only look exact.
var values = func() (all [2][256]float64) {
	for i := range all[0] {
		all[0][i], all[1][i] = rounded(math.Exp2(float64(i)/6)-1), rounded(math.Exp2(float64(i-zeroCode)/6)-1)
		if i < zeroCode {
			all[1][i] = -rounded(math.Exp2(float64(zeroCode-i)/6) - 1)
		}
	}
	all[0][gapCode], all[1][gapCode] = math.NaN(), math.NaN()
	return all
}()

func rounded(v float64) float64 {
	short, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 4, 64), 64)
	return short
}

// decode returns the value of an octet, NaN for a gap.
func decode(c byte, signed bool) float64 {
	if signed {
		return values[1][c]
	}
	return values[0][c]
}

// noRate is a rate that is absent.
const noRate = math.MaxUint16

// shorten returns a rate in 16 bits: it has no sign, and of its fraction the first eight bits are kept, so that it is
// off by at most 0.2 %.
func shorten(rate float32) uint16 {
	if !(rate >= 0) {
		return noRate
	}
	return uint16((math.Float32bits(rate) + 1<<14) >> 15)
}

func lengthen(c uint16) float32 {
	if c == noRate {
		return nan
	}
	return math.Float32frombits(uint32(c) << 15)
}
