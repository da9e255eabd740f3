package snmp

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
)

// Security seals and opens the messages between one user and one engine. It holds scratch memory
// and is not safe for concurrent use; several Security values may exist for the same user and
// engine.
type Security struct {
	engineID []byte
	userName []byte
	level    Flags
	mac      *mac    // nil without authentication
	digest   int     // length of the truncated digest in octets
	privacy  privacy // nil without privacy
	salt     [saltSize]byte
}

// maxDigest is the longest truncated digest, that of SHA512.
const maxDigest = 48

var zeros [maxDigest]byte

// EngineID returns the engine ID of the keys. The caller must not modify it.
func (s *Security) EngineID() []byte { return s.engineID }

// Format implements fmt.Formatter and hides the keys.
func (s *Security) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// Seal appends to dst a message with the scoped PDU, which AppendScopedPDU encoded in another
// buffer. It uses ID, MaxSize, FlagReportable, Boots and Time of h; the rest comes from the user.
// In the steady state it allocates only to grow dst.
func (s *Security) Seal(dst []byte, h *Header3, scoped []byte) []byte {
	m := Message3{Header3: *h, AuthParams: zeros[:s.digest]}
	m.Flags = h.Flags&FlagReportable | s.level
	m.EngineID, m.UserName = s.engineID, s.userName
	n := len(scoped)
	frame := 0 // octets between the security parameters and the data
	if s.privacy != nil {
		binary.BigEndian.PutUint64(s.salt[:], salts.Add(1))
		m.PrivParams = s.salt[:]
		n = s.privacy.padded(n)
		frame = headerSize(n)
	}
	start := len(dst)
	dst = appendFront(dst, &m, n)
	data := len(dst)
	dst = append(append(dst, scoped...), zeros[:n-len(scoped)]...)
	if s.privacy != nil {
		s.privacy.encrypt(dst[data:], m.Boots, m.Time, m.PrivParams)
	}
	if s.mac != nil {
		end := data - frame - elementSize(len(m.PrivParams))
		copy(dst[end-s.digest:end], s.mac.of(dst[start:]))
	}
	return dst
}

// Opened is a message that Open accepted. Its slices alias the packet.
type Opened struct {
	Header3
	ScopedPDU
	// Authenticated reports whether the engine signed the message, including Boots and Time, with
	// the user's key. Otherwise the content may be forged and must not update an EngineClock.
	Authenticated bool
}

// Open verifies and decodes a message (RFC 3414 section 3.2, RFC 3412 section 7.2). It verifies the
// digest before it uses the content, then decrypts in place, so a packet can be opened only once.
// The caller checks Boots and Time with EngineClock.Update, and ID, RequestID and the context
// against its request.
//
// A message with a security level other than the user's is accepted only if it is a Report, which
// is how engines answer before they know the user. Such a Report may come from any engine; if it is
// unsigned it is not authenticated: see Opened.Authenticated.
//
// The error for a well-formed message is a ReportKind. Open allocates only if it returns an error.
func (s *Security) Open(packet []byte) (o Opened, err error) {
	var m Message3
	whole, err := m.parse(packet)
	if err != nil {
		return o, err
	}
	signed := m.Flags&FlagAuth != 0
	if signed {
		if err = s.verify(whole, &m); err != nil {
			return o, err
		}
	}
	if m.Flags&FlagPriv != 0 {
		if err = s.decrypt(&m); err != nil {
			return o, err
		}
	}
	scoped, err := ParseScopedPDU(m.Data)
	switch {
	case err != nil && m.Flags&FlagPriv != 0:
		return o, fmt.Errorf("%w: %w", DecryptionError, err)
	case err != nil:
		return o, err
	case scoped.Type == Report:
	case m.Flags.Level() != s.level:
		return o, UnsupportedSecurityLevel
	case !signed:
		err = s.addressed(&m)
	}
	if err != nil {
		return o, err
	}
	return Opened{Header3: m.Header3, ScopedPDU: scoped, Authenticated: signed}, nil
}

// addressed returns an error unless m names the engine and the user.
func (s *Security) addressed(m *Message3) error {
	if !bytes.Equal(m.EngineID, s.engineID) {
		return UnknownEngineID
	}
	if !bytes.Equal(m.UserName, s.userName) {
		return UnknownUserName
	}
	return nil
}

// verify checks the digest of the whole message, computed with the digest field set to zeros (RFC
// 3414 section 6.3.2).
func (s *Security) verify(whole []byte, m *Message3) error {
	if err := s.addressed(m); err != nil {
		return err
	}
	if m.Flags.Level()&^s.level != 0 {
		return UnsupportedSecurityLevel
	}
	if len(m.AuthParams) != s.digest {
		return WrongDigest
	}
	var digest [maxDigest]byte
	copy(digest[:], m.AuthParams)
	clear(m.AuthParams)
	made := s.mac.of(whole)
	copy(m.AuthParams, digest[:])
	if subtle.ConstantTimeCompare(made[:s.digest], m.AuthParams) != 1 {
		return WrongDigest
	}
	return nil
}

// decrypt decrypts the data of m in place.
func (s *Security) decrypt(m *Message3) error {
	if len(m.PrivParams) != saltSize || len(m.Data) != s.privacy.padded(len(m.Data)) || len(m.Data) == 0 {
		return DecryptionError
	}
	s.privacy.decrypt(m.Data, m.Boots, m.Time, m.PrivParams)
	return nil
}
