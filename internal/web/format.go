package web

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"trapline/internal/human"
)

// none stands where there is no value.
const none = "–"

// count writes a number with separators of thousands.
func count(n int) string { return human.Grouped(n) }

// short writes a number, a large one with a prefix of SI.
func short(n float64) string {
	if math.Abs(n) < 1e6 {
		return trim(n)
	}
	for _, p := range []struct {
		scale float64
		name  string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}} {
		if math.Abs(n) >= p.scale {
			return trim(n/p.scale) + " " + p.name
		}
	}
	return trim(n)
}

// trim writes a number with about three digits.
func trim(n float64) string {
	switch size := math.Abs(n); {
	case n == math.Trunc(n) && size < 1e6:
		return count(int(n))
	case size >= 100:
		return count(int(math.Round(n)))
	case size >= 10:
		return withoutZeros(strconv.FormatFloat(n, 'f', 1, 64))
	case size >= 0.01:
		return withoutZeros(strconv.FormatFloat(n, 'f', 2, 64))
	}
	return strconv.FormatFloat(n, 'g', 2, 64)
}

// whole writes a number without a fraction.
func whole(n float64) string { return count(int(math.Round(n))) }

// withoutZeros cuts zeros off the end of a fraction.
func withoutZeros(text string) string { return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") }

// duration writes seconds in the unit that suits.
func duration(seconds float64) string {
	if seconds <= 0 {
		return none
	}
	return human.Span(seconds)
}

// clock writes a time of this day without the date.
func (s *Site) clock(t time.Time) string {
	if t.IsZero() {
		return none
	}
	local, today := t.Local(), s.options.Now().Local()
	if local.YearDay() == today.YearDay() && local.Year() == today.Year() {
		return local.Format(time.TimeOnly)
	}
	return local.Format(time.DateTime)
}

// age writes a time, which the page's script shows as how long ago it was.
func (s *Site) age(t time.Time) template.HTML { return s.time(t, "data-age") }

// since writes a time, to which the page's script adds how long ago it was.
func (s *Site) since(t time.Time) template.HTML { return s.time(t, "data-since") }

// due writes a time to come, which the page's script counts down to.
func (s *Site) due(t time.Time) template.HTML { return s.time(t, "data-due") }

func (s *Site) time(t time.Time, kind string) template.HTML {
	if t.IsZero() {
		return none
	}
	text := s.clock(t)
	return template.HTML(fmt.Sprintf(`<time datetime="%s" %s="%s">%s</time>`, t.UTC().Format(time.RFC3339), kind, text, text)) // nothing of it comes from outside
}
