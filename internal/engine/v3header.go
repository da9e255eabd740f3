package engine

import (
	"errors"
	"fmt"

	"trapline/internal/snmp"
)

// v3Message is what an SNMPv3 message shows without any key (RFC 3412 section 6). Its slices are
// those of the message.
type v3Message struct {
	id       int32
	flags    byte
	engineID []byte
	pdu      snmp.PDUType // 0 in an encrypted message
	first    snmp.OID     // the name of the first binding; nil when there is none, or it is encrypted
}

// The bits of msgFlags.
const (
	flagAuth = 1 << iota
	flagPriv
)

const tagSequence = 0x30

var errCutOff = errors.New("message is cut off")

// cut takes one element with the wanted tag off b. A tag of 0 wants any.
func cut(b []byte, want byte) (tag byte, content, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, errCutOff
	}
	tag, n := b[0], int(b[1])
	b = b[2:]
	if n >= 0x80 {
		octets := n & 0x7f
		if octets == 0 || octets > 3 || octets > len(b) {
			return 0, nil, nil, fmt.Errorf("length of %d octets", octets)
		}
		n = 0
		for _, c := range b[:octets] {
			n = n<<8 | int(c)
		}
		b = b[octets:]
	}
	switch {
	case n > len(b):
		return 0, nil, nil, errCutOff
	case want != 0 && tag != want:
		return 0, nil, nil, fmt.Errorf("tag 0x%02x where 0x%02x belongs", tag, want)
	}
	return tag, b[:n], b[n:], nil
}

// elements cuts one element for each of tags off b.
func elements(b []byte, tags ...byte) (contents [6][]byte, rest []byte, err error) {
	for i, tag := range tags {
		if _, contents[i], b, err = cut(b, tag); err != nil {
			return contents, nil, err
		}
	}
	return contents, b, nil
}

const (
	integer = byte(snmp.Integer)
	octets  = byte(snmp.OctetString)
)

// parseV3 reads what can be read of b, and checks no more than that.
func parseV3(b []byte) (m v3Message, err error) {
	message, _, err := elements(b, tagSequence)
	if err != nil {
		return m, fmt.Errorf("message: %w", err)
	}
	parts, data, err := elements(message[0], integer, tagSequence, octets)
	if err != nil {
		return m, fmt.Errorf("message: %w", err)
	}
	if version := parts[0]; len(version) != 1 || version[0] != byte(snmp.V3) {
		return m, fmt.Errorf("version % x is not 3", version)
	}
	header, _, err := elements(parts[1], integer, integer, octets, integer)
	if err != nil {
		return m, fmt.Errorf("message header: %w", err)
	}
	if len(header[2]) != 1 {
		return m, fmt.Errorf("msgFlags of %d octets", len(header[2]))
	}
	id, err := snmp.VarBind{Type: snmp.Integer, Value: header[0]}.Int()
	if err != nil {
		return m, fmt.Errorf("msgID: %w", err)
	}
	m.id, m.flags = int32(id), header[2][0]
	security, _, err := elements(parts[2], tagSequence)
	if err != nil {
		return m, fmt.Errorf("security parameters: %w", err)
	}
	usm, _, err := elements(security[0], octets, integer, integer, octets, octets, octets)
	if err != nil {
		return m, fmt.Errorf("security parameters: %w", err)
	}
	m.engineID = usm[0]
	if m.flags&flagPriv != 0 {
		return m, nil
	}
	return m, m.parseScoped(data)
}

func (m *v3Message) parseScoped(b []byte) error {
	scoped, _, err := elements(b, tagSequence)
	if err != nil {
		return fmt.Errorf("scoped PDU: %w", err)
	}
	_, pdu, err := elements(scoped[0], octets, octets)
	if err != nil {
		return fmt.Errorf("context: %w", err)
	}
	tag, body, _, err := cut(pdu, 0)
	if err != nil {
		return fmt.Errorf("PDU: %w", err)
	}
	if m.pdu = snmp.PDUType(tag); m.pdu < snmp.GetRequest || m.pdu > snmp.Report {
		return fmt.Errorf("PDU: tag 0x%02x", tag)
	}
	fields, _, err := elements(body, integer, integer, integer, tagSequence)
	if err != nil {
		return fmt.Errorf("PDU: %w", err)
	}
	if v, _, err := snmp.CutVarBind(fields[3]); err == nil {
		m.first = v.Name
	}
	return nil
}
