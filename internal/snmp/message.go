package snmp

import (
	"errors"
	"fmt"
)

// Version is the msgVersion field.
type Version int32

// The protocol versions as encoded on the wire.
const (
	V1  Version = 0
	V2c Version = 1
	V3  Version = 3
)

// PDUType is the tag of a PDU (RFC 3416 section 3).
type PDUType byte

// The PDU types of the three versions. TrapV1 has its own layout: see Trap.
const (
	GetRequest     PDUType = 0xa0
	GetNextRequest PDUType = 0xa1
	Response       PDUType = 0xa2
	SetRequest     PDUType = 0xa3
	TrapV1         PDUType = 0xa4
	GetBulkRequest PDUType = 0xa5
	InformRequest  PDUType = 0xa6
	TrapV2         PDUType = 0xa7
	Report         PDUType = 0xa8
)

// MessageSize returns the size of the message, of any version, at the start of b. Some agents
// append padding.
func MessageSize(b []byte) (int, error) {
	_, rest, err := cutTag(b, tagSequence, "message")
	return len(b) - len(rest), err
}

var pduNames = [...]string{"GetRequest", "GetNextRequest", "Response", "SetRequest", "Trap", "GetBulkRequest", "InformRequest", "SNMPv2-Trap", "Report"}

func (t PDUType) String() string {
	if t >= GetRequest && t <= Report {
		return pduNames[t-GetRequest]
	}
	return fmt.Sprintf("PDU 0x%02x", byte(t))
}

// PeekVersion returns the version of a message without decoding the rest, or -1 if it has none.
func PeekVersion(b []byte) Version {
	content, _, err := cutTag(b, tagSequence, "message")
	if err != nil || len(content) < 3 || content[0] != byte(Integer) || content[1] != 1 {
		return -1
	}
	return Version(content[2])
}

// ErrorStatus is the error-status field (RFC 3416 section 3).
type ErrorStatus int32

// The error statuses that versions 1 and 2c share.
const (
	NoError    ErrorStatus = 0
	TooBig     ErrorStatus = 1
	NoSuchName ErrorStatus = 2
	BadValue   ErrorStatus = 3
	ReadOnly   ErrorStatus = 4
	GenErr     ErrorStatus = 5
	NoAccess   ErrorStatus = 6
)

// Error statuses of version 2 alone.
const (
	AuthorizationError ErrorStatus = 16
	NotWritable        ErrorStatus = 17
)

var errorStatusNames = []string{
	"noError", "tooBig", "noSuchName", "badValue", "readOnly", "genErr", "noAccess", "wrongType", "wrongLength",
	"wrongEncoding", "wrongValue", "noCreation", "inconsistentValue", "resourceUnavailable", "commitFailed",
	"undoFailed", "authorizationError", "notWritable", "inconsistentName",
}

func (s ErrorStatus) String() string {
	if s >= 0 && int(s) < len(errorStatusNames) {
		return errorStatusNames[s]
	}
	return fmt.Sprintf("error-status %d", int32(s))
}

// PDU is any PDU but TrapV1's (RFC 3416 section 3). In a GetBulkRequest ErrorStatus is
// non-repeaters and ErrorIndex is max-repetitions. VarBinds is the content of the variable-bindings
// list, a sequence of encoded bindings: see CutVarBind and AppendVarBind.
type PDU struct {
	Type        PDUType
	RequestID   int32
	ErrorStatus ErrorStatus
	ErrorIndex  int32
	VarBinds    []byte
}

func parsePDU(b []byte) (p PDU, err error) {
	tag, b, _, err := cutTLV(b)
	if err != nil {
		return p, &syntaxError{field: "PDU", cause: err}
	}
	p.Type = PDUType(tag)
	switch {
	case p.Type < GetRequest || p.Type > Report:
		return p, &syntaxError{field: "PDU", cause: errPDUType}
	case p.Type == TrapV1:
		return p, &syntaxError{field: "PDU", cause: ErrTrap}
	}
	if p.RequestID, b, err = cutInt32(b, "request-id"); err != nil {
		return p, err
	}
	status, b, err := cutInt32(b, "error-status")
	if err != nil {
		return p, err
	}
	p.ErrorStatus = ErrorStatus(status)
	if p.ErrorIndex, b, err = cutInt32(b, "error-index"); err != nil {
		return p, err
	}
	p.VarBinds, _, err = cutTag(b, tagSequence, "variable bindings")
	return p, err
}

var errPDUType = errors.New("of no type that belongs here")

// contentSize returns the encoded size of the PDU without its own tag and length.
func (p *PDU) contentSize() int {
	return intSize(int64(p.RequestID)) + intSize(int64(p.ErrorStatus)) + intSize(int64(p.ErrorIndex)) +
		elementSize(len(p.VarBinds))
}

func appendPDU(b []byte, p *PDU) []byte {
	b = appendHeader(b, byte(p.Type), p.contentSize())
	b = appendInteger(b, int64(p.RequestID))
	b = appendInteger(b, int64(p.ErrorStatus))
	b = appendInteger(b, int64(p.ErrorIndex))
	return append(appendHeader(b, tagSequence, len(p.VarBinds)), p.VarBinds...)
}

// Message is a community message (versions 1 and 2c).
type Message struct {
	Version     Version
	Community   []byte
	PDU         PDUType
	RequestID   int32
	ErrorStatus ErrorStatus
	ErrorIndex  int32
	VarBinds    []byte
}

