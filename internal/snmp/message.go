package snmp

import "fmt"

// Version is the msgVersion field.
type Version int32

// The three versions as they stand on the wire.
const (
	V1  Version = 0
	V2c Version = 1
	V3  Version = 3
)

// PDUType is the tag of a PDU (RFC 3416 section 3).
type PDUType byte

// The PDUs of the three versions. TrapV1 has a layout of its own.
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

// ErrorStatus is the error-status field (RFC 3416 section 3).
type ErrorStatus int32

// The values that versions 1 and 2c of the protocol share names for.
const (
	NoError    ErrorStatus = 0
	TooBig     ErrorStatus = 1
	NoSuchName ErrorStatus = 2
	BadValue   ErrorStatus = 3
	ReadOnly   ErrorStatus = 4
	GenErr     ErrorStatus = 5
	NoAccess   ErrorStatus = 6
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

// Message is a community message (versions 1 and 2c) with any PDU but TrapV1. In a GetBulkRequest
// ErrorStatus holds non-repeaters and ErrorIndex max-repetitions. VarBinds is the content of the
// list, one encoded binding after the other: see CutVarBind and AppendVarBind.
type Message struct {
	Version     Version
	Community   []byte
	PDU         PDUType
	RequestID   int32
	ErrorStatus ErrorStatus
	ErrorIndex  int32
	VarBinds    []byte
}

// ParseMessage reads a community message. The slices of the result are slices of b.
func ParseMessage(b []byte) (m Message, err error) {
	b, _, err = cutTag(b, tagSequence, "message")
	if err != nil {
		return m, err
	}
	version, b, err := cutInt32(b, "version")
	if err != nil {
		return m, err
	}
	m.Version = Version(version)
	if m.Version != V1 && m.Version != V2c {
		return m, fmt.Errorf("version %d is not 0 (SNMPv1) or 1 (SNMPv2c)", version)
	}
	if m.Community, b, err = cutTag(b, byte(OctetString), "community"); err != nil {
		return m, err
	}
	return m, m.parsePDU(b)
}

func (m *Message) parsePDU(b []byte) error {
	tag, b, _, err := cutTLV(b)
	if err != nil {
		return fmt.Errorf("PDU: %w", err)
	}
	m.PDU = PDUType(tag)
	if m.PDU < GetRequest || m.PDU > Report || m.PDU == TrapV1 {
		return fmt.Errorf("PDU: tag 0x%02x", tag)
	}
	if m.RequestID, b, err = cutInt32(b, "request-id"); err != nil {
		return err
	}
	status, b, err := cutInt32(b, "error-status")
	if err != nil {
		return err
	}
	m.ErrorStatus = ErrorStatus(status)
	if m.ErrorIndex, b, err = cutInt32(b, "error-index"); err != nil {
		return err
	}
	m.VarBinds, _, err = cutTag(b, tagSequence, "variable bindings")
	return err
}

// CutVarBind takes one binding off the content of a list; v is made of slices of b. A binding whose
// frame is sound but whose name is not gives an error and the rest behind it, so that the caller may
// skip it; without a sound frame rest is nil.
func CutVarBind(b []byte) (v VarBind, rest []byte, err error) {
	pair, rest, err := cutTag(b, tagSequence, "variable binding")
	if err != nil {
		return v, nil, err
	}
	name, value, err := cutTag(pair, byte(ObjectIdentifier), "name")
	if err != nil {
		return v, rest, err
	}
	v.Name = name
	if !v.Name.Valid() {
		return v, rest, fmt.Errorf("name: malformed OID % x", name)
	}
	tag, content, _, err := cutTLV(value)
	if err != nil {
		return v, rest, fmt.Errorf("value of %s: %w", v.Name, err)
	}
	v.Type, v.Value = Type(tag), content
	return v, rest, nil
}

// VarBindSize is the number of octets AppendVarBind will write.
func VarBindSize(v VarBind) int {
	n := headerSize(len(v.Name)) + len(v.Name) + headerSize(len(v.Value)) + len(v.Value)
	return headerSize(n) + n
}

// AppendVarBind writes one binding.
func AppendVarBind(b []byte, v VarBind) []byte {
	n := headerSize(len(v.Name)) + len(v.Name) + headerSize(len(v.Value)) + len(v.Value)
	b = appendHeader(b, tagSequence, n)
	b = append(appendHeader(b, byte(ObjectIdentifier), len(v.Name)), v.Name...)
	return append(appendHeader(b, byte(v.Type), len(v.Value)), v.Value...)
}

// AppendMessage writes m. Its size is known before the first octet is written, so no octet moves.
func AppendMessage(b []byte, m *Message) []byte {
	list := headerSize(len(m.VarBinds)) + len(m.VarBinds)
	pdu := intSize(int64(m.RequestID)) + intSize(int64(m.ErrorStatus)) + intSize(int64(m.ErrorIndex)) + list
	community := headerSize(len(m.Community)) + len(m.Community)
	b = appendHeader(b, tagSequence, intSize(int64(m.Version))+community+headerSize(pdu)+pdu)
	b = appendInteger(b, int64(m.Version))
	b = append(appendHeader(b, byte(OctetString), len(m.Community)), m.Community...)
	b = appendHeader(b, byte(m.PDU), pdu)
	b = appendInteger(b, int64(m.RequestID))
	b = appendInteger(b, int64(m.ErrorStatus))
	b = appendInteger(b, int64(m.ErrorIndex))
	return append(appendHeader(b, tagSequence, len(m.VarBinds)), m.VarBinds...)
}

func intSize(v int64) int {
	n := 1
	for v > 127 || v < -128 {
		v >>= 8
		n++
	}
	return 2 + n
}

func appendInteger(b []byte, v int64) []byte {
	return AppendInt(append(b, byte(Integer), byte(intSize(v)-2)), v)
}
