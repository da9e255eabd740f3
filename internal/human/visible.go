package human

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Capitalized begins a sentence. A command stays as it is typed.
func Capitalized(text string) string {
	if strings.HasPrefix(text, "trapline ") {
		return text
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// Visible shows characters that a terminal might take for a command, or that turn text around, as pictures.
func Visible(text string) string {
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
