package snmp

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
)

// AuthProtocol is an authentication protocol (RFC 3414 sections 6 and 7, RFC 7860). The zero value
// is NoAuth.
type AuthProtocol byte

// The authentication protocols.
const (
	NoAuth AuthProtocol = iota
	MD5
	SHA
	SHA224
	SHA256
	SHA384
	SHA512
)

// authProtocols lists the name, the hash and the length of the truncated digest of each protocol.
var authProtocols = [...]struct {
	name   string
	hash   func() hash.Hash
	digest int
}{
	NoAuth: {name: "none"},
	MD5:    {"MD5", md5.New, 12},
	SHA:    {"SHA", sha1.New, 12},
	SHA224: {"SHA224", sha256.New224, 16},
	SHA256: {"SHA256", sha256.New, 24},
	SHA384: {"SHA384", sha512.New384, 32},
	SHA512: {"SHA512", sha512.New, 48},
}

// PrivProtocol is a privacy protocol. The zero value is NoPriv.
type PrivProtocol byte

// The privacy protocols. They differ in how they extend a hash that is too short for the cipher:
// AES192 and AES256 follow the Blumenthal draft, AES192C and AES256C the Reeder draft, as Cisco's
// devices do. With SHA-256 and longer no extension is needed, and both are the same. TripleDES
// follows the Reeder draft and is meant for devices without AES.
const (
	NoPriv PrivProtocol = iota
	DES
	AES
	AES192
	AES256
	AES192C
	AES256C
	TripleDES
)

// privProtocols lists the name, the key length, the key extension and the cipher of each protocol.
// Every hash is long enough for DES and AES.
var privProtocols = [...]struct {
	name   string
	key    int
	extend func(p AuthProtocol, kul, engineID []byte) []byte
	cipher func(key []byte) (privacy, error)
}{
	NoPriv:  {name: "none"},
	DES:     {"DES", 16, nil, newDES},
	AES:     {"AES", 16, nil, newAES},
	AES192:  {"AES192", 24, extendBlumenthal, newAES},
	AES256:  {"AES256", 32, extendBlumenthal, newAES},
	AES192C: {"AES192C", 24, extendReeder, newAES},
	AES256C: {"AES256C", 32, extendReeder, newAES},

	TripleDES: {"3DES", tripleDESKey + 8, extendReeder, newTripleDES},
}

func (p AuthProtocol) String() string { return authProtocols[p].name }

func (p PrivProtocol) String() string { return privProtocols[p].name }

func (p AuthProtocol) keySize() int { return authProtocols[p].hash().Size() }

// User is a user of the User-based Security Model, not bound to an engine. The zero value is the
// user of discovery, with an empty name (RFC 3414 section 4).
type User struct {
	Name    string
	Auth    AuthProtocol
	AuthKey Key
	Priv    PrivProtocol // requires an AuthProtocol, whose hash derives the key
	PrivKey Key
}

// Level returns the security level of the user's messages.
func (u *User) Level() Flags {
	switch {
	case u.Auth == NoAuth:
		return 0
	case u.Priv == NoPriv:
		return FlagAuth
	}
	return FlagAuth | FlagPriv
}

// The minimum and maximum length of an SnmpEngineID (RFC 3411 section 5).
const minEngineID, maxEngineID = 5, 32

// Localize derives the keys for one engine. The first use of a passphrase in the process takes half
// a millisecond, for all engines together; everything else takes microseconds, except AES192C,
// AES256C and TripleDES with MD5 or SHA, which hash a MiB per engine. A user without keys needs no
// engine: engineID may be nil.
func (u *User) Localize(engineID []byte) (*Security, error) {
	auth, priv, err := u.LocalizedKeys(engineID)
	if err != nil {
		return nil, err
	}
	s := &Security{engineID: bytes.Clone(engineID), userName: []byte(u.Name), level: u.Level()}
	if u.Auth == NoAuth {
		return s, nil
	}
	s.digest = authProtocols[u.Auth].digest
	if s.mac, err = newMAC(u.Auth, auth); err == nil && u.Priv != NoPriv {
		s.privacy, err = privProtocols[u.Priv].cipher(priv)
	}
	return s, err
}

// LocalizedKeys returns the octets for LocalizedKey, nil where the user's protocols use no key.
func (u *User) LocalizedKeys(engineID []byte) (auth, priv []byte, err error) {
	if u.Auth == NoAuth {
		if u.Priv != NoPriv {
			return nil, nil, fmt.Errorf("privacy by %s needs authentication", u.Priv)
		}
		return nil, nil, nil
	}
	if err := CheckEngineID(engineID); err != nil {
		return nil, nil, err
	}
	if err := u.AuthKey.FitsAuth(u.Auth); err != nil {
		return nil, nil, fmt.Errorf("key of authentication: %w", err)
	}
	auth = u.AuthKey.localize(u.Auth, engineID)
	if u.Priv == NoPriv {
		return auth, nil, nil
	}
	if err := u.PrivKey.FitsPriv(u.Auth, u.Priv); err != nil {
		return nil, nil, fmt.Errorf("key of privacy: %w", err)
	}
	return auth, u.privKey(engineID), nil
}

// privKey extends a key only if it is too short, because AES192C, AES256C and TripleDES hash a MiB
// to extend it.
func (u *User) privKey(engineID []byte) []byte {
	key := u.PrivKey.localize(u.Auth, engineID)
	p := privProtocols[u.Priv]
	if len(key) < p.key {
		key = append(bytes.Clone(key), p.extend(u.Auth, key, engineID)...)
	}
	return key[:p.key]
}

// CheckEngineID returns an error if id is not a valid SnmpEngineID.
func CheckEngineID(id []byte) error {
	if n := len(id); n < minEngineID || n > maxEngineID {
		return fmt.Errorf("an engine ID has %d to %d octets, not %d", minEngineID, maxEngineID, n)
	}
	return nil
}
