package snmp

import (
	"bytes"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
)

// Security seals and opens the messages between one user and one engine. It holds scratch memory and
// is for one goroutine at a time; many may have one each for the same user and engine.
type Security struct {
	engineID []byte
	userName []byte
	level    Flags
	mac      *mac    // nil without authentication
	digest   int     // octets of it that travel
	privacy  privacy // nil without privacy
	salt     [saltSize]byte
}

// maxDigest is the longest digest that travels, of SHA512.
const maxDigest = 48

var zeros [maxDigest]byte

// EngineID is the engine that the keys are for. It is not to be changed.
func (s *Security) EngineID() []byte { return s.engineID }

// Format keeps fmt from printing what the keys became, whatever the verb.
func (s *Security) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// Seal appends to dst a message about scoped, which AppendScopedPDU wrote elsewhere. Of h it takes ID,
// MaxSize, FlagReportable, Boots and Time; all else is the user's. In the steady state it allocates
// nothing but room in dst.
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

// Opened is a message that Open let through. Its slices are those of the packet.
type Opened struct {
	Header3
	ScopedPDU
	// Authenticated tells that the engine signed the message, Boots and Time included, with the user's
	// key. Without it everything may be a stranger's invention: it must not move an EngineClock.
	Authenticated bool
}

// Open takes a message apart (RFC 3414 section 3.2, RFC 3412 section 7.2). What claims to be signed is
// verified before anything of it is believed, and then decrypted in place, so that a packet can be
// opened once. Boots and Time are for EngineClock.Update to judge, ID, RequestID and the context for
// whoever asked.
//
// A message of another level than the user's is let through as a Report only: that is how engines
// answer those who do not know them yet. Such a Report may come from any engine, and unsigned it proves
// nothing: see Opened.Authenticated.
//
// The error of a message that is well-formed is a ReportKind. Without an error Open allocates nothing.
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

// addressed tells whether m names the engine and the user.
func (s *Security) addressed(m *Message3) error {
	if !bytes.Equal(m.EngineID, s.engineID) {
		return UnknownEngineID
	}
	if !bytes.Equal(m.UserName, s.userName) {
		return UnknownUserName
	}
	return nil
}

// verify checks the digest of the whole message, in which the digest itself counts as zeros (RFC 3414
// section 6.3.2).
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

// decrypt makes the data of m readable, where it lies.
func (s *Security) decrypt(m *Message3) error {
	if len(m.PrivParams) != saltSize || len(m.Data) != s.privacy.padded(len(m.Data)) || len(m.Data) == 0 {
		return DecryptionError
	}
	s.privacy.decrypt(m.Data, m.Boots, m.Time, m.PrivParams)
	return nil
}
