package setting

import (
	"fmt"
	"strconv"
	"strings"
)

// Bytes is a number of octets, written as a number or with a unit such as 64MiB.
type Bytes struct {
	N    int64
	text string
	bad  bool
}

// byteUnits are the units, longer ones before those that they end with.
var byteUnits = []struct {
	name string
	n    int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
}

// ParseBytes reads a number of octets.
func ParseBytes(text string) (Bytes, error) {
	b := Bytes{text: text}
	digits, unit := text, int64(1)
	for _, u := range byteUnits {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			digits, unit = strings.TrimSpace(rest), u.n
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		b.bad = true
		return b, fmt.Errorf("%q is not a number of octets: write one such as 64MiB", text)
	}
	b.N = n * unit
	return b, nil
}

// UnmarshalYAML accepts any text; Problems reports text that is not valid.
func (b *Bytes) UnmarshalYAML(unmarshal func(any) error) error {
	var text string
	if err := unmarshal(&text); err != nil {
		return err
	}
	*b, _ = ParseBytes(text)
	return nil
}

// Problems returns an error if the text is not a number of octets.
func (b Bytes) Problems() []Problem {
	if !b.bad {
		return nil
	}
	_, err := ParseBytes(b.text)
	return []Problem{{Text: err.Error()}}
}

// Wanted returns a description of a valid value.
func (Bytes) Wanted() string { return "a number of octets such as 64MiB" }

// IsZero reports whether nothing is set.
func (b Bytes) IsZero() bool { return b.N == 0 && b.text == "" }

// MarshalYAML returns the text as it was read.
func (b Bytes) MarshalYAML() (any, error) {
	if b.text == "" {
		return b.N, nil
	}
	return b.text, nil
}
