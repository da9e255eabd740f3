package modules

import (
	"regexp"
	"strings"

	"trapline/mibs"
)

// kindOfType gives the metric type that values of a base type have. Types that are not here make no metric.
var kindOfType = map[mibs.Type]string{
	mibs.Integer: "gauge", mibs.Integer32: "gauge", mibs.Unsigned32: "gauge", mibs.UInteger32: "gauge",
	mibs.Gauge: "gauge", mibs.TimeTicks: "gauge", mibs.Counter: "counter", mibs.Counter64: "counter",
	mibs.OctetString: "OctetString", mibs.ObjectIdentifier: "OctetString", mibs.Bits: "Bits",
	mibs.IPAddress: "InetAddressIPv4", mibs.NetworkAddress: "InetAddressIPv4",
}

// kindOfTC gives the metric type of textual conventions, whatever module defines them. RFC 1213 gives its
// DisplayString and PhysAddress no DISPLAY-HINT.
var kindOfTC = map[string]string{
	"DisplayString": "DisplayString", "PhysAddress": "PhysAddress48", "Float": "Float", "Double": "Double",
	"DateAndTime": "DateAndTime", "ParseDateAndTime": "ParseDateAndTime", "NTPTimeStamp": "NTPTimeStamp",
	"InetAddressIPv4": "InetAddressIPv4", "InetAddressIPv6": "InetAddressIPv6", "InetAddress": "InetAddress",
	"LldpPortId": "LldpPortId",
}

// textHint is a DISPLAY-HINT that takes the whole value as one text.
var textHint = regexp.MustCompile(`^\d+[at]$`)

// kindOf gives the metric type of an object, empty if its values make no metric.
func kindOf(n *mibs.Node) string {
	if kind := kindOfTC[n.TC]; kind != "" {
		return kind
	}
	if textHint.MatchString(n.Hint) {
		return "DisplayString"
	}
	if size := n.FixedSize(); n.Hint == "1x:" && (size == 0 || size == 6) {
		return "PhysAddress48"
	}
	return kindOfType[n.Type]
}

// indexKinds gives, for types that no label can have, the one that their octets have in an index.
var indexKinds = map[string]string{"Bits": "OctetString", "DateAndTime": "OctetString", "NTPTimeStamp": "OctetString"}

// subtypeOf gives, for types whose form another object tells, the TC of that object. In an index, it is
// the one in front of them or the one before that, and one label stands for all.
var subtypeOf = map[string]string{
	"InetAddress": "InetAddressType", "InetAddressMissingSize": "InetAddressType", "LldpPortId": "LldpPortIdSubtype",
}

// polled tells whether an object makes a metric. Agents are known that answer with objects that are not
// accessible, such as indexes.
func polled(n *mibs.Node) bool { return n.Access.Readable() || n.Access == mibs.NotAccessible }

// indexOf gives the index of the rows that a column is in.
func indexOf(n *mibs.Node) []mibs.IndexPart {
	if n.Row == nil {
		return nil
	}
	return n.Row.Index
}

// labelName writes a name in the letters that Prometheus allows in a label. It is a copy, as all texts that
// stay are: those of a tree would keep whole MIB files in memory.
func labelName(name string) string {
	return strings.Clone(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, name))
}

func enumOf(n *mibs.Node) map[int]string {
	if len(n.Labels) == 0 {
		return nil
	}
	enum := make(map[int]string, len(n.Labels))
	for _, l := range n.Labels {
		enum[int(l.Number)] = strings.Clone(l.Name)
	}
	return enum
}
