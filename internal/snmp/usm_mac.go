package snmp

import (
	"encoding"
	"hash"
)

// mac makes digests of messages by HMAC (RFC 2104). What its key does to the hash is computed once: to
// begin a message is to go back to that state. It holds scratch memory: one call at a time.
type mac struct {
	hash         stateful
	inner, outer []byte // states behind the padded key
	sum          [64]byte
}

type stateful interface {
	hash.Hash
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// newMAC takes a key that is no longer than a block of the hash, as those of USM all are.
func newMAC(p AuthProtocol, key []byte) (m *mac, err error) {
	m = &mac{hash: authProtocols[p].hash().(stateful)}
	if m.inner, err = m.keyed(key, 0x36); err == nil {
		m.outer, err = m.keyed(key, 0x5c)
	}
	return m, err
}

func (m *mac) keyed(key []byte, pad byte) ([]byte, error) {
	block := make([]byte, m.hash.BlockSize())
	copy(block, key)
	for i := range block {
		block[i] ^= pad
	}
	m.hash.Reset()
	m.hash.Write(block)
	return m.hash.MarshalBinary()
}

// of gives the digest of a message, in full. It is valid until the next call.
func (m *mac) of(message []byte) []byte {
	_ = m.hash.UnmarshalBinary(m.inner) // which MarshalBinary wrote
	m.hash.Write(message)
	digest := m.hash.Sum(m.sum[:0])
	_ = m.hash.UnmarshalBinary(m.outer)
	m.hash.Write(digest)
	return m.hash.Sum(m.sum[:0])
}
