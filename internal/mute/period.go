package mute

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/setting"
)

// problems returns the errors in the period.
func (p *Period) problems() []setting.Problem {
	var m setting.Problems
	for i := range p.Times {
		m.AddText(fmt.Sprintf("times[%d]", i), p.Times[i].wrong())
	}
	for _, list := range []struct {
		field   string
		entries []string
		wrong   func(string) string
	}{
		{"weekdays", p.Weekdays, wrongWeekdays}, {"days_of_month", p.DaysOfMonth, wrongDays}, {"months", p.Months, wrongMonths}, {"years", p.Years, wrongYears},
	} {
		for i, text := range list.entries {
			m.AddText(fmt.Sprintf("%s[%d]", list.field, i), list.wrong(text))
		}
	}
	if _, err := time.LoadLocation(p.Location); err != nil {
		m.Add("location", "there is no time zone %q: write it as in Europe/Berlin, or leave it out for UTC", p.Location)
	}
	if _, err := p.interval(); err != nil && len(m) == 0 {
		m.Add("", "%v", err)
	}
	return m
}

var clock = regexp.MustCompile(`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`)

// wrong returns the error of the times, "" if there is none.
func (t *Times) wrong() string {
	for _, text := range []string{t.Start, t.End} {
		switch {
		case text == "":
			return "write start_time and end_time, as in {start_time: '09:00', end_time: '17:00'}"
		case !clock.MatchString(text):
			return fmt.Sprintf("%q is not a time of the day: write it as in '09:00', and the end of the day as '24:00'", text)
		}
	}
	switch {
	case t.Start == t.End:
		return fmt.Sprintf("it ends at %s, when it begins: leave times out for the whole day", t.End)
	case t.Start > t.End && t.End == "00:00":
		return fmt.Sprintf("write {start_time: '%s', end_time: '24:00'}", t.Start)
	case t.Start > t.End:
		return fmt.Sprintf("times do not go beyond midnight: write two, {start_time: '%s', end_time: '24:00'} and {start_time: '00:00', end_time: '%s'}", t.Start, t.End)
	}
	return ""
}

var (
	weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	months   = []string{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"}
)

func wrongWeekdays(text string) string {
	first, last, unknown := span(text, func(word string) int { return slices.Index(weekdays, strings.ToLower(word)) })
	switch {
	case unknown != "":
		return fmt.Sprintf("%q is not a weekday: %s", unknown, orExample(unknown, weekdays, "write it as in monday, or monday:friday"))
	case last < first:
		return fmt.Sprintf("weeks begin with sunday: write two, %s:saturday and sunday:%s", weekdays[first], weekdays[last])
	}
	return ""
}

func wrongMonths(text string) string {
	first, last, unknown := span(text, func(word string) int {
		if n, err := strconv.Atoi(word); err == nil && n <= len(months) {
			return n - 1
		}
		return slices.Index(months, strings.ToLower(word))
	})
	switch {
	case unknown != "":
		return fmt.Sprintf("%q is not a month: %s", unknown, orExample(unknown, months, "write it as in december, 12 or 10:12"))
	case last < first:
		return fmt.Sprintf("months do not go beyond a year: write two, %s:december and january:%s", months[first], months[last])
	}
	return ""
}

func wrongYears(text string) string {
	first, last, unknown := span(text, func(word string) int {
		if n, err := strconv.Atoi(word); err == nil && len(word) == len("2026") {
			return n
		}
		return -1
	})
	switch {
	case unknown != "":
		return fmt.Sprintf("%q is not a year: write it as in 2026, or 2026:2028", unknown)
	case last < first:
		return fmt.Sprintf("%d is before %d: write %d:%d", last, first, last, first)
	}
	return ""
}

// lastDay is the last day of a month. Days that are counted from the end are negative.
const lastDay = 31

func wrongDays(text string) string {
	const example = "write it as in 1, 1:7, or -1 for the last day"
	first, last, unknown := span(text, func(word string) int {
		n, err := strconv.Atoi(word)
		if err != nil || n == 0 || n < -lastDay || n > lastDay {
			return -1
		}
		return n + lastDay // 0 and more
	})
	sameSign := (first >= lastDay) == (last >= lastDay)
	switch {
	case unknown != "":
		return fmt.Sprintf("%q is not a day of the month: %s", unknown, example)
	case last < first && sameSign:
		return fmt.Sprintf("days do not go beyond a month: write two, %d:-1 and 1:%d", first-lastDay, last-lastDay)
	}
	return ""
}

// span reads one value, or two with a colon. A value of which number returns -1 is unknown.
func span(text string, number func(string) int) (first, last int, unknown string) {
	begin, end, two := strings.Cut(strings.TrimSpace(text), ":")
	if first = number(begin); first < 0 {
		return 0, 0, whole(begin, text)
	}
	if last = first; two {
		if last = number(end); last < 0 {
			return 0, 0, whole(end, text)
		}
	}
	return first, last, ""
}

// whole is the word, or the text if the word is empty.
func whole(word, text string) string {
	if word == "" {
		return text
	}
	return word
}

// orExample asks whether a word was meant, or else gives an example. Of names, three letters do.
func orExample(word string, words []string, example string) string {
	lower := strings.ToLower(word)
	if i := slices.IndexFunc(words, func(one string) bool { return len(lower) >= 2 && strings.HasPrefix(one, lower) }); i >= 0 {
		return "write " + words[i]
	}
	if question := setting.DidYouMean(lower, words); question != "" {
		return question
	}
	return example
}
