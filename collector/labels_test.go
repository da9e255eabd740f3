package collector

import (
	"strings"
	"testing"
)

func TestIndexes(t *testing.T) {
	for _, c := range []conversionCase{
		{"numbers, missing and surplus ones", `
- {name: m, oid: 1.3.9, type: gauge, indexes: [{labelname: a, type: gauge}, {labelname: b, type: Integer32}]}`, `
1.3.9.1.2 = int: 1
1.3.9.3 = int: 1
1.3.9.4.5.6 = int: 1
1.3.9.4294967295.128 = int: 1`, `
m{a="1",b="2"} 1
m{a="3",b="0"} 1
m{a="4",b="5"} 1
m{a="4294967295",b="128"} 1
`},
		{"strings by length, of fixed size and implied", `
- {name: a, oid: 1.3.9.1, type: gauge, indexes: [{labelname: s, type: DisplayString}, {labelname: n, type: gauge}]}
- {name: b, oid: 1.3.9.2, type: gauge, indexes: [{labelname: s, type: OctetString, fixed_size: 2}, {labelname: n, type: gauge}]}
- {name: c, oid: 1.3.9.3, type: gauge, indexes: [{labelname: n, type: gauge}, {labelname: s, type: DisplayString, implied: true}]}
- {name: d, oid: 1.3.9.4, type: gauge, indexes: [{labelname: s, type: OctetString}]}`, `
1.3.9.1.2.104.105.7 = int: 1
1.3.9.1.0.7 = int: 1
1.3.9.1.5.104 = int: 1
1.3.9.2.1.255.7 = int: 1
1.3.9.3.7.104.105 = int: 1
1.3.9.3.8 = int: 1
1.3.9.4.0 = int: 1
1.3.9.4.2.1.300 = int: 1`, `
a{n="0",s="h` + "\x00\x00\x00\x00" + `"} 1
a{n="7",s=""} 1
a{n="7",s="hi"} 1
b{n="7",s="0x01FF"} 1
c{n="7",s="hi"} 1
c{n="8",s=""} 1
d{s=""} 1
d{s="0x012C"} 1
`},
		{"OIDs by length and implied", `
- {name: a, oid: 1.3.9.1, type: gauge, indexes: [{labelname: o, type: ObjectIdentifier}, {labelname: n, type: gauge}]}
- {name: b, oid: 1.3.9.2, type: gauge, indexes: [{labelname: n, type: gauge}, {labelname: o, type: ObjectIdentifier, implied: true}]}`, `
1.3.9.1.3.1.3.9999.7 = int: 1
1.3.9.1.0.7 = int: 1
1.3.9.2.7.1.3.6.4294967295 = int: 1`, `
a{n="7",o=""} 1
a{n="7",o="1.3.9999"} 1
b{n="7",o="1.3.6.4294967295"} 1
`},
		{"addresses", `
- {name: mac, oid: 1.3.9.1, type: gauge, indexes: [{labelname: i, type: PhysAddress48}]}
- {name: v4, oid: 1.3.9.2, type: gauge, indexes: [{labelname: i, type: InetAddressIPv4}]}
- {name: any, oid: 1.3.9.3, type: gauge, indexes: [{labelname: i, type: InetAddress}, {labelname: n, type: gauge}]}
- {name: nosize, oid: 1.3.9.4, type: gauge, indexes: [{labelname: i, type: InetAddressMissingSize}, {labelname: n, type: gauge}]}
- {name: lldp, oid: 1.3.9.5, type: gauge, indexes: [{labelname: i, type: LldpPortId}, {labelname: n, type: gauge}]}`, `
1.3.9.1.1.2.3.171.205.15 = int: 1
1.3.9.1.1 = int: 1
1.3.9.2.10.0.0.300 = int: 1
1.3.9.3.1.4.10.0.0.1.7 = int: 1
1.3.9.3.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1.7 = int: 1
1.3.9.3.3.5.192.168.1.2.5.7 = int: 1
1.3.9.4.1.10.0.0.1.7 = int: 1
1.3.9.4.9.10.11 = int: 1
1.3.9.5.5.2.97.98.7 = int: 1
1.3.9.5.3.6.1.2.3.4.5.6.7 = int: 1`, `
any{i="0x0305C0A8010205",n="7"} 1
any{i="10.0.0.1",n="7"} 1
any{i="2001:0DB8:0000:0000:0000:0000:0000:0001",n="7"} 1
lldp{i="01:02:03:04:05:06",n="7"} 1
lldp{i="ab",n="7"} 1
mac{i="01:00:00:00:00:00"} 1
mac{i="01:02:03:AB:CD:0F"} 1
nosize{i="0x090A0B",n="0"} 1
nosize{i="10.0.0.1",n="7"} 1
v4{i="10.0.0.300"} 1
`},
		{"enumerated index", `
- {name: m, oid: 1.3.9, type: gauge, indexes: [{labelname: s, type: EnumAsInfo, enum_values: {1: "on"}}]}`, `
1.3.9.1 = int: 1
1.3.9.2 = int: 1`, `
m{s="2"} 1
m{s="on"} 1
`},
		{"text that is no UTF-8", `
- {name: m, oid: 1.3.9, type: gauge, indexes: [{labelname: s, type: DisplayString}]}`, `
1.3.9.3.97.255.254 = int: 1`, "\nm{s=\"a\uFFFD\"} 1\n"},
	} {
		c.run(t)
	}
}

