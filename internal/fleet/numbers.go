package fleet

import "strconv"

// si writes a number with three digits and the prefix of a power of 1000.
func si(v float64, unit string) string {
	prefixes := []string{"", "k", "M", "G", "T", "P"}
	n := 0
	for v >= 999.5 && n < len(prefixes)-1 {
		v /= 1000
		n++
	}
	return significant(v) + " " + prefixes[n] + unit
}

// significant writes three digits, without zeros behind the point.
func significant(v float64) string {
	text := strconv.FormatFloat(v, 'g', 3, 64)
	short, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(short, 'f', -1, 64)
}

func bitRate(v float64) string { return si(v, "bit/s") }

func percent(v float64) string { return significant(v) + " %" }

func perSecond(v float64) string { return significant(v) }
