package measure

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/setting"
	"trapline/internal/snmp"
)

func keysOf[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

func itoa(i int) string { return strconv.Itoa(i) }

// Choice gives a number for some values of an object.
type Choice struct {
	numbers map[float64]int
	small   [32]int8       // of these numbers, one more than what they choose; 0: nothing
	texts   map[string]int // in lower case
	ranges  []valueRange
	matches []match
}

// match is a regular expression for texts.
type match struct {
	expression *regexp.Regexp
	to         int
}

// valueRange is a set of numbers without an end.
type valueRange struct {
	low, high         float64
	lowOpen, highOpen bool
}

func (r *valueRange) has(x float64) bool {
	return (x > r.low || x == r.low && !r.lowOpen) && (x < r.high || x == r.high && !r.highOpen)
}

// parseRange reads "< 0", ">= 1000", or a number.
func parseRange(text string) (r valueRange, isRange bool, err error) {
	rest := strings.TrimSpace(text)
	op := rest[:len(rest)-len(strings.TrimLeft(rest, "<>="))]
	if op == "" {
		return r, false, nil
	}
	x, err := strconv.ParseFloat(strings.TrimSpace(rest[len(op):]), 64)
	if err != nil {
		return r, true, fmt.Errorf("%q is no range: write a number behind %s", text, op)
	}
	r = valueRange{low: math.Inf(-1), high: math.Inf(1)}
	switch op {
	case "<", "<=":
		r.high, r.highOpen = x, op == "<"
	case ">", ">=":
		r.low, r.lowOpen = x, op == ">"
	default:
		return r, true, fmt.Errorf("%q is no range: write <, <=, > or >=", text)
	}
	return r, true, nil
}

// add adds a label of enum, a number, a text, or a regular expression for texts between slashes.
func (c *Choice) add(word string, enum map[int]string, to int) error {
	word = strings.TrimSpace(word)
	if len(word) > 2 && word[0] == '/' && word[len(word)-1] == '/' {
		expression, err := regexp.Compile(word[1 : len(word)-1])
		c.matches = append(c.matches, match{expression, to})
		return err
	}
	if c.numbers == nil {
		c.numbers, c.texts = map[float64]int{}, map[string]int{}
	}
	known := false
	for number, label := range enum {
		if label == word {
			if err := c.free(word, float64(number), to); err != nil {
				return err
			}
			c.addNumber(float64(number), to)
			known = true
		}
	}
	if x, err := strconv.ParseFloat(word, 64); err == nil && !known {
		if err := c.free(word, x, to); err != nil {
			return err
		}
		c.addNumber(x, to)
		known = true
	}
	if !known && len(enum) > 0 {
		labels := slices.Sorted(maps.Values(enum))
		if question := setting.DidYouMean(word, labels); question != "" {
			return fmt.Errorf("%q is no value of the object: %s", word, question)
		}
		return fmt.Errorf("%q is no value of the object: it has %s", word, strings.Join(labels[:min(len(labels), 20)], ", "))
	}
	if before, taken := c.texts[strings.ToLower(word)]; taken && before != to {
		return fmt.Errorf("%q is named twice, with different meanings", word)
	}
	c.texts[strings.ToLower(word)] = to
	return nil
}

// free reports an error if the number of a word chooses something else already.
func (c *Choice) free(word string, number float64, to int) error {
	if before, taken := c.numbers[number]; taken && before != to {
		return fmt.Errorf("%q is named twice, with different meanings", word)
	}
	return nil
}

// empty reports that nothing is chosen.
func (c *Choice) empty() bool { return len(c.texts)+len(c.matches) == 0 }

func (c *Choice) addNumber(x float64, to int) {
	c.numbers[x] = to
	if x >= 0 && x < float64(len(c.small)) && x == math.Trunc(x) && to < math.MaxInt8 {
		c.small[int(x)] = int8(to + 1) // 0 for noState
	}
}

// addRange adds "< 0", or what add knows.
func (c *Choice) addRange(word string, enum map[int]string) error {
	r, isRange, err := parseRange(word)
	if isRange {
		c.ranges = append(c.ranges, r)
		return err
	}
	return c.add(word, enum, 0)
}

// ofNumber returns the choice for a number.
func (c *Choice) ofNumber(x float64) (int, bool) {
	if x >= 0 && x < float64(len(c.small)) && x == math.Trunc(x) && c.small[int(x)] > 0 {
		return int(c.small[int(x)]) - 1, true
	}
	if len(c.numbers) > 0 {
		if to, ok := c.numbers[x]; ok {
			return to, true
		}
	}
	for i := range c.ranges {
		if c.ranges[i].has(x) {
			return 0, true
		}
	}
	return 0, false
}

// of returns the choice for a value.
func (c *Choice) of(v snmp.VarBind) (int, bool) {
	if x, err := numberOf(v); err == nil {
		return c.ofNumber(x)
	}
	if v.Type == snmp.ObjectIdentifier {
		return c.ofText(snmp.OID(v.Value).AppendText(nil))
	}
	return c.ofText(v.Value)
}

// maxWord is how long a text may be that chooses.
const maxWord = 256

func (c *Choice) ofText(text []byte) (int, bool) {
	text = bytes.Trim(text, "\x00 \t\r\n")
	if len(text) > maxWord {
		return 0, false
	}
	for i := range c.matches {
		if c.matches[i].expression.Match(text) {
			return c.matches[i].to, true
		}
	}
	if len(c.texts) == 0 {
		return 0, false
	}
	if to, ok := c.texts[string(text)]; ok {
		return to, true
	}
	if to, ok := c.texts[string(bytes.ToLower(text))]; ok {
		return to, true
	}
	if x, err := strconv.ParseFloat(string(text), 64); err == nil {
		return c.ofNumber(x)
	}
	return 0, false
}

var errNoNumber = errors.New("no number")

// numberOf is the number that a value is on the wire.
func numberOf(v snmp.VarBind) (float64, error) {
	switch v.Type {
	case snmp.Integer:
		i, err := v.Int()
		return float64(i), err
	case snmp.Counter32, snmp.Gauge32, snmp.Uinteger32, snmp.TimeTicks, snmp.Counter64:
		u, err := v.Uint()
		return float64(u), err
	case snmp.Opaque:
		return v.Float()
	}
	return 0, errNoNumber
}