func TestLookups(t *testing.T) {
	for _, c := range []conversionCase{
		{"one label, missing row, missing label, deletion", `
- name: m
  oid: 1.3.9.1
  type: gauge
  indexes: [{labelname: i, type: gauge}]
  lookups:
  - {labels: [i], labelname: descr, oid: 1.3.9.2, type: DisplayString}
  - {labels: [nobody], labelname: lost, oid: 1.3.9.2, type: DisplayString}
  - {labels: [], labelname: i}`, `
1.3.9.1.1 = int: 1
1.3.9.1.2 = int: 1
1.3.9.2.1 = str: one`, `
m{descr="",lost=""} 1
m{descr="one",lost=""} 1
`},
		{"several labels, and one that replaces its own index", `
- name: m
  oid: 1.3.9.1
  type: gauge
  indexes: [{labelname: a, type: gauge}, {labelname: b, type: DisplayString}]
  lookups:
  - {labels: [b, a], labelname: name, oid: 1.3.9.2}
  - {labels: [a], labelname: a, oid: 1.3.9.3, type: EnumAsInfo, enum_values: {5: five}}`, `
1.3.9.1.1.2.104.105 = int: 1
1.3.9.2.2.104.105.1 = hex: 0a
1.3.9.3.1 = int: 5`, `
m{a="five",b="hi",name="0x0A"} 1
`},
		{"chains: numbers lead on, text leads to 0", `
- name: m
  oid: 1.3.9.1
  type: gauge
  indexes: [{labelname: i, type: gauge}]
  lookups:
  - {labels: [i], labelname: port, oid: 1.3.9.2}
  - {labels: [port], labelname: name, oid: 1.3.9.3, type: DisplayString}`, `
1.3.9.1.1 = int: 1
1.3.9.1.2 = int: 1
1.3.9.2.1 = g32: 300
1.3.9.2.2 = str: x
1.3.9.3.0 = str: zero
1.3.9.3.300 = str: eth300`, `
m{i="1",name="eth300",port="300"} 1
m{i="2",name="zero",port="0x78"} 1
`},
		{"an address whose type stands in the column before", `
- name: m
  oid: 1.3.9.1
  type: gauge
  indexes: [{labelname: i, type: gauge}]
  lookups:
  - {labels: [i], labelname: port, oid: 1.3.9.3, type: LldpPortId}`, `
1.3.9.1.1 = int: 1
1.3.9.2.1 = int: 3
1.3.9.3.1 = hex: 010203040506`, `
m{i="1",port="01:02:03:04:05:06"} 1
`},
		{"holes and an order that changes from column to column", `
- {name: a, oid: 1.3.9.1, type: gauge, indexes: [{labelname: i, type: gauge}], lookups: [{labels: [i], labelname: n, oid: 1.3.9.3, type: DisplayString}]}
- {name: b, oid: 1.3.9.2, type: gauge, indexes: [{labelname: i, type: gauge}], lookups: [{labels: [i], labelname: n, oid: 1.3.9.3, type: DisplayString}]}`, `
1.3.9.1.1 = int: 11
1.3.9.1.3 = int: 13
1.3.9.1.200 = int: 14
1.3.9.2.2 = int: 22
1.3.9.2.3 = int: 23
1.3.9.2.1 = int: 21
1.3.9.3.200 = str: z
1.3.9.3.3 = str: c
1.3.9.3.1 = str: a
1.3.9.3.2 = str: b`, `
a{i="1",n="a"} 11
a{i="200",n="z"} 14
a{i="3",n="c"} 13
b{i="1",n="a"} 21
b{i="2",n="b"} 22
b{i="3",n="c"} 23
`},
	} {
		c.run(t)
	}
}

