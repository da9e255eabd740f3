package human

import (
	"bytes"
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

// Visible replaces characters by which a device could deceive the reader of a line: control characters, which a
// terminal might take for a command, become their symbols (␀), and characters that reorder or hide text become ⍰.
func Visible(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return '␀' + r
		}
		return symbolOf(r)
	}, line)
}

// VisiblePage is Visible for a page, whose line feeds and tabs stay. A carriage return before a line feed is dropped.
// If there is nothing to replace, it returns the same slice.
func VisiblePage(page []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(page); {
		c := page[i]
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(page[i:])
		symbol, endsLine := symbolOf(r), bytes.HasPrefix(page[i:], []byte("\r\n"))
		if endsLine || symbol != r || r == utf8.RuneError && size == 1 {
			out = append(out, page[done:i]...)
			if !endsLine {
				out = utf8.AppendRune(out, symbol)
			}
			done = i + size
		}
		i += size
	}
	if done == 0 {
		return page
	}
	return append(out, page[done:]...)
}

// symbolOf returns the character that is shown for r. Line feeds and tabs stay.
func symbolOf(r rune) rune {
	switch {
	case r < ' ' && r != '\n' && r != '\t':
		return '␀' + r
	case r == 0x7f:
		return '␡'
	case r > 0x7f && r < 0xa0, hides(r):
		return '⍰'
	}
	return r
}

// hides reports whether r is a bidirectional control (UAX #9), of no width, or a line separator.
func hides(r rune) bool {
	switch {
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	case r == 0x061c, r == 0xfeff, r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}
