package snmp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// netSNMP is the enterprise number of Net-SNMP's agents.
const netSNMP = 8072

// The formats of the octets after the enterprise number in an SnmpEngineID (RFC 3411 section 5).
// Formats from firstOwnFormat on are enterprise-specific.
const (
	formatIPv4     = 1
	formatIPv6     = 2
	formatMAC      = 3
	formatText     = 4
	formatOctets   = 5
	firstOwnFormat = 128
)

// DescribeEngineID returns the parts of an SnmpEngineID as text (RFC 3411 section 5).
func DescribeEngineID(id []byte) string {
	if err := CheckEngineID(id); err != nil {
		return err.Error()
	}
	head := binary.BigEndian.Uint32(id)
	enterprise := fmt.Sprintf("enterprise %d", head&^(1<<31))
	if head&^(1<<31) == netSNMP {
		enterprise += " (Net-SNMP)"
	}
	if head>>31 == 0 { // the format of RFC 1910
		return fmt.Sprintf("%s, octets %x", enterprise, id[4:])
	}
	return enterprise + ", " + describeFormat(head&^(1<<31), id[4], id[5:])
}

func describeFormat(enterprise uint32, format byte, b []byte) string {
	switch {
	case format == formatIPv4 && len(b) == 4, format == formatIPv6 && len(b) == 16:
		a, _ := netip.AddrFromSlice(b)
		return "address " + a.String()
	case format == formatMAC && len(b) == 6:
		return "MAC address " + strings.ReplaceAll(fmt.Sprintf("% x", b), " ", ":")
	case format == formatText:
		return fmt.Sprintf("text %q", b)
	case format == formatOctets:
		return fmt.Sprintf("octets %x", b)
	case format == firstOwnFormat && enterprise == netSNMP:
		return fmt.Sprintf("drawn at random %x", b)
	}
	return fmt.Sprintf("format %d, octets %x", format, b)
}