func TestFilters(t *testing.T) {
	m := compile(t, `
walk: [1.3.9.1, 1.3.9.2]
get: [1.3.9.2.9, 1.3.9.20.0]
metrics:
- {name: a, oid: 1.3.9.1, type: gauge, indexes: [{labelname: i, type: gauge}]}
- {name: b, oid: 1.3.9.2, type: gauge, indexes: [{labelname: i, type: gauge}]}
- {name: c, oid: 1.3.9.20, type: gauge}
filters:
- {oid: 1.3.9.3, targets: [1.3.9.2], values: [up]}
- {oid: 1.3.9.4, targets: [1.3.9.2], values: ["^core"]}
- {oid: 1.3.9.5, targets: [1.3.9.1], values: ["1"]}`)
	d := newDevice(t, `
1.3.9.1.1 = int: 1
1.3.9.1.2 = int: 1
1.3.9.2.1 = int: 1
1.3.9.2.2 = int: 1
1.3.9.2.3.4 = int: 1
1.3.9.2.9 = int: 1
1.3.9.3.1 = str: up
1.3.9.3.2 = str: up2
1.3.9.3.3.4 = str: sup
1.3.9.4.1 = str: score
1.3.9.4.2 = str: core
1.3.9.4.3.4 = str: core
1.3.9.5.2 = int: 10
1.3.9.20.0 = int: 1`)
	r := m.Collect(t.Context(), d, Options{})
	want := `a{i="2"} 1
b{i="2"} 1
b{i="3"} 1
c 1
`
	if got := samples(t, r.Set); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestWarnings(t *testing.T) {
	m := compile(t, `
walk: [1.3]
metrics:
- {name: outer, oid: 1.3.9, type: gauge}
- {name: inner, oid: 1.3.9.1, type: gauge}
- {name: i, oid: 1.3.8, type: EnumAsInfo, indexes: [{labelname: i, type: gauge}]}`)
	want := []string{
		"module test: metric i_info makes no series: its label i is an index already",
		"module test: metric inner never has a value: it lies below outer (1.3.9)",
	}
	if got := strings.Join(m.Warnings, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("warnings:\n%s", got)
	}
}

// In native mode both metrics of an OID have their series.
func TestTwoMetricsOfOneOID(t *testing.T) {
	m := compile(t, `
walk: [1.3]
metrics:
- {name: number, oid: 1.3.9, type: gauge, indexes: [{labelname: i, type: gauge}]}
- {name: state, oid: 1.3.9, type: EnumAsStateSet, enum_values: {1: up}, indexes: [{labelname: i, type: gauge}]}`)
	r := m.Collect(t.Context(), newDevice(t, "1.3.9.7 = int: 1"), Options{})
	want := "number{i=\"7\"} 1\nstate{i=\"7\",state=\"up\"} 1\n"
	if got := samples(t, r.Set); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestPlanAsksForNothingTwice(t *testing.T) {
	m := compile(t, "walk: [1.3.9.1, 1.3.9, 1.3.90, 1.3.9]\nget: [1.3.9.5.0, 1.3.8.0, 1.3.8.0]")
	p := m.Plan
	if len(p.Walk) != 2 || len(p.Get) != 1 || p.Walk[0].String() != "1.3.9" || p.Get[0].String() != "1.3.8.0" {
		t.Errorf("walks %v, gets %v", p.Walk, p.Get)
	}
}

func TestHostileIndexLengthIsBounded(t *testing.T) {
	m := compile(t, `
walk: [1.3]
metrics:
- {name: m, oid: 1.3.9, type: gauge, indexes: [{labelname: s, type: OctetString}, {labelname: a, type: InetAddress}]}`)
	r := m.Collect(t.Context(), newDevice(t, "1.3.9.4294967295.1 = int: 1\n1.3.9.1.1.9.4294967295.1 = int: 1"), Options{})
	if n := len(samples(t, r.Set)); n > 2000 {
		t.Errorf("%d octets of samples out of two varbinds", n)
	}
}

func FuzzIndexes(f *testing.F) {
	f.Add("InetAddress", 0, false, []byte{1, 4, 10, 0, 0, 1})
	f.Add("LldpPortId", 0, false, []byte{5, 2, 97, 98})
	f.Add("DisplayString", 3, true, []byte{0x8f, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, kind string, size int, implied bool, index []byte) {
		var pad []byte
		d := indexDecoder{format: typeNamed(kind).format, size: size & 255, implied: implied}
		text, used, rest := d.decode(nil, arcs{index, &pad})
		if len(text) > 8*(len(index)+300) {
			t.Errorf("%d octets of text out of %d", len(text), len(index))
		}
		if len(pad) == 0 && len(used)+len(rest) != len(index) {
			t.Errorf("%d octets used, %d left of %d", len(used), len(rest), len(index))
		}
	})
}
