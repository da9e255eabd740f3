package snmp

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"testing"

	"github.com/gosnmp/gosnmp"
)

// decodeByGosnmp decodes a message of version 1 or 2c with gosnmp.
func decodeByGosnmp(b []byte) (p *gosnmp.SnmpPacket, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gosnmp: %v", r)
		}
	}()
	return (&gosnmp.GoSNMP{Version: gosnmp.Version2c}).SnmpDecodePacket(b)
}

// FuzzAgainstGosnmp checks that a response of version 1 or 2c that gosnmp decodes is decoded by
// this package to the same names, types and values. Intended differences:
//
//   - In the fields before the bindings gosnmp accepts any type and truncates numbers. This package
//     requires 32-bit integers, and a string as the community.
//   - gosnmp accepts lengths of up to 127 octets. This package accepts four, more than any agent needs.
//   - gosnmp accepts a name that is empty, padded with zeros or no OBJECT IDENTIFIER. Such names have
//     several forms and cannot be compared: the binding is skipped. A value that is such an OID is
//     returned unchanged.
//   - gosnmp accepts a tag without a length as a value. This package skips the binding.
//   - gosnmp reads an unsigned number of no octets as 0, and one of less than four octets with the top
//     bit set as positive. This package rejects the first and sign-extends the second, as Net-SNMP does.
//   - This package returns a float with a non-minimal header as an Opaque.
//   - gosnmp truncates TimeTicks and UInteger32 to 32 bits.
func FuzzAgainstGosnmp(f *testing.F) {
	for _, n := range []int{0, 1, 8} {
		f.Add(AppendMessage(nil, &Message{V2c, []byte("public"), Response, 7, NoError, 0, interfaceRows(n)}))
	}
	f.Add(AppendMessage(nil, &Message{V1, []byte("public"), Response, -7, NoSuchName, 1, oneOfEachType()}))
	for _, value := range []string{"0406 68656c6c6f", "4104 fffffffe", "4101 fe", "4100", "05", "4000"} { // encodings seen on real devices
		pair := append(unhex("06072b060102010101"), unhex(value)...)
		list := append(appendHeader(nil, tagSequence, len(pair)), pair...)
		f.Add(AppendMessage(nil, &Message{V2c, []byte("public"), Response, 7, NoError, 0, list}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		theirs, err := decodeByGosnmp(slices.Clone(b))
		if err != nil || theirs.PDUType != gosnmp.GetResponse || theirs.Version > gosnmp.Version2c {
			return
		}
		m, err := ParseMessage(b)
		if err != nil {
			if !stricter(err) {
				t.Fatalf("% x: %v; gosnmp reads %+v", b, err, theirs)
			}
			return
		}
		if uint32(m.RequestID) != theirs.RequestID || uint8(m.ErrorStatus) != uint8(theirs.Error) || uint8(m.ErrorIndex) != theirs.ErrorIndex ||
			m.Version != Version(theirs.Version) || string(m.Community) != theirs.Community {
			t.Errorf("%+v, gosnmp reads %+v", m, theirs)
		}
		if n, ok := CountVarBinds(m.VarBinds); n != len(theirs.Variables) || !ok {
			t.Fatalf("%d bindings, gosnmp reads %d", n, len(theirs.Variables))
		}
		list := m.VarBinds
		for _, p := range theirs.Variables {
			v, rest, err := CutVarBind(list)
			if err == nil {
				if what := differs(v, p); what != "" {
					t.Errorf("%s: %s %s % x, gosnmp reads %+v", what, v.Name, v.Type, v.Value, p)
				}
			} else if !errors.Is(err, errOID) && !stricter(err) && !bareTag(list) {
				t.Errorf("%v; gosnmp reads %+v", err, p)
			}
			list = rest
		}
	})
}

// bareTag reports whether the value of the first binding has no length.
func bareTag(list []byte) bool {
	_, pair, _, _ := cutTLV(list)
	_, _, value, err := cutTLV(pair)
	return err == nil && len(value) == 1
}

// stricter reports whether err is one of the intended differences.
func stricter(err error) bool {
	var s *syntaxError
	if !errors.As(err, &s) {
		return errors.Is(err, errLengthForm)
	}
	header := slices.Contains([]string{"version", "community", "request-id", "error-status", "error-index"}, s.field)
	return errors.Is(err, errLengthForm) || s.field == "name" || header && (s.cause == nil || s.cause == errNumber)
}

// differs returns the difference between a binding and gosnmp's decoding of the same octets, or "".
func differs(v VarBind, p gosnmp.SnmpPDU) string {
	if name := "." + v.Name.String(); name != p.Name {
		return "name"
	}
	switch p.Type {
	case gosnmp.UnknownType: // types unknown to gosnmp, and numbers that it cannot decode
		if _, err := v.Uint(); err == nil {
			return "a number"
		}
		return ""
	case gosnmp.OpaqueFloat, gosnmp.OpaqueDouble:
		if v.Type != Opaque {
			return "type"
		}
		return differsFloat(v, p)
	}
	if v.Type != Type(p.Type) {
		return "type"
	}
	same := true
	switch value := p.Value.(type) {
	case nil:
		same = !v.Type.HasValue() || v.Type == IPAddress && len(v.Value) == 0
	case int:
		i, err := v.Int()
		same = err == nil && i == int64(value)
	case uint: // Counter32 and Gauge32
		same = sameUnsigned(v, uint64(value), math.MaxUint64)
	case uint32: // TimeTicks and UInteger32
		same = sameUnsigned(v, uint64(value), math.MaxUint32)
	case uint64:
		same = sameUnsigned(v, value, math.MaxUint64)
	case []byte:
		same = bytes.Equal(v.Value, value)
	case string:
		if v.Type == IPAddress {
			same = net.IP(v.Value).String() == value
		} else if OID(v.Value).Valid() {
			same = "."+OID(v.Value).String() == value
		}
	}
	if !same {
		return "value"
	}
	return ""
}

func sameUnsigned(v VarBind, theirs, mask uint64) bool {
	u, err := v.Uint()
	switch n := len(v.Value); {
	case n == 0:
		return err != nil
	case n < 4 && v.Value[0] >= 0x80 && v.Type != Counter64:
		return err == nil && u == uint64(uint32(int32(theirs<<(32-8*n))>>(32-8*n)))
	}
	return err == nil && u&mask == theirs
}

func differsFloat(v VarBind, p gosnmp.SnmpPDU) string {
	ours, err := v.Float()
	var theirs float64
	switch value := p.Value.(type) {
	case float32:
		theirs = float64(value)
	case float64:
		theirs = value
	}
	if n := len(v.Value); err != nil && n != 7 && n != 11 || ours == theirs || math.IsNaN(ours) && math.IsNaN(theirs) {
		return ""
	}
	return "float"
}

func oneOfEachType() (list []byte) {
	d := dice{}
	for i := range kinds {
		list = AppendVarBind(list, d.varBind(kinds[i]))
	}
	return list
}

// kinds are the types that gosnmp can encode.
var kinds = []Type{
	Integer, OctetString, Null, ObjectIdentifier, IPAddress, Counter32, Gauge32, TimeTicks, Opaque, Counter64, Uinteger32,
	NoSuchObject, NoSuchInstance, EndOfMibView,
}

// dice builds messages from a fuzzer's input, padded with zeros.
type dice []byte

func (d *dice) octet() (b byte) {
	if len(*d) > 0 {
		b, *d = (*d)[0], (*d)[1:]
	}
	return b
}

func (d *dice) number(octets int) (n uint64) {
	for range octets {
		n = n<<8 | uint64(d.octet())
	}
	return n
}

func (d *dice) octets() []byte {
	b := make([]byte, int(d.octet())*int(1+d.octet()%3))
	copy(b, *d)
	*d = (*d)[min(len(b), len(*d)):]
	return b
}

func (d *dice) oid() OID {
	o := MustParseOID(fmt.Sprintf("%d.%d", d.octet()%3, d.octet()%40))
	for range d.octet() % 20 {
		o = AppendArc(o, uint32(d.number(1+int(d.octet()%4))))
	}
	return o
}

func (d *dice) varBind(kind Type) VarBind {
	v := VarBind{Name: d.oid(), Type: kind}
	switch kind {
	case Integer:
		v.Value = AppendInt(nil, int64(int32(d.number(4))))
	case OctetString:
		v.Value = d.octets()
	case ObjectIdentifier:
		v.Value = d.oid()
	case IPAddress:
		v.Value = []byte{d.octet(), d.octet(), d.octet(), d.octet()}
	case Counter32, Gauge32, TimeTicks, Uinteger32:
		v.Value = AppendUint(nil, d.number(1+int(d.octet()%4)))
	case Opaque:
		v.Value = append([]byte{0x9f, 0x78, 4}, byte(d.number(1)), 1, 2, 3)
	case Counter64:
		v.Value = AppendUint(nil, d.number(1+int(d.octet()%8)))
	}
	return v
}

// pdu returns the binding as gosnmp represents it.
func (v VarBind) pdu() gosnmp.SnmpPDU {
	p := gosnmp.SnmpPDU{Name: "." + v.Name.String(), Type: gosnmp.Asn1BER(v.Type)}
	u, _ := v.Uint()
	switch v.Type {
	case Integer:
		i, _ := v.Int()
		p.Value = int(i)
	case OctetString:
		p.Value = v.Value
	case ObjectIdentifier:
		p.Value = "." + OID(v.Value).String()
	case IPAddress:
		p.Value = net.IP(v.Value).String()
	case Counter32, Gauge32, TimeTicks, Uinteger32:
		p.Value = uint32(u)
	case Opaque:
		f, _ := v.Float()
		p.Type, p.Value = gosnmp.OpaqueFloat, float32(f)
	case Counter64:
		p.Value = u
	}
	return p
}

// FuzzWithGosnmp builds messages of all versions, levels and protocols and checks that each of the
// two implementations decodes the other's encoding to the same message.
func FuzzWithGosnmp(f *testing.F) {
	type pair struct {
		ours   *Security
		theirs *gosnmp.GoSNMP
	}
	var pairs []pair
	for _, u := range gosnmpUsers() {
		pairs = append(pairs, pair{localizeForLab(f, u), gosnmpFor(f, u)})
	}
	for i := range byte(len(pairs)) {
		f.Add(i, []byte{3, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13})
	}
	f.Add(byte(254), []byte{20, 2, 0xff, 0xff, 0xff, 0xff, 5, 6, 7})
	f.Add(byte(255), []byte{9, 1, 0x80, 0, 0, 0})
	f.Fuzz(func(t *testing.T, which byte, thrown []byte) {
		salts.Store(0) // the fuzzer requires deterministic output
		d := dice(thrown)
		var list []byte
		var variables []gosnmp.SnmpPDU
		for range 1 + d.octet()%30 {
			v := d.varBind(kinds[int(d.octet())%len(kinds)])
			if len(v.Value) == 7 && v.Type == Opaque {
				if f, _ := v.Float(); math.IsNaN(f) {
					continue // gosnmp does not preserve a NaN
				}
			}
			list, variables = AppendVarBind(list, v), append(variables, v.pdu())
		}
		if which >= 254 {
			checkCommunity(t, Version(which-254), list, variables)
			return
		}
		p := pairs[int(which)%len(pairs)]
		sealed := p.ours.Seal(nil, &labHeader, scopedResponse(list))
		theirs, err := unmarshal(p.theirs, sealed)
		if len(variables) == 0 {
			return
		}
		if err != nil {
			t.Fatalf("gosnmp does not read ours: %v", err)
		}
		checkBindings(t, list, theirs.Variables)
		packet, err := encode(p.theirs, variables)
		if err != nil {
			t.Fatal(err)
		}
		o, err := p.ours.Open(packet)
		if err != nil || !bytes.Equal(o.VarBinds, list) {
			t.Errorf("gosnmp's gives % x, %v\nwant % x", o.VarBinds, err, list)
		}
	})
}

func checkCommunity(t *testing.T, version Version, list []byte, variables []gosnmp.SnmpPDU) {
	m := Message{version, []byte("public"), Response, 815, TooBig, 2, list}
	ours := AppendMessage(nil, &m)
	theirs, err := decodeByGosnmp(slices.Clone(ours))
	if err != nil {
		t.Fatalf("gosnmp does not read ours: %v", err)
	}
	checkBindings(t, list, theirs.Variables)
	p := gosnmp.SnmpPacket{
		Version: gosnmp.SnmpVersion(version), Community: "public", PDUType: gosnmp.GetResponse, RequestID: 815,
		Error: gosnmp.TooBig, ErrorIndex: 2, Variables: variables,
	}
	if packet, err := p.MarshalMsg(); err != nil || !bytes.Equal(packet, ours) {
		t.Errorf("gosnmp writes % x, %v\nours is % x", packet, err, ours)
	}
}

func checkBindings(t *testing.T, list []byte, variables []gosnmp.SnmpPDU) {
	for _, p := range variables {
		v, rest, err := CutVarBind(list)
		if err != nil {
			t.Fatal(err)
		}
		if what := differs(v, p); what != "" {
			t.Errorf("%s: %s %s % x, gosnmp reads %+v", what, v.Name, v.Type, v.Value, p)
		}
		list = rest
	}
	if len(list) > 0 {
		t.Errorf("gosnmp leaves % x out", list)
	}
}
