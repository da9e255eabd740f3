package collector

import (
	"fmt"
	"slices"
	"strings"

	"trapline/internal/series"
	"trapline/internal/setting"
	"trapline/mibs/smi"
)

// metricType is a type of the file. All that is known of a type is in its line of types: from there come the
// checks, their messages, the samples, the labels, and the types of the objects of MIBs.
type metricType struct {
	name    string
	in      place
	samples sampler
	format  *format

	base        []smi.Type // base types of the SMI whose objects have this type
	conventions []string   // textual conventions whose objects have this type, whatever module defines them
	words       []string   // names that MIBs and other programs use, in lower case
	old         string     // name in versions of snmp_exporter before 0.23
	asIndex     string     // type of the octets in an index, where an index cannot have this one
	subtype     string     // textual convention of the object in front, which selects the format
	pattern     bool       // datetime_pattern must be set
}

// place is a set of the settings in which a type may be written.
type place byte

const (
	inMetric place = 1 << iota
	inIndex
	inLookup
	inAll = inMetric | inIndex | inLookup
)

// types is the table of all types.
var types = []metricType{
	{name: "", in: inMetric | inLookup, samples: text, format: hexString},
	{name: "DisplayString", in: inAll, samples: text, format: characters, conventions: []string{"DisplayString"}, words: []string{"string", "snmpadminstring"}},
	{name: "OctetString", in: inAll, samples: text, format: hexString, base: []smi.Type{smi.OctetString, smi.ObjectIdentifier}, words: []string{"octet string", "octets", "hex"}},
	{name: "PhysAddress48", in: inAll, samples: text, format: macAddress, conventions: []string{"PhysAddress"}, words: []string{"macaddress", "physaddress", "mac"}},
	{name: "InetAddressIPv4", in: inAll, samples: text, format: ipv4Address, base: []smi.Type{smi.IPAddress, smi.NetworkAddress}, conventions: []string{"InetAddressIPv4"}, words: []string{"ipaddress", "ipv4"}, old: "IpAddr"},
	{name: "InetAddressIPv6", in: inAll, samples: text, format: ipv6Address, conventions: []string{"InetAddressIPv6"}, words: []string{"ipv6", "ipv6address"}},
	{name: "gauge", in: inAll, samples: number, format: oneNumber, base: []smi.Type{smi.Integer, smi.Integer32, smi.Unsigned32, smi.UInteger32, smi.Gauge, smi.TimeTicks}, words: []string{"integer", "integer32", "int", "unsigned32", "gauge32", "timeticks", "number"}},
	{name: "counter", in: inAll, samples: sampler{convert: numberSample, metricType: series.Counter}, format: oneNumber, base: []smi.Type{smi.Counter, smi.Counter64}, words: []string{"counter32", "counter64"}},
	{name: "Integer32", in: inIndex | inLookup, format: oneNumber},
	{name: "Integer", in: inIndex | inLookup, format: oneNumber},
	{name: "ObjectIdentifier", in: inIndex, format: manyNumbers},
	{name: "Float", in: inMetric | inLookup, samples: number, format: oneNumber, conventions: []string{"Float"}, words: []string{"opaquefloat"}},
	{name: "Double", in: inMetric | inLookup, samples: number, format: oneNumber, conventions: []string{"Double"}, words: []string{"opaquedouble"}},
	{name: "DateAndTime", in: inMetric, samples: sampler{convert: dateAndTime, derived: true}, format: oneNumber, conventions: []string{"DateAndTime"}, words: []string{"datetime"}, asIndex: "OctetString"},
	{name: "ParseDateAndTime", in: inMetric, samples: sampler{convert: parsedDateAndTime, derived: true}, format: oneNumber, conventions: []string{"ParseDateAndTime"}, pattern: true},
	{name: "NTPTimeStamp", in: inMetric, samples: sampler{convert: ntpTimeStamp, derived: true}, format: oneNumber, conventions: []string{"NTPTimeStamp"}, asIndex: "OctetString"},
	{name: "EnumAsInfo", in: inAll, samples: sampler{convert: enumInfo, labels: valueAsLabel, nameSuffix: "_info", helpSuffix: " (EnumAsInfo)", skipIfLabeled: true}, format: enumLabel, words: []string{"info"}},
	{name: "EnumAsStateSet", in: inMetric, samples: sampler{convert: enumStates, labels: oneForEachState, helpSuffix: " (EnumAsStateSet)"}, format: oneNumber, words: []string{"enum", "stateset"}},
	{name: "Bits", in: inMetric | inLookup, samples: sampler{convert: bitStates, labels: oneForEachState, helpSuffix: " (Bits)"}, format: bitString, base: []smi.Type{smi.Bits}, asIndex: "OctetString"},
	{name: "InetAddress", in: inAll, samples: text, format: inetAddress, conventions: []string{"InetAddress"}, subtype: "InetAddressType"},
	{name: "InetAddressMissingSize", in: inAll, samples: text, format: inetAddressMissingSize, subtype: "InetAddressType"},
	{name: "LldpPortId", in: inAll, samples: text, format: lldpPortID, conventions: []string{"LldpPortId"}, subtype: "LldpPortIdSubtype"},
}

// typeNamed returns the type of a name, or the zero metricType with the format of one number.
func typeNamed(name string) metricType {
	for i := range types {
		if types[i].name == name {
			return types[i]
		}
	}
	return metricType{format: oneNumber}
}

// TypeOfBase returns the type of the objects of a base type, or "" if their values make no metric.
func TypeOfBase(base smi.Type) string {
	return nameWhere(func(t *metricType) bool { return slices.Contains(t.base, base) })
}

// TypeOfConvention returns the type of the objects of a textual convention, or "" if that decides nothing.
func TypeOfConvention(convention string) string {
	return nameWhere(func(t *metricType) bool { return slices.Contains(t.conventions, convention) })
}

// TypeInIndex returns the type that stands for the named one in an index.
func TypeInIndex(name string) string {
	if other := typeNamed(name).asIndex; other != "" {
		return other
	}
	return name
}

// SubtypeConvention returns the textual convention of the object in front that selects the format of a type, or ""
// if the type has one format.
func SubtypeConvention(name string) string { return typeNamed(name).subtype }

// TypeName returns the present name of a type, given that or an old one.
func TypeName(name string) string {
	if current := nameWhere(func(t *metricType) bool { return t.old != "" && t.old == name }); current != "" {
		return current
	}
	return name
}

func nameWhere(accept func(*metricType) bool) string {
	for i := range types {
		if accept(&types[i]) {
			return types[i].name
		}
	}
	return ""
}

// TypeProblem describes the error if no metric can have the type of that name. It returns "" if one can.
func TypeProblem(name string) string { return typeProblem(name, inMetric) }

// IndexTypeProblem describes the error if no index can have the type of that name. It returns "" if one can.
func IndexTypeProblem(name string) string { return typeProblem(name, inIndex) }

func typeProblem(name string, in place) string {
	var known []string
	suggested, word := "", strings.ToLower(name)
	for i := range types {
		t := &types[i]
		switch {
		case t.in&in == 0:
			continue
		case t.name == TypeName(name):
			return ""
		case t.name != "":
			known = append(known, t.name)
		}
		if suggested == "" && slices.Contains(t.words, word) {
			suggested = t.name
		}
	}
	if suggested == "" {
		suggested = setting.Nearest(name, known)
	}
	if suggested != "" {
		return fmt.Sprintf("unknown type %q: write %s", name, suggested)
	}
	return fmt.Sprintf("unknown type %q: use one of %s", name, strings.Join(known, ", "))
}
