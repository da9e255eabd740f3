package cli

import (
	"fmt"

	"trapline/internal/client"
	"trapline/internal/netsnmp"
	"trapline/internal/snmp"
)

// communityName is the column of SNMP-COMMUNITY-MIB whose values are a device's communities.
var communityName = snmp.MustParseOID("1.3.6.1.6.3.18.1.1.1.2")

// appendPacket writes a message for people: its peer, its header, and a line for each variable binding.
func appendPacket(b []byte, p *client.Packet) []byte {
	direction := "to"
	if p.Received {
		direction = "from"
	}
	b = fmt.Appendf(b, "%s %s, %d octets: ", direction, p.Peer, p.Size)
	if p.Err != nil {
		return fmt.Appendf(b, "no answer: %v\n", p.Err)
	}
	if p.Version == snmp.V3 {
		b = appendHeader3(b, p)
	}
	b = fmt.Appendf(b, "%s, request-id %d, ", p.PDU.Type, p.PDU.RequestID)
	switch {
	case p.PDU.Type == snmp.GetBulkRequest:
		b = fmt.Appendf(b, "non-repeaters %d, max-repetitions %d\n", p.PDU.ErrorStatus, p.PDU.ErrorIndex)
	case p.PDU.Type != snmp.Response:
		b = append(b[:len(b)-2], '\n')
	default:
		b = fmt.Appendf(b, "%s, error-index %d\n", p.PDU.ErrorStatus, p.PDU.ErrorIndex)
	}
	return appendBindings(b, p)
}

func appendHeader3(b []byte, p *client.Packet) []byte {
	h := &p.Header
	b = fmt.Appendf(b, "SNMPv3 msgID %d, engine %x, boots %d, time %d, user %q, ", h.ID, h.EngineID, h.Boots, h.Time, h.UserName)
	if len(p.PDU.ContextName) > 0 {
		b = fmt.Appendf(b, "context %q, ", p.PDU.ContextName)
	}
	return b
}

func appendBindings(b []byte, p *client.Packet) []byte {
	for list := p.PDU.VarBinds; len(list) > 0; {
		v, rest, err := snmp.CutVarBind(list)
		switch {
		case err != nil:
			b = fmt.Appendf(b, "    %v\n", err)
		case v.Name.HasPrefix(communityName) && v.Type == snmp.OctetString:
			b = fmt.Appendf(b, "    .%s = <secret>\n", v.Name)
		case !p.Received:
			b = fmt.Appendf(b, "    .%s\n", v.Name)
		default:
			b = fmt.Appendf(b, "    %s\n", netsnmp.NumericLine(v))
		}
		list = rest
	}
	return b
}
