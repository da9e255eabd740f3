package varbind

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// Values are the types of variable bindings by the letters that Net-SNMP's commands have for them.
var values = map[byte]struct {
	name  string
	typ   snmp.Type
	parse func(text string) ([]byte, error)
}{
	'i': {"INTEGER", snmp.Integer, parseInteger},
	'u': {"Unsigned32", snmp.Gauge32, parseUnsigned(math.MaxUint32)},
	'c': {"Counter32", snmp.Counter32, parseUnsigned(math.MaxUint32)},
	'C': {"Counter64", snmp.Counter64, parseUnsigned(math.MaxUint64)},
	't': {"TimeTicks", snmp.TimeTicks, parseUnsigned(math.MaxUint32)},
	'a': {"IpAddress", snmp.IPAddress, parseIPAddress},
	'o': {"OBJECT IDENTIFIER", snmp.ObjectIdentifier, parseObjectIdentifier},
	's': {"text", snmp.OctetString, func(text string) ([]byte, error) { return []byte(text), nil }},
	'x': {"octets in hexadecimal digits", snmp.OctetString, parseHexOctets},
	'd': {"octets in decimal numbers", snmp.OctetString, parseDecimalOctets},
	'b': {"BITS", snmp.OctetString, parseBits},
	'n': {"NULL", snmp.Null, parseNull},
	'F': {"Opaque float", snmp.Opaque, parseFloat},
	'D': {"Opaque double", snmp.Opaque, parseDouble},
}

// typeNames are the types as a rule writes them, by their letters.
var typeNames = map[byte]string{
	'i': "INTEGER", 'u': "Gauge32", 'c': "Counter32", 'C': "Counter64", 't': "TimeTicks", 'a': "IpAddress", 'o': "OID",
	's': "STRING", 'x': "Hex-STRING", 'b': "BITS", 'F': "Float", 'D': "Double",
}

// typeWords give the letters of types by their names in small letters.
var typeWords = func() map[string]byte {
	words := map[string]byte{"integer32": 'i', "unsigned32": 'u'}
	for letter, name := range typeNames {
		words[strings.ToLower(name)] = letter
	}
	return words
}()

// valueOf makes a value of a type that a letter says. With =, the type is that of the object o. Where o is
// known, its labels may stand for numbers, and where there are MIBs, names for OIDs.
func (n Names) valueOf(o *mibs.Node, letter, text string) (t snmp.Type, value []byte, err error) {
	if letter == "=" {
		if !IsObject(o) {
			return 0, nil, errors.New("MIBs know no type for it: write one")
		}
		return n.value(o, text)
	}
	if len(letter) != 1 || values[letter[0]].parse == nil {
		return 0, nil, fmt.Errorf("type %q: use one of i u c C t a o s x d b n F D =", letter)
	}
	kind := values[letter[0]]
	switch named := isName(text); {
	case named && letter == "o" && n != nil:
		value, err = n.OID(text)
	case named && letter == "i" && IsObject(o):
		value, err = enumerated(o, text)
	case named && letter == "b" && IsObject(o):
		value, err = namedBits(o, text)
	default:
		value, err = kind.parse(text)
	}
	if err != nil {
		err = fmt.Errorf("%.100q is no value of type %s (%s): %w", text, letter, kind.name, err)
	}
	return kind.typ, value, err
}

func parseInteger(text string) ([]byte, error) {
	n, err := strconv.ParseInt(text, 0, 32)
	if err != nil {
		return nil, fmt.Errorf("write a whole number from %d to %d", math.MinInt32, math.MaxInt32)
	}
	return snmp.AppendInt(nil, n), nil
}

func parseUnsigned(most uint64) func(string) ([]byte, error) {
	return func(text string) ([]byte, error) {
		n, err := strconv.ParseUint(text, 0, 64)
		if err != nil || n > most {
			return nil, fmt.Errorf("write a whole number from 0 to %d", most)
		}
		return snmp.AppendUint(nil, n), nil
	}
}

func parseIPAddress(text string) ([]byte, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return nil, errors.New("write an address of IPv4")
	}
	return a.AsSlice(), nil
}

func parseObjectIdentifier(text string) ([]byte, error) {
	o, err := snmp.ParseOID(text)
	if err == nil && !o.Valid() {
		err = errors.New("an OID in a value has two numbers or more")
	}
	return o, err
}

// parseHexOctets takes digits with or without blanks, colons or 0x in front.
func parseHexOctets(text string) ([]byte, error) {
	b, err := setting.Hex(text)
	if err != nil {
		return nil, errors.New("write two hexadecimal digits for each octet")
	}
	return b, nil
}

func parseDecimalOctets(text string) ([]byte, error) {
	var b []byte
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '.' }) {
		n, err := strconv.ParseUint(field, 10, 8)
		if err != nil {
			return nil, errors.New("write a number from 0 to 255 for each octet")
		}
		b = append(b, byte(n))
	}
	return b, nil
}

// maxBits bounds the number of a bit, which determines the octets of the value.
const maxBits = 1 << 16

// parseBits takes the numbers of the bits that are set; bit 0 is the highest of the first octet (RFC
// 2578 section 7.1.4).
func parseBits(text string) ([]byte, error) {
	var b []byte
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		n, err := strconv.ParseUint(field, 10, 32)
		if err != nil || n >= maxBits {
			return nil, fmt.Errorf("write the numbers of the bits that are set, from 0 to %d", maxBits-1)
		}
		for len(b) <= int(n/8) {
			b = append(b, 0)
		}
		b[n/8] |= 0x80 >> (n % 8)
	}
	return b, nil
}

func parseNull(text string) ([]byte, error) {
	if text != "" {
		return nil, errors.New("NULL has none: write ''")
	}
	return nil, nil
}

func parseFloat(text string) ([]byte, error) {
	f, err := strconv.ParseFloat(text, 32)
	if err != nil {
		return nil, errors.New("write a number")
	}
	return binary.BigEndian.AppendUint32([]byte{0x9f, 0x78, 4}, math.Float32bits(float32(f))), nil
}

func parseDouble(text string) ([]byte, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, errors.New("write a number")
	}
	return binary.BigEndian.AppendUint64([]byte{0x9f, 0x79, 8}, math.Float64bits(f)), nil
}

// VarBinds reads names, letters and values, three words for each.
func (n Names) VarBinds(words []string) ([]snmp.VarBind, error) {
	if len(words)%3 != 0 {
		return nil, fmt.Errorf("%q: a variable binding is an OID, a type and a value", words[len(words)-len(words)%3:])
	}
	var list []snmp.VarBind
	for w := range slices.Chunk(words, 3) {
		v, err := n.varBind(w[0], w[1], w[2])
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (n Names) varBind(name, letter, text string) (v snmp.VarBind, err error) {
	if v.Name, err = n.OID(name); err != nil {
		return v, err
	}
	var o *mibs.Node
	if letter == "=" || isName(text) && (letter == "i" || letter == "b") { // else the MIBs need not be read
		_, at, err := n.Find(name)
		if err != nil {
			return v, err
		}
		o = at.Node
	}
	if v.Type, v.Value, err = n.valueOf(o, letter, text); err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return v, err
}
