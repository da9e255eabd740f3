package human

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Span writes a duration with at most two units.
func Span(seconds float64) string {
	switch {
	case math.IsNaN(seconds) || seconds < 0:
		return "-"
	case seconds < 1e-3:
		return Trimmed(seconds*1e6, 1) + " µs"
	case seconds < 1:
		return Trimmed(seconds*1e3, 2) + " ms"
	case seconds < 60:
		return Trimmed(seconds, 2) + " s"
	}
	units := []struct {
		name string
		size float64
	}{{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}}
	for i, u := range units[:3] {
		if seconds < u.size {
			continue
		}
		text := fmt.Sprintf("%.0f %s", math.Floor(seconds/u.size), u.name)
		lower := units[i+1]
		if rest := math.Floor(math.Mod(seconds, u.size) / lower.size); rest > 0 {
			text += fmt.Sprintf(" %.0f %s", rest, lower.name)
		}
		return text
	}
	return "-"
}

// Age is how long ago a time was, in one unit; "" where there is none.
func Age(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	switch d := time.Since(at); {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", d/time.Hour)
	default:
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	}
}

// SinceWords is age in a sentence.
func SinceWords(at time.Time) string {
	switch text := Age(at); text {
	case "":
		return "never"
	case "now":
		return "just now"
	default:
		return text + " ago"
	}
}

// Moment writes a time of today as a clock has it, and another one with its date.
func Moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.Local()
	if y, m, d := at.Date(); time.Now().Year() == y && time.Now().Month() == m && time.Now().Day() == d {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateTime)
}

// Duration writes a duration with two or three digits and one unit, such as 84 ms, 8 s and 41 min.
func Duration(d time.Duration) string {
	fixed := func(v float64, decimals int) string { return trimZeros(strconv.FormatFloat(v, 'f', decimals, 64)) }
	switch s := d.Seconds(); {
	case d < 10*time.Millisecond:
		return fixed(s*1000, 1) + " ms"
	case d < time.Second:
		return fixed(s*1000, 0) + " ms"
	case d < 10*time.Second:
		return fixed(s, 1) + " s"
	case d < 100*time.Second:
		return fixed(s, 0) + " s"
	case d < 100*time.Minute:
		return fixed(s/60, 0) + " min"
	case d < 48*time.Hour:
		return fixed(s/3600, 0) + " h"
	}
	return fixed(d.Hours()/24, 0) + " d"
}
