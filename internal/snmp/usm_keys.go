package snmp

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
)

// Key is the secret from which a user's keys are derived. It cannot be printed: fmt, log/slog and
// encoders print <secret>, or the address of a function where fmt cannot call its methods. The zero
// value is no key.
type Key struct{ reveal func() secret }

type secret struct {
	kind   keyKind
	octets []byte
}

type keyKind byte

const (
	passphrase keyKind = iota
	master             // Ku of RFC 3414, as long as the protocol's hash
	localized          // Kul of RFC 3414, for one engine
)

// MinPassphrase is the recommended minimum length of a passphrase in octets (RFC 3414 section
// 11.2). Some devices accept shorter ones.
const MinPassphrase = 8

// Passphrase returns the key for a passphrase (RFC 3414 section A.2).
func Passphrase(text string) Key { return newKey(passphrase, []byte(text)) }

// MasterKey returns the key for octets that are Ku. They must be as long as the hash of the
// authentication protocol, for privacy too.
func MasterKey(octets []byte) Key { return newKey(master, bytes.Clone(octets)) }

// LocalizedKey returns the key for octets that are Kul, valid for one engine. For privacy they must
// be as long as the cipher's key or as the hash's output.
func LocalizedKey(octets []byte) Key { return newKey(localized, bytes.Clone(octets)) }

func newKey(kind keyKind, octets []byte) Key {
	return Key{func() secret { return secret{kind, octets} }}
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.reveal == nil }

// Equal reports whether the keys are equal, in constant time.
func (k Key) Equal(other Key) bool {
	if k.IsZero() || other.IsZero() {
		return k.IsZero() && other.IsZero()
	}
	a, b := k.reveal(), other.reveal()
	return subtle.ConstantTimeCompare(a.octets, b.octets) == 1 && a.kind == b.kind
}

const hidden = "<secret>"

func (k Key) String() string { return hidden }

// GoString implements fmt.GoStringer and hides the key.
func (k Key) GoString() string { return hidden }

// Format implements fmt.Formatter and hides the key.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue implements slog.LogValuer and hides the key.
func (k Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements encoding.TextMarshaler and hides the key.
func (k Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

var errNoKey = errors.New("none")

// FitsAuth returns an error if k cannot be an authentication key for p.
func (k Key) FitsAuth(p AuthProtocol) error {
	return k.fits(p, func(n int) error {
		if n != p.keySize() {
			return fmt.Errorf("%d octets where a localized key for %s has %d", n, p, p.keySize())
		}
		return nil
	})
}

// FitsPriv returns an error if k cannot be a privacy key for p with the hash of auth.
func (k Key) FitsPriv(auth AuthProtocol, p PrivProtocol) error {
	return k.fits(auth, func(n int) error {
		if want := privProtocols[p].key; n != want && n != auth.keySize() {
			return fmt.Errorf("%d octets where a localized key for %s has %d", n, p, want)
		}
		return nil
	})
}

func (k Key) fits(p AuthProtocol, localizedFits func(octets int) error) error {
	if k.IsZero() {
		return errNoKey
	}
	s := k.reveal()
	n := len(s.octets)
	switch {
	case s.kind == localized:
		return localizedFits(n)
	case s.kind == passphrase && n == 0:
		return errNoKey
	case s.kind == master && n != p.keySize():
		return fmt.Errorf("%d octets where a master key for %s has %d", n, p, p.keySize())
	}
	return nil
}

// Short reports whether k is a passphrase that is shorter than MinPassphrase.
func (k Key) Short() bool {
	if k.IsZero() {
		return false
	}
	s := k.reveal()
	return s.kind == passphrase && len(s.octets) < MinPassphrase
}

// Master returns Ku, the octets for MasterKey, of a key that fits p. A localized key has none.
func (k Key) Master(p AuthProtocol) []byte {
	switch s := k.reveal(); s.kind {
	case passphrase:
		return bytes.Clone(masters.key(p, s.octets))
	case master:
		return bytes.Clone(s.octets)
	}
	return nil
}

// localize returns Kul of a key that fits, as long as the hash of p; a localized key is returned
// unchanged.
func (k Key) localize(p AuthProtocol, engineID []byte) []byte {
	s := k.reveal()
	switch s.kind {
	case localized:
		return s.octets
	case passphrase:
		return localizeKey(p, masters.key(p, s.octets), engineID)
	}
	return localizeKey(p, s.octets, engineID)
}

// localizeKey derives Kul from Ku (RFC 3414 section 2.6).
func localizeKey(p AuthProtocol, ku, engineID []byte) []byte {
	h := authProtocols[p].hash()
	h.Write(ku)
	h.Write(engineID)
	h.Write(ku)
	return h.Sum(nil)
}

// passphraseToKey derives Ku from a passphrase: the hash of the first 1048576 octets of its
// infinite repetition (RFC 3414 section A.2). The hash is fed in chunks that fit the L1 cache.
func passphraseToKey(p AuthProtocol, text []byte) []byte {
	const total, piece = 1 << 20, 4 << 10
	repeated := bytes.Repeat(text, (piece+len(text)-1)/len(text))
	h := authProtocols[p].hash()
	for left := total; left > 0; left -= len(repeated) {
		h.Write(repeated[:min(left, len(repeated))])
	}
	return h.Sum(nil)
}

// extendBlumenthal returns the octets that extend kul: its hash (draft-blumenthal-aes-usm-04
// section 3.1.2.1).
func extendBlumenthal(p AuthProtocol, kul, _ []byte) []byte {
	h := authProtocols[p].hash()
	h.Write(kul)
	return h.Sum(nil)
}

// extendReeder returns the octets that extend kul as Cisco's devices do: the localized key of kul
// taken as a passphrase (draft-reeder-snmpv3-usm-3desede-00 section 2.1). It hashes a MiB per
// engine, which cannot be cached.
func extendReeder(p AuthProtocol, kul, engineID []byte) []byte {
	return localizeKey(p, passphraseToKey(p, kul), engineID)
}

// masters caches the keys derived from the passphrases of this process. Ten thousand agents with
// one user cost one computation.
var masters masterKeys

type masterKeys struct {
	mu   sync.Mutex
	keys map[[sha256.Size]byte]func() []byte // by the hash of protocol and passphrase
}

// maxMasterKeys bounds the cache. A miss costs half a millisecond.
const maxMasterKeys = 4096

// key returns Ku, which must not be modified. Concurrent calls for the same key compute it once.
func (m *masterKeys) key(p AuthProtocol, text []byte) []byte {
	id := sha256.Sum256(append([]byte{byte(p)}, text...))
	m.mu.Lock()
	compute, known := m.keys[id]
	if !known {
		m.makeRoom()
		compute = sync.OnceValue(func() []byte { return passphraseToKey(p, text) })
		m.keys[id] = compute
	}
	m.mu.Unlock()
	return compute()
}

// makeRoom evicts an arbitrary key if the cache is full.
func (m *masterKeys) makeRoom() {
	if m.keys == nil {
		m.keys = map[[sha256.Size]byte]func() []byte{}
	}
	for id := range m.keys {
		if len(m.keys) < maxMasterKeys {
			return
		}
		delete(m.keys, id)
	}
}
