package collector

import (
	"bytes"
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"gopkg.in/yaml.v3"

	"trapline/internal/client"
	"trapline/internal/series"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// device answers from a list, one "OID = type: value" a line. Types: int, c32, g32, c64, ticks, str,
// hex, oid, ip, float.
type device []snmp.VarBind

func newDevice(t testing.TB, lines string) device {
	t.Helper()
	var d device
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, rest, _ := strings.Cut(line, " = ")
		kind, value, _ := strings.Cut(rest, ":")
		d = append(d, varbind(t, name, kind, strings.TrimPrefix(value, " ")))
	}
	return d
}

func varbind(t testing.TB, name, kind, value string) snmp.VarBind {
	t.Helper()
	v := snmp.VarBind{Name: snmp.MustParseOID(name)}
	number, _ := strconv.ParseInt(value, 10, 64)
	unsigned, _ := strconv.ParseUint(value, 10, 64)
	octets, _ := hex.DecodeString(value)
	switch kind {
	case "int":
		v.Type, v.Value = snmp.Integer, snmp.AppendInt(nil, number)
	case "c32":
		v.Type, v.Value = snmp.Counter32, snmp.AppendUint(nil, unsigned)
	case "g32":
		v.Type, v.Value = snmp.Gauge32, snmp.AppendUint(nil, unsigned)
	case "c64":
		v.Type, v.Value = snmp.Counter64, snmp.AppendUint(nil, unsigned)
	case "ticks":
		v.Type, v.Value = snmp.TimeTicks, snmp.AppendUint(nil, unsigned)
	case "str":
		v.Type, v.Value = snmp.OctetString, []byte(value)
	case "hex":
		v.Type, v.Value = snmp.OctetString, octets
	case "opaque":
		v.Type, v.Value = snmp.Opaque, octets
	case "ip":
		v.Type, v.Value = snmp.IPAddress, octets
	case "oid":
		v.Type, v.Value = snmp.ObjectIdentifier, snmp.MustParseOID(value)
	case "none":
		v.Type = snmp.NoSuchInstance
	default:
		t.Fatalf("type %q", kind)
	}
	return v
}

func (d device) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (client.Stats, error) {
	var stats client.Stats
	for _, v := range d {
		asked := slices.ContainsFunc(p.Get, func(o snmp.OID) bool { return bytes.Equal(o, v.Name) }) ||
			slices.ContainsFunc(p.Walk, func(o snmp.OID) bool { return v.Name.HasPrefix(o) })
		if asked {
			stats.VarBinds++
			yield(v)
		}
	}
	return stats, nil
}

func compile(t testing.TB, text string) *Module {
	t.Helper()
	return Compile("test", parse(t, text))
}

func parse(t testing.TB, text string) *Settings {
	t.Helper()
	var s Settings
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil {
		t.Fatal(err)
	}
	for i := range s.Metrics {
		for _, checked := range []setting.Checked{&s.Metrics[i], s.Metrics[i].OID} {
			if m := checked.Problems(); m != nil {
				t.Fatal(m)
			}
		}
	}
	return &s
}

