package human

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Grouped writes a number with separators of thousands.
func Grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Counted writes a number with its noun in the singular or the plural: 1 row, 2 rows, 3 addresses, 4 queries.
func Counted(n int, noun string) string { return Count(n, noun, plural(noun)) }

// Count writes a number with one of two texts: the first for 1, the second for any other number.
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Grouped(n) + " " + many
}

func plural(noun string) string {
	switch stem, y := strings.CutSuffix(noun, "y"); {
	case y && !strings.ContainsAny(stem[max(0, len(stem)-1):], "aeiou"):
		return stem + "ies"
	case strings.HasSuffix(noun, "s"):
		return noun + "es"
	}
	return noun + "s"
}

// Trimmed writes a number with so many significant digits, all of its whole part, and no zeros at the end.
func Trimmed(v float64, digits int) string {
	digitsBefore := 1
	for limit := 10.0; math.Abs(v) >= limit && digitsBefore < digits; limit *= 10 {
		digitsBefore++
	}
	return trimZeros(strconv.FormatFloat(v, 'f', max(0, digits-digitsBefore), 64))
}

// trimZeros cuts zeros off the end of a fraction.
func trimZeros(text string) string {
	if !strings.Contains(text, ".") {
		return text
	}
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}

// Ahead writes by how many seconds a clock is ahead, or behind with a minus.
func Ahead(seconds float64) string { return fmt.Sprintf("%+.1f s", math.Round(seconds*10)/10+0) }

// Percent writes a share. Near 0 and near 1 it has two decimals, between them one.
func Percent(share float64) string {
	decimals := 2
	if p := share * 100; p > 10 && p < 99 {
		decimals = 1
	}
	return trimZeros(strconv.FormatFloat(share*100, 'f', decimals, 64)) + " %"
}

// Significant writes three digits, without zeros at the end.
func Significant(v float64) string {
	text := strconv.FormatFloat(v, 'g', 3, 64)
	short, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(short, 'f', -1, 64)
}

// Scaled writes three digits of a value with the prefix of its unit, such as 9.4 Gbit/s.
func Scaled(v float64, unit string) string {
	prefixes := []string{"", "k", "M", "G", "T", "P"}
	n := 0
	for math.Abs(v) >= 999.5 && n < len(prefixes)-1 {
		v /= 1000
		n++
	}
	return strings.TrimSpace(Significant(v) + " " + prefixes[n] + unit)
}
