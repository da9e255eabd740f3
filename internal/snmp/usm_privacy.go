package snmp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"sync/atomic"
)

// privacy encrypts and decrypts in place. The salt has saltSize octets, and data must have a length
// returned by padded. It holds scratch memory and is not safe for concurrent use.
type privacy interface {
	padded(n int) int
	encrypt(data []byte, boots, seconds int32, salt []byte)
	decrypt(data []byte, boots, seconds int32, salt []byte)
}

const saltSize = 8

// salts is the last salt used. All keys of the process share it, so that no key gets a salt twice;
// the random start does the same across restarts.
var salts = newSalts()

func newSalts() *atomic.Uint64 {
	var start [saltSize]byte
	_, _ = rand.Read(start[:]) // never fails
	s := new(atomic.Uint64)
	s.Store(binary.BigEndian.Uint64(start[:]))
	return s
}

// aesCFB is AES in CFB mode with segments of 128 bits (RFC 3826 section 3.1).
type aesCFB struct {
	block  cipher.Block
	iv     [aes.BlockSize]byte
	stream [8 * aes.BlockSize]byte
}

func newAES(key []byte) (privacy, error) {
	block, err := aes.NewCipher(key)
	return &aesCFB{block: block}, err
}

func (c *aesCFB) padded(n int) int { return n }

func (c *aesCFB) setIV(boots, seconds int32, salt []byte) {
	binary.BigEndian.PutUint32(c.iv[0:], uint32(boots))
	binary.BigEndian.PutUint32(c.iv[4:], uint32(seconds))
	copy(c.iv[8:], salt)
}

func (c *aesCFB) encrypt(data []byte, boots, seconds int32, salt []byte) {
	c.setIV(boots, seconds, salt)
	before := c.iv[:]
	for len(data) > 0 {
		c.block.Encrypt(c.stream[:], before)
		n := subtle.XORBytes(data, data, c.stream[:aes.BlockSize])
		before, data = data[:n], data[n:]
	}
}

// decrypt runs from the end to the front, because it needs the preceding block still encrypted. It
// processes several blocks at a time, because a call of subtle.XORBytes costs half as much as
// encrypting one block.
func (c *aesCFB) decrypt(data []byte, boots, seconds int32, salt []byte) {
	c.setIV(boots, seconds, salt)
	for end := len(data); end > aes.BlockSize; {
		start := max((end-1)/aes.BlockSize*aes.BlockSize-len(c.stream)+aes.BlockSize, aes.BlockSize)
		for at := start; at < end; at += aes.BlockSize {
			c.block.Encrypt(c.stream[at-start:], data[at-aes.BlockSize:at])
		}
		subtle.XORBytes(data[start:end], data[start:end], c.stream[:])
		end = start
	}
	c.block.Encrypt(c.stream[:], c.iv[:])
	first := data[:min(len(data), aes.BlockSize)]
	subtle.XORBytes(first, first, c.stream[:])
}

// desCBC is DES (RFC 3414 section 8.1.1) or 3DES-EDE (draft-reeder-snmpv3-usm-3desede-00 section
// 5.1.1) in CBC mode. The initialization vector is the last eight octets of the key XORed with the
// salt. Both documents build salts from boots and a 32-bit counter so that they do not repeat; the
// 64-bit counter of AES is safer, and transparent to a receiver.
type desCBC struct {
	block     cipher.Block
	preIV, iv [des.BlockSize]byte
}

func newDES(key []byte) (privacy, error) {
	block, err := des.NewCipher(key[:des.BlockSize])
	c := &desCBC{block: block}
	copy(c.preIV[:], key[des.BlockSize:])
	return c, err
}

// tripleDESKey is the total length of the three keys of 3DES-EDE.
const tripleDESKey = 3 * des.BlockSize

func newTripleDES(key []byte) (privacy, error) {
	block, err := des.NewTripleDESCipher(key[:tripleDESKey])
	c := &desCBC{block: block}
	copy(c.preIV[:], key[tripleDESKey:])
	return c, err
}

func (c *desCBC) padded(n int) int { return (n + des.BlockSize - 1) / des.BlockSize * des.BlockSize }

func (c *desCBC) encrypt(data []byte, _, _ int32, salt []byte) {
	subtle.XORBytes(c.iv[:], c.preIV[:], salt)
	before := c.iv[:]
	for len(data) > 0 {
		subtle.XORBytes(data, data[:des.BlockSize], before)
		c.block.Encrypt(data, data)
		before, data = data[:des.BlockSize], data[des.BlockSize:]
	}
}

func (c *desCBC) decrypt(data []byte, _, _ int32, salt []byte) {
	subtle.XORBytes(c.iv[:], c.preIV[:], salt)
	for at := len(data) - des.BlockSize; at >= 0; at -= des.BlockSize {
		before := c.iv[:]
		if at > 0 {
			before = data[at-des.BlockSize : at]
		}
		c.block.Decrypt(data[at:], data[at:])
		subtle.XORBytes(data[at:], data[at:], before)
	}
}
