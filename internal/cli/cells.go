package cli

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"time"

	"trapline/internal/human"
)

// Seconds is a duration, empty where there is none.
func Seconds(v float64) Item {
	if v == 0 {
		return Item{}
	}
	return Item{Text: human.Span(v), Exact: Exact(v)}
}

// Number is a count, in a table empty where it is zero.
func Number(n int) Item {
	if n == 0 {
		return Item{Exact: "0"}
	}
	return Item{Text: human.Grouped(n), Exact: strconv.Itoa(n)}
}

// Exact writes a number with all its digits, for CSV.
func Exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// LabelsText writes labels as name=value, sorted by name.
func LabelsText(labels map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, name+"="+labels[name])
	}
	return strings.Join(parts, " ")
}

// TimeCell is a time as a person reads it, in CSV as RFC 3339 has it.
func TimeCell(at time.Time) Item {
	if at.IsZero() {
		return Item{}
	}
	return Item{Text: human.Moment(at), Exact: at.UTC().Format(time.RFC3339)}
}
