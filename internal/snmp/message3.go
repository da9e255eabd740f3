package snmp

import "errors"

// Flags is the msgFlags field (RFC 3412 section 6.4).
type Flags byte

// The bits of Flags. FlagPriv requires FlagAuth.
const (
	FlagAuth       Flags = 1 << iota // the message carries a digest
	FlagPriv                         // the scoped PDU is encrypted
	FlagReportable                   // a receiver that cannot process the message sends a Report
)

// Level returns the security level without the other flags.
func (f Flags) Level() Flags { return f & (FlagAuth | FlagPriv) }

// Header3 is the plaintext header of an SNMPv3 message: RFC 3412 section 6 and, from EngineID on,
// RFC 3414 section 2.4. All numbers range from 0 to 2147483647. The engine is the authoritative
// one: the agent's, but the sender's in a trap.
type Header3 struct {
	ID       int32 // msgID; a response repeats its request's
	MaxSize  int32 // msgMaxSize: the largest message the sender accepts, in octets
	Flags    Flags
	EngineID []byte // empty in a discovery
	Boots    int32  // snmpEngineBoots
	Time     int32  // snmpEngineTime in seconds
	UserName []byte
}

// Message3 is an encoded SNMPv3 message of the User-based Security Model. It is decoded and encoded
// without keys; its content is not authenticated until Security.Open has verified it.
type Message3 struct {
	Header3
	AuthParams []byte // the digest, or empty
	PrivParams []byte // the salt, or empty
	Data       []byte // an encoded ScopedPDU, encrypted if FlagPriv is set
}

// ScopedPDU is a PDU and its context (RFC 3412 section 6.8).
type ScopedPDU struct {
	ContextEngineID []byte
	ContextName     []byte
	PDU
}

const usmModel = 3

var (
	errVersion3 = errors.New("not 3 (SNMPv3)")
	errModel    = errors.New("not 3 (the User-based Security Model)")
	errFlags    = errors.New("not one octet with encryption in authenticated messages only")
)

// ParseMessage3 decodes a message of version 3. The slices of the result alias b.
func ParseMessage3(b []byte) (m Message3, err error) {
	_, err = m.parse(b)
	return m, err
}

// parse decodes b and returns the message's octets without trailing padding.
func (m *Message3) parse(b []byte) (whole []byte, err error) {
	content, rest, err := cutTag(b, tagSequence, "message")
	if err != nil {
		return nil, err
	}
	whole = b[:len(b)-len(rest)]
	version, b, err := cutInt32(content, "version")
	if err != nil {
		return nil, err
	}
	if Version(version) != V3 {
		return nil, &syntaxError{field: "version", cause: errVersion3}
	}
	header, b, err := cutTag(b, tagSequence, "message header")
	if err != nil {
		return nil, err
	}
	if err = m.parseHeader(header); err != nil {
		return nil, err
	}
	security, b, err := cutTag(b, byte(OctetString), "security parameters")
	if err != nil {
		return nil, err
	}
	if err = m.parseSecurity(security); err != nil {
		return nil, err
	}
	return whole, m.parseData(b)
}

func (m *Message3) parseHeader(b []byte) (err error) {
	if m.ID, b, err = cutNatural(b, "msgID"); err != nil {
		return err
	}
	if m.MaxSize, b, err = cutNatural(b, "msgMaxSize"); err != nil {
		return err
	}
	flags, b, err := cutTag(b, byte(OctetString), "msgFlags")
	if err != nil {
		return err
	}
	if len(flags) != 1 || Flags(flags[0]).Level() == FlagPriv {
		return &syntaxError{field: "msgFlags", cause: errFlags}
	}
	m.Flags = Flags(flags[0])
	model, _, err := cutInt32(b, "msgSecurityModel")
	if err == nil && model != usmModel {
		err = &syntaxError{field: "msgSecurityModel", cause: errModel}
	}
	return err
}

