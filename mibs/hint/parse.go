package hint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
)

// ParseText returns the octets that AppendText writes as text.
func (h *Hint) ParseText(text string) ([]byte, error) {
	var value []byte
	for i := 0; text != ""; i++ {
		if i >= len(h.formats) {
			if !h.unending {
				return nil, fmt.Errorf("nothing may stand at %q", text)
			}
			i = len(h.formats) - 1
		}
		f := &h.formats[i]
		octets, rest, err := f.cutText(text)
		if err != nil {
			return nil, err
		}
		value = append(value, octets...)
		if text = rest; text == "" || len(f.separator) == 0 {
			continue
		}
		if text[0] != f.separator[0] || len(text) == 1 {
			return nil, fmt.Errorf("at %q, want a %q with more behind it", text, f.separator)
		}
		text = text[1:]
	}
	return value, nil
}

// cutText reads the text of one format from the beginning of text.
func (f *octetFormat) cutText(text string) (octets []byte, rest string, err error) {
	switch {
	case f.repeat:
		return nil, text, errors.New("a display hint with a * cannot be read backwards")
	case f.length == 0 && (f.base == 'd' || f.base == 'o'): // the number of no octets
		if text[0] != '0' {
			return nil, text, fmt.Errorf("at %q, want a 0", text)
		}
		return nil, text[1:], nil
	case f.length == 0:
		return nil, text, nil
	case f.base == 'x':
		return f.cutHex(text)
	case f.base == 'd':
		return f.cutNumber(text, 10)
	case f.base == 'o':
		return f.cutNumber(text, 8)
	}
	end := min(f.length, len(text))
	if len(f.separator) > 0 {
		if i := bytes.IndexByte([]byte(text[:end]), f.separator[0]); i >= 0 {
			end = i
		}
	}
	if end == 0 {
		return nil, text, fmt.Errorf("text is missing at %q", text)
	}
	return []byte(text[:end]), text[end:], nil
}

// cutHex reads two digits an octet; of one octet alone, the first may be left out.
func (f *octetFormat) cutHex(text string) (octets []byte, rest string, err error) {
	end := digits(text, 16, 2*f.length)
	pairs := text[:end]
	if end == 1 {
		pairs = "0" + pairs
	}
	octets = make([]byte, len(pairs)/2)
	for i := range octets {
		n, _ := strconv.ParseUint(pairs[2*i:2*i+2], 16, 8)
		octets[i] = byte(n)
	}
	if end == 0 || len(pairs)%2 != 0 || end < len(text) && len(octets) < f.length {
		return nil, text, fmt.Errorf("at %q, want two hexadecimal digits for each of %d octets", text, f.length)
	}
	return octets, text[end:], nil
}

func (f *octetFormat) cutNumber(text string, base int) (octets []byte, rest string, err error) {
	end := digits(text, base, len(text))
	n, err := strconv.ParseUint(text[:end], base, 64)
	if err != nil || f.length > maxInteger || bits.Len64(n) > 8*f.length {
		return nil, text, fmt.Errorf("at %q, want a number that fits %d octets", text, f.length)
	}
	return binary.BigEndian.AppendUint64(nil, n)[8-f.length:], text[end:], nil
}

// digits counts the digits that a text begins with, up to most.
func digits(text string, base, most int) (n int) {
	for n < min(most, len(text)) {
		if _, err := strconv.ParseUint(text[n:n+1], base, 8); err != nil {
			break
		}
		n++
	}
	return n
}
