package series

import (
	"bytes"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// AppendLabel appends `name="value"`, preceded by a comma unless len(b) is start, the length at the
// start of the row. Each run of octets that are not UTF-8 becomes U+FFFD.
func AppendLabel(b []byte, start int, name string, value []byte) []byte {
	if len(b) > start {
		b = append(b, ',')
	}
	b = append(b, name...)
	b = append(b, '=', '"')
	return append(AppendEscaped(b, value), '"')
}

// LabelName returns a valid label name for all formats.
func LabelName(name string) string {
	return strings.ReplaceAll(model.EscapeName(name, model.UnderscoreEscaping), ":", "_")
}

// AppendEscaped appends a label value escaped for the text formats.
func AppendEscaped(b, value []byte) []byte {
	plain := 0
	for i := 0; i < len(value); {
		c := value[i]
		if c < utf8.RuneSelf {
			if c == '\\' || c == '"' || c == '\n' {
				b = append(b, value[plain:i]...)
				b = appendEscape(b, c)
				plain = i + 1
			}
			i++
			continue
		}
		if r, n := utf8.DecodeRune(value[i:]); r != utf8.RuneError || n > 1 {
			i += n
			continue
		}
		b = append(b, value[plain:i]...)
		for i < len(value) && value[i] >= utf8.RuneSelf {
			if r, n := utf8.DecodeRune(value[i:]); r != utf8.RuneError || n > 1 {
				break
			}
			i++
		}
		b = append(b, "\uFFFD"...)
		plain = i
	}
	return append(b, value[plain:]...)
}

func appendEscape(b []byte, c byte) []byte {
	if c == '\n' {
		c = 'n'
	}
	return append(b, '\\', c)
}

// cutLabel splits rendered labels into the first pair and the rest; value is still escaped.
func cutLabel(labels []byte) (name, value, rest []byte) {
	eq := bytes.IndexByte(labels, '=')
	if eq < 0 {
		return nil, nil, nil
	}
	name = labels[:eq]
	value = labels[eq+2:]
	for i := 0; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case '"':
			rest = bytes.TrimPrefix(value[i+1:], []byte{','})
			return name, value[:i], rest
		}
	}
	return name, value, nil
}

// Labels returns an iterator over the names and values of rendered labels.
func Labels(rendered []byte) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for len(rendered) > 0 {
			name, value, rest := cutLabel(rendered)
			if slices.Contains(value, '\\') {
				value = appendUnescaped(nil, value)
			}
			if !yield(string(name), string(value)) {
				return
			}
			rendered = rest
		}
	}
}

func appendUnescaped(b, value []byte) []byte {
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '\\' && i+1 < len(value) {
			i++
			if c = value[i]; c == 'n' {
				c = '\n'
			}
		}
		b = append(b, c)
	}
	return b
}

// digest is a hash of a set of labels, independent of their order. Two sets collide with
// probability 2^-64, and a peer cannot force a collision.
type digest [2]uint64

var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func digestOf(parts ...[]byte) (d digest) {
	var h maphash.Hash
	for _, labels := range parts {
		for len(labels) > 0 {
			name, value, rest := cutLabel(labels)
			for i := range d {
				h.SetSeed(seeds[i])
				_, _ = h.Write(name)
				_ = h.WriteByte('=')
				_, _ = h.Write(value)
				d[i] += h.Sum64()
			}
			labels = rest
		}
	}
	return d
}
