package collector

import (
	"fmt"
	"strings"
	"testing"

	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/snmp"
)

// Series may be larger than the values that a device sends: long values that many rows look up, and states of an
// enumeration. Such a table is dropped with too_many; other tables are exposed.
func TestSeriesThatTakeTooMuch(t *testing.T) {
	var states strings.Builder
	for i := range 200 {
		fmt.Fprintf(&states, "%d: %s%d, ", i, strings.Repeat("s", 40), i)
	}
	m := compile(t, `
walk: [1.3.9]
metrics:
- {name: looked, oid: 1.3.9.1, type: gauge, help: h, indexes: [{labelname: i, type: gauge}, {labelname: k, type: gauge}], lookups: [{labels: [i], labelname: text, oid: 1.3.9.2, type: OctetString}]}
- {name: states, oid: 1.3.9.3, type: EnumAsStateSet, help: h, indexes: [{labelname: k, type: gauge}], enum_values: {`+states.String()+`}}
- {name: small, oid: 1.3.9.4, type: gauge, help: h}`)
	d := device{{Name: snmp.MustParseOID("1.3.9.2.7"), Type: snmp.OctetString, Value: make([]byte, 10_000)}}
	for row := range uint32(500) {
		d = append(d, snmp.VarBind{Name: snmp.AppendArc(snmp.MustParseOID("1.3.9.1.7"), row), Type: snmp.Integer, Value: []byte{1}})
	}
	for row := range uint32(500) {
		d = append(d, snmp.VarBind{Name: snmp.AppendArc(snmp.MustParseOID("1.3.9.3"), row), Type: snmp.Integer, Value: []byte{1}})
	}
	d = append(d, snmp.VarBind{Name: snmp.MustParseOID("1.3.9.4.0"), Type: snmp.Integer, Value: []byte{1}})
	for range 3 {
		r := m.Collect(t.Context(), d, Options{Params: &client.Params{MaxBytes: 200_000}})
		if got := samples(t, r.Set); got != "small 1\n" {
			t.Errorf("%d octets of samples: %.200s", len(got), got)
		}
		var dropped []string
		for _, e := range access.Errors(r.Err) {
			if e.Reason != access.TooMany || e.TargetFailed() {
				t.Errorf("%v", e)
			}
			dropped = append(dropped, e.OID.String())
		}
		if len(dropped) != 2 || r.Down() {
			t.Errorf("dropped: %v, %v", dropped, r.Err)
		}
	}
	if r := m.Collect(t.Context(), d, Options{}); r.Err != nil {
		t.Errorf("by default: %v", r.Err)
	}
}

// Nothing of an object that was dropped counts, wherever it lies, and no label is made of it.
func TestDroppedObjects(t *testing.T) {
	m := compile(t, `
walk: [1.3.9]
metrics:
- {name: a, oid: 1.3.9.1, type: gauge, help: h, indexes: [{labelname: i, type: gauge}]}
- {name: b, oid: 1.3.9.2, type: gauge, help: h, indexes: [{labelname: i, type: gauge}], lookups: [{labels: [i], labelname: text, oid: 1.3.9.1, type: gauge}]}
- {name: c, oid: 1.3.9.3, type: gauge, help: h, indexes: [{labelname: i, type: gauge}]}`)
	d := newDevice(t, "1.3.9.1.7 = int: 1\n1.3.9.2.7 = int: 2\n1.3.9.3.7 = int: 3")
	c := m.conversion(Options{})
	c.room = 1 << 20
	for _, v := range d {
		c.add(v)
	}
	set := c.finish([]*access.Error{{OID: snmp.MustParseOID("1.3.9.1"), Reason: access.TooMany, Dropped: true}})
	if got := samples(t, set); got != "c{i=\"7\"} 3\n" {
		t.Errorf("%s", got)
	}
}

// A table whose rows all arrive twice has the samples of the last ones, and takes about twice as long: where each row would
// be searched for among all, this test takes minutes.
func TestManyRowsArriveTwice(t *testing.T) {
	m := compile(t, `
walk: [1.3.9]
metrics:
- {name: number, oid: 1.3.9.1.1, type: gauge, help: h, indexes: [{labelname: i, type: gauge}]}
- {name: text, oid: 1.3.9.1.2, type: DisplayString, help: h, indexes: [{labelname: i, type: gauge}]}
- {name: states, oid: 1.3.9.1.3, type: EnumAsStateSet, help: h, indexes: [{labelname: i, type: gauge}], enum_values: {1: a, 2: b}}`)
	column := func(number, from, to uint32, value byte) (list device) {
		kind := []snmp.Type{snmp.Integer, snmp.OctetString, snmp.Integer}[number-1]
		for row := from; row < to; row++ {
			name := snmp.AppendArc(snmp.AppendArc(snmp.MustParseOID("1.3.9.1"), number), row)
			list = append(list, snmp.VarBind{Name: name, Type: kind, Value: []byte{value}})
		}
		return list
	}
	var twice, last device
	for number := range uint32(3) {
		twice = append(twice, column(number+1, 5-number, 50_000, '1')...)
	}
	for number := range uint32(3) {
		last = append(last, column(number+1, 0, 50_000, 2)...)
	}
	twice = append(twice, last...)
	if got, want := samples(t, m.Collect(t.Context(), twice, Options{}).Set), samples(t, m.Collect(t.Context(), last, Options{}).Set); got != want {
		t.Errorf("%d octets of samples, want %d", len(got), len(want))
	}
}