func (m *Message3) parseSecurity(b []byte) (err error) {
	if b, _, err = cutTag(b, tagSequence, "security parameters"); err != nil {
		return err
	}
	if m.EngineID, b, err = cutTag(b, byte(OctetString), "msgAuthoritativeEngineID"); err != nil {
		return err
	}
	if m.Boots, b, err = cutNatural(b, "msgAuthoritativeEngineBoots"); err != nil {
		return err
	}
	if m.Time, b, err = cutNatural(b, "msgAuthoritativeEngineTime"); err != nil {
		return err
	}
	if m.UserName, b, err = cutTag(b, byte(OctetString), "msgUserName"); err != nil {
		return err
	}
	if m.AuthParams, b, err = cutTag(b, byte(OctetString), "msgAuthenticationParameters"); err != nil {
		return err
	}
	m.PrivParams, _, err = cutTag(b, byte(OctetString), "msgPrivacyParameters")
	return err
}

func (m *Message3) parseData(b []byte) (err error) {
	if m.Flags&FlagPriv != 0 {
		m.Data, _, err = cutTag(b, byte(OctetString), "encrypted scoped PDU")
		return err
	}
	_, rest, err := cutTag(b, tagSequence, "scoped PDU")
	m.Data = b[:len(b)-len(rest)]
	return err
}

// AppendMessage3 appends the encoding of m without encrypting or signing it.
func AppendMessage3(b []byte, m *Message3) []byte {
	return append(appendFront(b, m, len(m.Data)), m.Data...)
}

// appendFront appends everything of m before its data, whose size is n.
func appendFront(b []byte, m *Message3, n int) []byte {
	header := intSize(int64(m.ID)) + intSize(int64(m.MaxSize)) + elementSize(1) + intSize(usmModel)
	security := elementSize(len(m.EngineID)) + intSize(int64(m.Boots)) + intSize(int64(m.Time)) +
		elementSize(len(m.UserName)) + elementSize(len(m.AuthParams)) + elementSize(len(m.PrivParams))
	private := m.Flags&FlagPriv != 0
	size := intSize(int64(V3)) + elementSize(header) + elementSize(elementSize(security)) + n
	if private {
		size += headerSize(n)
	}
	b = appendHeader(b, tagSequence, size)
	b = appendInteger(b, int64(V3))
	b = appendHeader(b, tagSequence, header)
	b = appendInteger(b, int64(m.ID))
	b = appendInteger(b, int64(m.MaxSize))
	b = append(b, byte(OctetString), 1, byte(m.Flags))
	b = appendInteger(b, usmModel)
	b = appendHeader(b, byte(OctetString), elementSize(security))
	b = appendHeader(b, tagSequence, security)
	b = appendOctets(b, m.EngineID)
	b = appendInteger(b, int64(m.Boots))
	b = appendInteger(b, int64(m.Time))
	b = appendOctets(b, m.UserName)
	b = appendOctets(b, m.AuthParams)
	b = appendOctets(b, m.PrivParams)
	if private {
		b = appendHeader(b, byte(OctetString), n)
	}
	return b
}

// ParseScopedPDU decodes the plaintext or decrypted data of a message, ignoring the padding after
// the PDU. The slices of the result alias b.
func ParseScopedPDU(b []byte) (s ScopedPDU, err error) {
	if b, _, err = cutTag(b, tagSequence, "scoped PDU"); err != nil {
		return s, err
	}
	if s.ContextEngineID, b, err = cutTag(b, byte(OctetString), "contextEngineID"); err != nil {
		return s, err
	}
	if s.ContextName, b, err = cutTag(b, byte(OctetString), "contextName"); err != nil {
		return s, err
	}
	s.PDU, err = parsePDU(b)
	return s, err
}

// AppendScopedPDU appends the encoding of s.
func AppendScopedPDU(b []byte, s *ScopedPDU) []byte {
	n := elementSize(len(s.ContextEngineID)) + elementSize(len(s.ContextName)) + elementSize(s.contentSize())
	b = appendHeader(b, tagSequence, n)
	b = appendOctets(b, s.ContextEngineID)
	b = appendOctets(b, s.ContextName)
	return appendPDU(b, &s.PDU)
}