// ParseMessage decodes a community message. The slices of the result alias b.
func ParseMessage(b []byte) (m Message, err error) {
	if m.Version, m.Community, b, err = cutCommunity(b); err != nil {
		return m, err
	}
	p, err := parsePDU(b)
	m.PDU, m.RequestID, m.ErrorStatus, m.ErrorIndex, m.VarBinds = p.Type, p.RequestID, p.ErrorStatus, p.ErrorIndex, p.VarBinds
	return m, err
}

// cutCommunity splits a community message into its version, community and PDU.
func cutCommunity(b []byte) (v Version, community, pdu []byte, err error) {
	b, _, err = cutTag(b, tagSequence, "message")
	if err != nil {
		return v, nil, nil, err
	}
	version, b, err := cutInt32(b, "version")
	if err != nil {
		return v, nil, nil, err
	}
	if v = Version(version); v != V1 && v != V2c {
		return v, nil, nil, fmt.Errorf("version %d is not 0 (SNMPv1) or 1 (SNMPv2c)", version)
	}
	community, pdu, err = cutTag(b, byte(OctetString), "community")
	return v, community, pdu, err
}

// AppendMessage appends the encoding of m. It computes all sizes first, so no octet is moved.
func AppendMessage(b []byte, m *Message) []byte {
	p := PDU{m.PDU, m.RequestID, m.ErrorStatus, m.ErrorIndex, m.VarBinds}
	n := intSize(int64(m.Version)) + elementSize(len(m.Community)) + elementSize(p.contentSize())
	b = appendHeader(b, tagSequence, n)
	b = appendInteger(b, int64(m.Version))
	b = appendOctets(b, m.Community)
	return appendPDU(b, &p)
}

// CutVarBind decodes the first binding of the content of a list; v aliases b. If the binding's
// frame is valid but its name is not, CutVarBind returns an error and the rest of the list, so that
// the caller can skip the binding; if the frame is invalid, rest is nil.
func CutVarBind(b []byte) (v VarBind, rest []byte, err error) {
	rest, err = NextVarBind(b, &v)
	return v, rest, err
}

// NextVarBind is CutVarBind into v. A loop that reuses v takes half the time, because a VarBind is
// too large to be returned in registers. After an error v is undefined.
func NextVarBind(b []byte, v *VarBind) (rest []byte, err error) {
	rest, err = NextUnchecked(b, v)
	if err == nil && !v.Name.Valid() {
		return rest, fmt.Errorf("name: %w % x", errOID, v.Name)
	}
	return rest, err
}

// NextUnchecked is NextVarBind without the check of the name, for callers that call OID.Valid or
// OID.After.
func NextUnchecked(b []byte, v *VarBind) (rest []byte, err error) {
	if len(b) < 4 || b[0] != tagSequence || b[2] != byte(ObjectIdentifier) || b[1] >= 0x80 || b[3] >= 0x80 {
		return nextVarBind(b, v)
	}
	end, value := 2+int(b[1]), 4+int(b[3])
	if end > len(b) || value+2 > end || b[value+1] >= 0x80 || value+2+int(b[value+1]) > end {
		return nextVarBind(b, v)
	}
	v.Name, v.Type, v.Value = b[4:value], Type(b[value]), b[value+2:value+2+int(b[value+1])]
	return b[end:], nil
}

// nextVarBind is the slow path of NextUnchecked: elements of 128 octets and more, and invalid ones.
func nextVarBind(b []byte, v *VarBind) (rest []byte, err error) {
	pair, rest, err := cutTag(b, tagSequence, "variable binding")
	if err != nil {
		return nil, err
	}
	name, value, err := cutTag(pair, byte(ObjectIdentifier), "name")
	if err != nil {
		return rest, err
	}
	tag, n, content, err := cutHeader(value)
	if n == len(content)+1 && Type(tag) == OctetString {
		n = len(content) // some MikroTik agents encode a length that is one too large
	}
	if err == nil && n > len(content) {
		err = ErrTruncated
	}
	if err != nil {
		return rest, fmt.Errorf("value of %s: %w", OID(name), err)
	}
	v.Name, v.Type, v.Value = name, Type(tag), content[:n]
	return rest, nil
}

// CountVarBinds returns the number of bindings in the content of a list; ok is false if their
// frames do not fill the list exactly. It does not check the content of the frames.
func CountVarBinds(list []byte) (n int, ok bool) {
	for ; len(list) > 0; n++ {
		tag, _, rest, short := cutShort(list)
		if !short {
			var err error
			if tag, _, rest, err = cutTLV(list); err != nil {
				return n, false
			}
		}
		if tag != tagSequence {
			return n, false
		}
		list = rest
	}
	return n, true
}

// VarBindSize returns the encoded size of v.
func VarBindSize(v VarBind) int {
	return elementSize(elementSize(len(v.Name)) + elementSize(len(v.Value)))
}

// AppendVarBind appends the encoding of v.
func AppendVarBind(b []byte, v VarBind) []byte {
	b = appendHeader(b, tagSequence, elementSize(len(v.Name))+elementSize(len(v.Value)))
	b = append(appendHeader(b, byte(ObjectIdentifier), len(v.Name)), v.Name...)
	return append(appendHeader(b, byte(v.Type), len(v.Value)), v.Value...)
}
