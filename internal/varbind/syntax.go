package varbind

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/mibs"
	"trapline/mibs/hint"
	"trapline/mibs/smi"
)

// syntaxOf are the types that objects have in messages.
var syntaxOf = map[smi.Type]snmp.Type{
	smi.Integer: snmp.Integer, smi.Integer32: snmp.Integer, smi.Unsigned32: snmp.Gauge32, smi.Gauge: snmp.Gauge32, smi.UInteger32: snmp.Gauge32,
	smi.Counter: snmp.Counter32, smi.Counter64: snmp.Counter64, smi.TimeTicks: snmp.TimeTicks, smi.OctetString: snmp.OctetString,
	smi.ObjectIdentifier: snmp.ObjectIdentifier, smi.Bits: snmp.OctetString, smi.IPAddress: snmp.IPAddress, smi.NetworkAddress: snmp.IPAddress,
	smi.Opaque: snmp.Opaque, smi.NSAPAddress: snmp.OctetString,
}

// value parses a text as the value of an object, in the notation of MIBs and people: labels of enumerations and of
// BITS, addresses, dates, and the form of the DISPLAY-HINT.
func (n Names) value(o *mibs.Node, text string) (t snmp.Type, value []byte, err error) {
	t, known := syntaxOf[o.Syntax.Type]
	if !known {
		return t, nil, fmt.Errorf("%s has no values", o.Name)
	}
	switch t {
	case snmp.Integer:
		value, err = enumerated(o, text)
	case snmp.Gauge32, snmp.Counter32, snmp.TimeTicks:
		value, err = wholeNumber(o, text, math.MaxUint32)
	case snmp.Counter64:
		value, err = wholeNumber(o, text, math.MaxUint64)
	case snmp.IPAddress:
		value, err = parseIPAddress(text)
	case snmp.ObjectIdentifier:
		value, err = n.OID(text)
	case snmp.Opaque:
		value, err = parseHexOctets(text)
	default:
		value, err = octets(o, text)
	}
	if err != nil {
		return t, nil, fmt.Errorf("%.100q is no value of %s (%s): %w", text, o.Name, typeText(o), err)
	}
	return t, value, nil
}

func typeText(o *mibs.Node) string {
	if o.Syntax.TC != "" {
		return o.Syntax.TC
	}
	return o.Syntax.Type.String()
}

// enumerated reads an INTEGER: a label, a label with its number, or a number.
func enumerated(o *mibs.Node, text string) ([]byte, error) {
	name, number, both := strings.Cut(text, "(")
	for _, l := range o.Syntax.Labels {
		if l.Name == name && (!both || number == strconv.FormatInt(l.Number, 10)+")") {
			return snmp.AppendInt(nil, l.Number), nil
		}
	}
	v, err := parseWhole(text)
	if err != nil || v < math.MinInt32 || v > math.MaxInt32 {
		return nil, wantedNumber(o, math.MinInt32, math.MaxInt32, text)
	}
	if !within(o.Syntax.Ranges, v) {
		return nil, wantedNumber(o, o.Syntax.Ranges[0].Low, o.Syntax.Ranges[len(o.Syntax.Ranges)-1].High, text)
	}
	return snmp.AppendInt(nil, v), nil
}

// wantedNumber returns the error for a text that is no value, with the values that are valid.
func wantedNumber(o *mibs.Node, low, high int64, text string) error {
	var labels []string
	for _, l := range o.Syntax.Labels {
		labels = append(labels, l.Name)
	}
	question := setting.DidYouMean(text, labels)
	switch {
	case question != "":
		return errors.New(question)
	case len(labels) > 0:
		return fmt.Errorf("write one of %s, or a number", strings.Join(labels[:min(len(labels), 8)], ", "))
	}
	return fmt.Errorf("write a whole number from %d to %d", low, high)
}

// parseWhole parses a whole number in any form that a metric's value has: 3e+09 is one.
func parseWhole(text string) (int64, error) {
	if v, err := strconv.ParseInt(text, 0, 64); err == nil {
		return v, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, errors.New("no whole number")
	}
	return int64(f), nil
}

func wholeNumber(o *mibs.Node, text string, most uint64) ([]byte, error) {
	v, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		var signed int64
		if signed, err = parseWhole(text); err == nil && signed < 0 {
			err = errors.New("negative")
		}
		v = uint64(signed)
	}
	if err != nil || v > most {
		return nil, fmt.Errorf("write a whole number from 0 to %d", most)
	}
	if v <= math.MaxInt64 && !within(o.Syntax.Ranges, int64(v)) {
		return nil, fmt.Errorf("write a whole number from %d to %d", o.Syntax.Ranges[0].Low, o.Syntax.Ranges[len(o.Syntax.Ranges)-1].High)
	}
	return snmp.AppendUint(nil, v), nil
}

// within reports whether one of the ranges contains v. Without ranges, all numbers are valid.
func within(ranges []smi.Range, v int64) bool {
	return len(ranges) == 0 || slices.ContainsFunc(ranges, func(r smi.Range) bool { return r.Low <= v && v <= r.High })
}

// octets reads a string.
func octets(o *mibs.Node, text string) (value []byte, err error) {
	address, addressErr := netip.ParseAddr(text)
	at, timeErr := time.Parse(time.RFC3339, text)
	switch {
	case o.Syntax.Type == smi.Bits:
		return namedBits(o, text)
	case o.Syntax.TC == "DateAndTime" && timeErr == nil:
		value = DateAndTime(at)
	case (strings.HasPrefix(o.Syntax.TC, "InetAddress") || o.Syntax.TC == "Ipv6Address") && addressErr == nil:
		value = address.WithZone("").AsSlice()
	case o.Syntax.Hint == "" && strings.HasPrefix(text, "0x"): // as exporters have octets in labels
		if value, err = parseHexOctets(text); err != nil {
			return nil, err
		}
	case o.Syntax.Hint == "":
		value = []byte(text)
	default:
		h, err := hint.Parse(o.Syntax.Hint)
		if err != nil {
			return nil, err
		}
		if value, err = h.ParseText(text); err != nil {
			return nil, fmt.Errorf("its DISPLAY-HINT is %s: %w", o.Syntax.Hint, err)
		}
	}
	if !within(o.Syntax.Ranges, int64(len(value))) {
		return nil, fmt.Errorf("it has %d octets, and may have %d to %d", len(value), o.Syntax.Ranges[0].Low, o.Syntax.Ranges[len(o.Syntax.Ranges)-1].High)
	}
	return value, nil
}

// namedBits is parseBits with labels for the numbers.
func namedBits(o *mibs.Node, text string) ([]byte, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' })
	for i, word := range words {
		for _, l := range o.Syntax.Labels {
			if l.Name == word {
				words[i] = strconv.FormatInt(l.Number, 10)
			}
		}
		if isName(words[i]) {
			return nil, wantedNumber(o, 0, maxBits-1, word)
		}
	}
	return parseBits(strings.Join(words, ","))
}

// DateAndTime is a DateAndTime of SNMPv2-TC in UTC.
func DateAndTime(t time.Time) []byte {
	t = t.UTC()
	return []byte{byte(t.Year() >> 8), byte(t.Year()), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute()), byte(t.Second()),
		byte(t.Nanosecond() / 1e8), '+', 0, 0}
}
