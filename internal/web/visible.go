package web

import (
	"bytes"
	"unicode/utf8"
)

// visible replaces what a device may send to deceive the reader of a page: control characters become their symbols
// (␀), and characters that reorder or hide text become ⍰. Line feeds and tabs stay. Of a page that has none of them
// the same slice is returned.
func visible(page []byte) []byte {
	var out []byte
	done := 0
	for i := 0; i < len(page); {
		c := page[i]
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\t' {
			i++
			continue
		}
		r, size := utf8.DecodeRune(page[i:])
		if symbol := symbolOf(r, bytes.HasPrefix(page[i:], []byte("\r\n"))); symbol != r || r == utf8.RuneError && size == 1 {
			out = append(out, page[done:i]...)
			if symbol != 0 {
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

// symbolOf gives what is shown for r; 0 is nothing. A carriage return before a line feed is the end of a line.
func symbolOf(r rune, endsLine bool) rune {
	switch {
	case endsLine:
		return 0
	case r < ' ' && r != '\n' && r != '\t':
		return '␀' + r
	case r == 0x7f:
		return '␡'
	case r > 0x7f && r < 0xa0, hides(r):
		return '⍰'
	}
	return r
}

// hides says whether r is a bidirectional control (UAX #9), of no width, or a line separator.
func hides(r rune) bool {
	switch {
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return true
	case r == 0x061c, r == 0xfeff, r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}
