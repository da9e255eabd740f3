package agent

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"trapline/internal/snmp"
)

// maxLine is more than twice the largest value of a datagram.
const maxLine = 1 << 18

// A LineError is the error of an ignored line of a recording.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }

// Unwrap returns the reason.
func (e *LineError) Unwrap() error { return e.Err }

// OpenRecording reads an snmprec file, which may be compressed (.gz or .bz2). See ReadRecording.
func OpenRecording(path string) (*Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = f
	switch filepath.Ext(path) {
	case ".gz":
		if r, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	case ".bz2":
		r = bzip2.NewReader(f)
	}
	rec, err := ReadRecording(r)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return rec, err
}

// ReadRecording parses snmpsim's format: one OID|TAG|VALUE per line, in any order. The tag is the
// number of the ASN.1 type, followed by x for a value in hex, by e for one with backslash escapes,
// or by a colon and the name of a module of snmpsim: numeric values change with time, for all other
// modules their value= or hexvalue= is used. If an OID occurs twice the first is used.
//
// Invalid lines are ignored: ReadRecording returns the recording of all others and the joined
// LineErrors. A number too large for its type is kept, because some agents send such numbers.
func ReadRecording(r io.Reader) (*Recording, error) {
	var b Builder
	var problems []error
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimRight(lines.Bytes(), "\r")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if err := b.addLine(string(line)); err != nil {
			problems = append(problems, &LineError{n, err})
		}
	}
	if err := lines.Err(); err != nil {
		problems = append(problems, &LineError{n + 1, err})
	}
	return b.Recording(), errors.Join(problems...)
}

func (b *Builder) addLine(line string) error {
	oid, rest, ok := strings.Cut(line, "|")
	tag, value, ok2 := strings.Cut(rest, "|")
	if !ok || !ok2 {
		return fmt.Errorf("%.40q is not OID|TAG|VALUE", line)
	}
	name, err := snmp.ParseOID(oid)
	if err == nil && !name.Valid() {
		err = errors.New("an object's OID has two numbers at least")
	}
	if err != nil {
		return fmt.Errorf("OID %.40q: %w", oid, err)
	}
	tag, module, modular := strings.Cut(tag, ":")
	kind, notation, err := parseTag(tag)
	if err != nil {
		return err
	}
	if modular {
		return b.addModule(name, kind, module, value)
	}
	return b.addValue(name, kind, notation, value)
}

const (
	plain   = 0
	inHex   = 'x'
	escaped = 'e'
)

func parseTag(tag string) (kind snmp.Type, notation byte, err error) {
	digits := tag
	if n := len(tag); n > 0 && (tag[n-1] == inHex || tag[n-1] == escaped) {
		digits, notation = tag[:n-1], tag[n-1]
	}
	n, err := strconv.ParseUint(digits, 10, 8)
	if err != nil {
		return 0, 0, fmt.Errorf("tag %.20q is not the number of a type", tag)
	}
	switch kind = snmp.Type(n); kind {
	case snmp.Integer, snmp.OctetString, snmp.Null, snmp.ObjectIdentifier, snmp.IPAddress, snmp.Counter32,
		snmp.Gauge32, snmp.TimeTicks, snmp.Opaque, snmp.NsapAddress, snmp.Counter64, snmp.Uinteger32,
		snmp.NoSuchObject, snmp.NoSuchInstance, snmp.EndOfMibView:
		return kind, notation, nil
	}
	return 0, 0, fmt.Errorf("tag %s is no type of SNMP", tag)
}

func (b *Builder) addValue(name snmp.OID, kind snmp.Type, notation byte, text string) error {
	var value []byte
	var err error
	switch notation {
	case inHex:
		value, err = hex.DecodeString(text)
	case escaped:
		value, err = unescape(text)
	default:
		value, err = parseValue(kind, text)
	}
	if err != nil {
		return fmt.Errorf("value %.40q of %s: %w", text, kind, err)
	}
	b.Add(name, kind, value)
	return nil
}

func parseValue(kind snmp.Type, text string) ([]byte, error) {
	switch kind {
	case snmp.OctetString, snmp.Opaque, snmp.NsapAddress:
		return []byte(text), nil
	case snmp.ObjectIdentifier:
		return snmp.ParseOID(strings.TrimSuffix(strings.TrimSpace(text), ".")) // as some recorders write a prefix
	case snmp.IPAddress:
		return parseIP(text)
	case snmp.Integer, snmp.Counter32, snmp.Gauge32, snmp.TimeTicks, snmp.Counter64, snmp.Uinteger32:
		return parseNumber(kind, strings.TrimSpace(text))
	}
	return nil, nil
}

// parseIP parses dotted decimal, or four raw octets.
func parseIP(text string) ([]byte, error) {
	if a, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil && a.Is4() {
		return a.AsSlice(), nil
	}
	if len(text) != 4 {
		return nil, errors.New("not an IPv4 address")
	}
	return []byte(text), nil
}

var errNotNumber = errors.New("not a number")

func parseNumber(kind snmp.Type, text string) ([]byte, error) {
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return snmp.AppendUint(nil, u), nil
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.Abs(f) > math.MaxInt64/2 || math.IsNaN(f) {
			return nil, errNotNumber
		}
		i = int64(f)
	}
	if kind == snmp.Counter64 {
		return snmp.AppendUint(nil, uint64(i)), nil
	}
	return snmp.AppendInt(nil, i), nil
}

// unescape decodes the backslash escapes of Go and Python.
func unescape(text string) ([]byte, error) {
	var b []byte
	for len(text) > 0 {
		if text[0] != '\\' {
			b, text = append(b, text[0]), text[1:]
			continue
		}
		c, _, tail, err := strconv.UnquoteChar(text, 0)
		if err != nil || c > 255 {
			return nil, fmt.Errorf("escape at %.10q", text)
		}
		b, text = append(b, byte(c)), tail
	}
	return b, nil
}
