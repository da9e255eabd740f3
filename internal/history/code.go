package history

import "math"

// Points are stored in one octet each: six steps for each doubling of 1+v, so that a value from 10 on is off by at
// most 6.5 %.
const (
	gapCode  = 255
	mostCode = 254 // 5.6e12
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

// encode writes a value that is not negative; all others are gaps.
func encode(v float64) byte {
	if !(v >= 0) {
		return gapCode
	}
	return byte(min(steps(v), mostCode))
}

// encodeSigned writes a value that may be negative; NaN is a gap.
func encodeSigned(v float64) byte {
	switch {
	case v != v:
		return gapCode
	case v < 0:
		return byte(zeroCode - min(steps(-v), zeroCode))
	}
	return byte(zeroCode + min(steps(v), zeroCode))
}

// decode returns the value of an octet, NaN for a gap.
func decode(c byte, signed bool) float64 {
	n := float64(c)
	switch {
	case c == gapCode:
		return math.NaN()
	case !signed:
		return math.Exp2(n/6) - 1
	case c < zeroCode:
		return 1 - math.Exp2((zeroCode-n)/6)
	}
	return math.Exp2((n-zeroCode)/6) - 1
}
