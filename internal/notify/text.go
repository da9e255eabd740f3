package notify

import (
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// How many octets the texts of an alarm may have.
const (
	maxName     = 64
	maxResource = 128
	maxNumber   = 24
	maxSummary  = 255
	maxLabels   = 512
)

// OneLine is text as notifications have it: on one line, and of at most so many octets.
func OneLine(text string, most int) string { return oneLine(text, most) }

// oneLine is text without line breaks and other controls, in valid UTF-8 of at most so many octets.
func oneLine(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// more stands where labels were left out. snmptt 1.5 removes semicolons.
const more = ", …"

// labelEscapes are those of names and values of labels.
var labelEscapes = strings.NewReplacer(`\`, `\\`, ",", `\,`, "=", `\=`)

// labelsText returns as many whole pairs as fit, as name=value, name=value, sorted, and the number of those that do not. A
// backslash precedes a comma, an equals sign or a backslash in a name or a value.
func labelsText(labels map[string]string, most int) (text string, left int) {
	names := slices.Sorted(maps.Keys(labels))
	for i, name := range names {
		pair := labelEscapes.Replace(name) + "=" + labelEscapes.Replace(labels[name])
		if i > 0 {
			pair = ", " + pair
		}
		room := most - len(text)
		if i < len(names)-1 {
			room -= len(more)
		}
		if len(pair) > room {
			if left = len(names) - i; len(text)+len(more) <= most {
				text += more
			}
			return text, left
		}
		text += pair
	}
	return text, 0
}