// samples returns the exposition of a set, without comments, sorted.
func samples(t testing.TB, set *series.Set) string {
	t.Helper()
	var out bytes.Buffer
	e := series.NewEncoder(&out, expfmt.NewFormat(expfmt.TypeTextPlain), nil)
	if err := e.Encode([]series.Group{{Sets: []*series.Set{set}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Close(); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// conversionCase is a device, a module's metrics, and the samples they give.
type conversionCase struct{ name, metrics, device, want string }

func (c conversionCase) run(t *testing.T) {
	t.Run(c.name, func(t *testing.T) {
		m := compile(t, "walk: [1.3]\nmetrics:\n"+c.metrics)
		options := Options{WrapCounters: true, Compatible: true}
		for pass := range 2 {
			r := m.Collect(t.Context(), newDevice(t, c.device), options)
			want := strings.TrimPrefix(c.want, "\n")
			if got := samples(t, r.Set); got != want {
				t.Errorf("pass %d gives\n%swant\n%s", pass, got, want)
			}
		}
	})
}

func TestValues(t *testing.T) {
	for _, c := range []conversionCase{
		{"every numeric type on the wire", `
- {name: m, oid: 1.3.9, type: gauge, indexes: [{labelname: i, type: gauge}]}`, `
1.3.9.1 = int: -5
1.3.9.2 = c32: 4294967295
1.3.9.3 = g32: 7
1.3.9.4 = ticks: 12345678
1.3.9.5 = opaque: 9f78043fc00000
1.3.9.6 = opaque: 9f79083ff8000000000000
1.3.9.7 = str: 42
1.3.9.8 = ip: 0a000001
1.3.9.9 = none: `, `
m{i="1"} -5
m{i="2"} 4.294967295e+09
m{i="3"} 7
m{i="4"} 1.2345678e+07
m{i="5"} 1.5
m{i="6"} 1.5
m{i="7"} 0
m{i="8"} 0
`},
		{"Counter64 wraps at 2^53, whatever the metric's type", `
- {name: c, oid: 1.3.9.1, type: counter}
- {name: g, oid: 1.3.9.2, type: gauge}`, `
1.3.9.1.0 = c64: 19007199254740992
1.3.9.2.0 = c64: 18446744073709551615`, `
c 9.92800745259008e+14
g 9.007199254740991e+15
`},
		{"scale, then offset; a scale of 0 is none", `
- {name: a, oid: 1.3.9.1, type: gauge, scale: 0.5, offset: 1}
- {name: b, oid: 1.3.9.1.1, type: gauge}
- {name: c, oid: 1.3.9.2, type: gauge, scale: 0, offset: -1}
- {name: d, oid: 1.3.9.3, type: DisplayString, scale: 0.5, offset: 3}`, `
1.3.9.1.0 = int: 10
1.3.9.2.0 = int: 10
1.3.9.3.0 = str: x`, `
a 6
c 9
d{d="x"} 3.5
`},
		{"text types", `
- {name: a, oid: 1.3.9.1, type: DisplayString}
- {name: b, oid: 1.3.9.2, type: OctetString}
- {name: c, oid: 1.3.9.3, type: PhysAddress48}
- {name: d, oid: 1.3.9.4, type: PhysAddress48}
- {name: e, oid: 1.3.9.5, type: InetAddressIPv4}
- {name: f, oid: 1.3.9.6, type: InetAddressIPv6}
- {name: g, oid: 1.3.9.7, type: OctetString}
- {name: h, oid: 1.3.9.8, type: ""}
- {name: i, oid: 1.3.9.9, type: DisplayString}
- {name: j, oid: 1.3.9.10, type: OctetString, display_hint: "1x:"}
- {name: k, oid: 1.3.9.11, type: DisplayString, display_hint: "1x:"}
- {name: l, oid: 1.3.9.12, type: OctetString, display_hint: "bad"}`, `
1.3.9.1.0 = hex: 61ff0062ffff22
1.3.9.2.0 = hex: 00ab
1.3.9.3.0 = hex: 0102abcdef0f11
1.3.9.4.0 = str: 
1.3.9.5.0 = ip: c0a80001
1.3.9.6.0 = hex: 20010db8000000000000000000000001
1.3.9.7.0 = str: 
1.3.9.8.0 = oid: 1.3.6.1.4.1
1.3.9.9.0 = int: -7
1.3.9.10.0 = hex: 0aff
1.3.9.11.0 = str: hi
1.3.9.12.0 = hex: 01`, `
a{a="a` + "\uFFFD\x00b\uFFFD" + `\""} 1
b{b="0x00AB"} 1
c{c="01:02:AB:CD:EF:0F"} 1
d{d="00:00:00:00:00:00"} 1
e{e="192.168.0.1"} 1
f{f="2001:0DB8:0000:0000:0000:0000:0000:0001"} 1
g{g=""} 1
h{h="1.3.6.1.4.1"} 1
i{i="-7"} 1
j{j="0A:FF"} 1
k{k="hi"} 1
l{l="0x01"} 1
`},
		{"enumerations and bits", `
- {name: info, oid: 1.3.9.1, type: EnumAsInfo, enum_values: {1: up, 2: down}, indexes: [{labelname: i, type: gauge}]}
- {name: set, oid: 1.3.9.2, type: EnumAsStateSet, enum_values: {1: up, 2: down}, indexes: [{labelname: i, type: gauge}]}
- {name: bits, oid: 1.3.9.3, type: Bits, enum_values: {0: first, 7: eighth, 9: tenth, 40: beyond}}
- {name: i, oid: 1.3.9.4, type: EnumAsInfo, enum_values: {1: up}, indexes: [{labelname: i, type: gauge}]}`, `
1.3.9.1.1 = int: 2
1.3.9.1.2 = int: 5
1.3.9.2.1 = int: 1
1.3.9.2.2 = int: 5
1.3.9.3.0 = hex: 8140
1.3.9.4.1 = int: 1`, `
bits{bits="beyond"} 0
bits{bits="eighth"} 1
bits{bits="first"} 1
bits{bits="tenth"} 1
info_info{i="1",info="down"} 1
info_info{i="2",info="5"} 1
set{i="1",set="down"} 0
set{i="1",set="up"} 1
set{i="2",set="5"} 1
set{i="2",set="down"} 0
set{i="2",set="up"} 0
`},
		{"dates", `
- {name: utc, oid: 1.3.9.1, type: DateAndTime}
- {name: zone, oid: 1.3.9.2, type: DateAndTime}
- {name: short, oid: 1.3.9.3, type: DateAndTime}
- {name: zero, oid: 1.3.9.4, type: DateAndTime}
- {name: ntp, oid: 1.3.9.5, type: NTPTimeStamp}
- {name: text, oid: 1.3.9.6, type: ParseDateAndTime, datetime_pattern: "%Y-%m-%d %H:%M"}
- {name: bad, oid: 1.3.9.7, type: ParseDateAndTime, datetime_pattern: "%Y-%m-%d"}`, `
1.3.9.1.0 = hex: 07e40a1b0e1e2d05
1.3.9.2.0 = hex: 07e40a1b0e1e2d052b0200
1.3.9.3.0 = hex: 07
1.3.9.4.0 = hex: 0000000000000000
1.3.9.5.0 = hex: dd2d6f00ffffffff
1.3.9.6.0 = str: 2020-10-27 14:30
1.3.9.7.0 = str: yesterday`, `
ntp 1.501753472e+09
text 1.603809e+09
utc 1.603809045e+09
zero -6.2169984e+10
zone 1.603801845e+09
`},
		{"numbers out of text", `
- name: t
  oid: 1.3.9.1
  type: DisplayString
  scale: 10
  indexes: [{labelname: i, type: gauge}]
  regex_extracts:
    Temp: [{regex: 'T=(\d+).*'}, {regex: '.*', value: "5"}]
    Status: [{regex: 'T=.* (ok)', value: "1"}]
    "": [{regex: '(.*)', value: "$1"}]
- {name: g, oid: 1.3.9.2, type: gauge, regex_extracts: {x: [{regex: '(.*)'}]}}`, `
1.3.9.1.1 = str: T=21 ok
1.3.9.1.2 = str: T=22 ok then
1.3.9.1.3 = str: NaN
1.3.9.2.0 = int: 3`, `
g 3
tStatus{i="1"} 10
tTemp{i="1"} 210
tTemp{i="2"} 220
tTemp{i="3"} 50
t{i="3"} NaN
`},
		{"addresses whose type stands in the column before", `
- {name: type, oid: 1.3.9.1.1, type: gauge, indexes: [{labelname: i, type: gauge}]}
- {name: addr, oid: 1.3.9.1.2, type: InetAddress, indexes: [{labelname: i, type: gauge}]}
- {name: port, oid: 1.3.9.2.7, type: LldpPortId, indexes: [{labelname: i, type: gauge}]}`, `
1.3.9.1.1.1 = int: 1
1.3.9.1.1.2 = int: 2
1.3.9.1.1.3 = int: 9
1.3.9.1.2.1 = hex: 0a000001
1.3.9.1.2.2 = hex: 20010db8000000000000000000000001
1.3.9.1.2.3 = hex: 0a
1.3.9.1.2.4 = hex: 0b
1.3.9.2.6.1 = int: 5
1.3.9.2.6.2 = int: 3
1.3.9.2.7.1 = str: ge-0/0/1
1.3.9.2.7.2 = hex: 010203040506`, `
addr{i="1",addr="10.0.0.1"} 1
addr{i="2",addr="2001:0DB8:0000:0000:0000:0000:0000:0001"} 1
addr{i="3",addr="0x0A"} 1
addr{i="4",addr="0x0B"} 1
port{i="1",port="ge-0/0/1"} 1
port{i="2",port="01:02:03:04:05:06"} 1
type{i="1"} 1
type{i="2"} 2
type{i="3"} 9
`},
		{"of two metrics with one OID the last has the series", `
- {name: first, oid: 1.3.9.1, type: gauge}
- {name: last, oid: 1.3.9.1, type: gauge}`, `
1.3.9.1.0 = int: 4`, `
last 4
`},
		{"an instance that arrives twice counts once, the last time", `
- {name: m, oid: 1.3.9.1, type: gauge, indexes: [{labelname: i, type: gauge}]}
- {name: s, oid: 1.3.9.2, type: DisplayString, indexes: [{labelname: i, type: gauge}]}`, `
1.3.9.1.2 = int: 1
1.3.9.1.1 = int: 2
1.3.9.1.2 = int: 3
1.3.9.2.3 = str: a
1.3.9.2.1 = str: b
1.3.9.2.3 = str: c`, `
m{i="1"} 2
m{i="2"} 3
s{i="1",s="b"} 1
s{i="3",s="c"} 1
`},
	} {
		c.run(t)
	}
}
