package snmp

import (
	"encoding"
	"hash"
)

// mac computes digests of messages by HMAC (RFC 2104). It hashes the padded key once and restores
// that state for each message. It holds scratch memory and is not safe for concurrent use.
type mac struct {
	hash         stateful
	inner, outer []byte // states after the padded key
	sum          [64]byte
}

type stateful interface {
	hash.Hash
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
}

// newMAC returns a mac. The key must not be longer than a block of the hash, as all keys of USM
// are.
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

// of returns the full digest of a message. It is valid until the next call.
func (m *mac) of(message []byte) []byte {
	_ = m.hash.UnmarshalBinary(m.inner) // written by MarshalBinary
	m.hash.Write(message)
	digest := m.hash.Sum(m.sum[:0])
	_ = m.hash.UnmarshalBinary(m.outer)
	m.hash.Write(digest)
	return m.hash.Sum(m.sum[:0])
}
