package human

import (
	"math"
	"strconv"
	"strings"
)

// Trimmed writes a number with so many significant digits, all of its whole part, and no zeros at the end.
func Trimmed(v float64, digits int) string {
	whole := 1
	for limit := 10.0; math.Abs(v) >= limit && whole < digits; limit *= 10 {
		whole++
	}
	text := strconv.FormatFloat(v, 'f', max(0, digits-whole), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func Percent(share float64) string { return Trimmed(share*100, 3) + " %" }

// Scaled writes a value with the prefix of its unit, such as 9.4 Gbit/s.
func Scaled(v float64, unit string) string {
	prefix := ""
	for _, p := range []string{"k", "M", "G", "T"} {
		if math.Abs(v) < 1000 {
			break
		}
		v, prefix = v/1000, p
	}
	return strings.TrimSpace(Trimmed(v, 3) + " " + prefix + unit)
}

// Counted is a number with its noun: 1 row, 2 rows.
func Counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Grouped(n) + " " + noun + "s"
}
