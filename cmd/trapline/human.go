package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// span writes a duration with at most two units.
func span(seconds float64) string {
	switch {
	case math.IsNaN(seconds) || seconds < 0:
		return "-"
	case seconds < 1e-3:
		return trimmed(seconds*1e6, 1) + " µs"
	case seconds < 1:
		return trimmed(seconds*1e3, 2) + " ms"
	case seconds < 60:
		return trimmed(seconds, 2) + " s"
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

// trimmed writes a number with so many significant digits, all of its whole part, and no zeros at the end.
func trimmed(v float64, digits int) string {
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

// age is how long ago a time was, in one unit; "" where there is none.
func age(at time.Time) string {
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

// sinceWords is age in a sentence.
func sinceWords(at time.Time) string {
	switch text := age(at); text {
	case "":
		return "never"
	case "now":
		return "just now"
	default:
		return text + " ago"
	}
}

// moment writes a time of today as a clock has it, and another one with its date.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	at = at.Local()
	if y, m, d := at.Date(); time.Now().Year() == y && time.Now().Month() == m && time.Now().Day() == d {
		return at.Format(time.TimeOnly)
	}
	return at.Format(time.DateTime)
}

func percent(share float64) string { return trimmed(share*100, 3) + " %" }

// scaled writes a value with the prefix of its unit, such as 9.4 Gbit/s.
func scaled(v float64, unit string) string {
	prefix := ""
	for _, p := range []string{"k", "M", "G", "T"} {
		if math.Abs(v) < 1000 {
			break
		}
		v, prefix = v/1000, p
	}
	return strings.TrimSpace(trimmed(v, 3) + " " + prefix + unit)
}

// capitalised begins a sentence. A command stays as it is typed.
func capitalised(text string) string {
	if strings.HasPrefix(text, "trapline ") {
		return text
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// visible shows characters that a terminal might take for a command, or that turn text around, as pictures.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ':
			return '␀' + r
		case r == 0x7f:
			return '␡'
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar:
			return '�'
		}
		return r
	}, text)
}
