// Package hint converts octets to text and text to octets by a DISPLAY-HINT (RFC 2579, section 3.1).
package hint

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Hint is a compiled DISPLAY-HINT of an OCTET STRING (RFC 2579 section 3.1). It does not change once
// made: any number of goroutines may use it.
type Hint struct {
	formats  []octetFormat
	unending bool // octets left behind the last format have a text: it is repeated for them
}

// octetFormat writes the next octets of a value.
type octetFormat struct {
	repeat     bool // the value's next octet says how often
	length     int  // octets it takes at most
	base       byte // d, x, o, a or t
	separator  []byte
	terminator []byte
}

// maxInteger is the most octets that formats d and o make a number of.
const maxInteger = 8

// maxLength stands in for every longer length: no value of SNMP has more octets.
const maxLength = 1 << 16

// Parse compiles a DISPLAY-HINT. The Hint that it returns with an error is good for values that
// end before the mistake, as snmp_exporter has it; no other value has a text.
func Parse(s string) (*Hint, error) {
	h := new(Hint)
	if s == "" {
		return h, errors.New("display hint is empty")
	}
	for rest := s; rest != ""; {
		var f octetFormat
		var err error
		if f, rest, err = cutFormat(rest); err != nil {
			return h, fmt.Errorf("display hint %q at %q: %w", s, rest, err)
		}
		h.formats = append(h.formats, f)
	}
	h.unending = h.formats[len(h.formats)-1].length > 0
	return h, nil
}

// cutFormat reads one octet-format. With an error it returns the rest that it could not read.
func cutFormat(s string) (f octetFormat, rest string, err error) {
	rest, f.repeat = strings.CutPrefix(s, "*")
	if rest == "" || !isDigit(rest[0]) {
		return f, rest, errors.New("a number of octets must stand here")
	}
	for ; rest != "" && isDigit(rest[0]); rest = rest[1:] {
		f.length = min(10*f.length+int(rest[0]-'0'), maxLength)
	}
	if rest == "" || !strings.Contains("dxoat", rest[:1]) {
		return f, rest, errors.New("one of d, x, o, a and t must stand here")
	}
	if f.repeat && f.length == 0 {
		return f, s, errors.New("a format that takes no octets cannot be repeated")
	}
	f.base = rest[0]
	f.separator, rest = cutLiteral(rest[1:])
	if f.repeat {
		f.terminator, rest = cutLiteral(rest)
	}
	return f, rest, nil
}

// cutLiteral reads the one octet that may stand between formats, unless the next format starts here.
func cutLiteral(s string) (literal []byte, rest string) {
	if s == "" || isDigit(s[0]) || s[0] == '*' {
		return nil, s
	}
	return []byte{s[0]}, s[1:]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// AppendText writes value as the hint says, at most four octets for each of value's and two for each
// of the hint's. The last format goes on until value ends; nothing separates it from the end. Text
// in value stays as it is, valid UTF-8 or not.
//
// It returns false and dst as it was where the hint does not fit: value is empty, a number has more
// than 8 octets, or octets are left that no format takes.
func (h *Hint) AppendText(dst, value []byte) ([]byte, bool) {
	if len(value) == 0 {
		return dst, false
	}
	text := dst
	for i := 0; len(value) > 0; i++ {
		if i >= len(h.formats) {
			if !h.unending {
				return dst, false
			}
			i = len(h.formats) - 1
		}
		var ok bool
		if text, value, ok = h.formats[i].appendText(text, value); !ok {
			return dst, false
		}
	}
	return text, true
}

// appendText writes the octets of value that the format takes, and returns the rest of value.
func (f *octetFormat) appendText(text, value []byte) (_, rest []byte, ok bool) {
	times := 1
	if f.repeat {
		times, value = int(value[0]), value[1:]
	}
	for n := 1; n <= times && len(value) > 0; n++ {
		chunk := value[:min(f.length, len(value))]
		value = value[len(chunk):]
		if text, ok = appendChunk(text, chunk, f.base); !ok {
			return text, value, false
		}
		if len(value) > 0 && (n < times || f.terminator == nil) {
			text = append(text, f.separator...)
		}
	}
	if len(value) > 0 {
		text = append(text, f.terminator...)
	}
	return text, value, true
}

func appendChunk(text, chunk []byte, base byte) ([]byte, bool) {
	switch base {
	case 'a', 't':
		return append(text, chunk...), true
	case 'x':
		return appendHex(text, chunk), true
	}
	if len(chunk) > maxInteger {
		return text, false
	}
	var number uint64
	for _, c := range chunk {
		number = number<<8 | uint64(c)
	}
	if base == 'o' {
		return strconv.AppendUint(text, number, 8), true
	}
	return strconv.AppendUint(text, number, 10), true
}

func appendHex(text, octets []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range octets {
		text = append(text, digits[c>>4], digits[c&15])
	}
	return text
}
