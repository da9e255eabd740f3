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

// Key is what the secret of a user is made from. It cannot be printed: fmt, log/slog and encoders see
// <secret>, or the address of a function where fmt may not call its methods. The zero value is no key.
type Key struct{ reveal func() secret }

type secret struct {
	kind   keyKind
	octets []byte
}

type keyKind byte

const (
	passphrase keyKind = iota
	master             // Ku of RFC 3414: as long as the protocol's hash
	localized          // Kul of RFC 3414: for one engine alone
)

// MinPassphrase is how many octets a passphrase should have (RFC 3414 section 11.2). There are devices
// that take shorter ones.
const MinPassphrase = 8

// Passphrase is a key made from what people can remember (RFC 3414 section A.2).
func Passphrase(text string) Key { return newKey(passphrase, []byte(text)) }

// MasterKey is Ku, which a passphrase would have been turned into. It is as long as the hash of the
// authentication protocol, for privacy too.
func MasterKey(octets []byte) Key { return newKey(master, bytes.Clone(octets)) }

// LocalizedKey is Kul: it fits one engine alone. For privacy it is as long as the cipher's key, or the
// hash's whole output.
func LocalizedKey(octets []byte) Key { return newKey(localized, bytes.Clone(octets)) }

func newKey(kind keyKind, octets []byte) Key {
	return Key{func() secret { return secret{kind, octets} }}
}

// IsZero tells whether there is no key.
func (k Key) IsZero() bool { return k.reveal == nil }

// Equal takes the same time whatever differs.
func (k Key) Equal(other Key) bool {
	if k.IsZero() || other.IsZero() {
		return k.IsZero() && other.IsZero()
	}
	a, b := k.reveal(), other.reveal()
	return subtle.ConstantTimeCompare(a.octets, b.octets) == 1 && a.kind == b.kind
}

const hidden = "<secret>"

func (k Key) String() string { return hidden }

// GoString keeps %#v from printing the key.
func (k Key) GoString() string { return hidden }

// Format keeps every other verb from it.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue keeps log/slog from it.
func (k Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText keeps encoders from it.
func (k Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

var errNoKey = errors.New("none")

// FitsAuth tells what k has that keeps it from being the key of authentication by p.
func (k Key) FitsAuth(p AuthProtocol) error {
	return k.fits(p, func(n int) error {
		if n != p.keySize() {
			return fmt.Errorf("%d octets where a localized key for %s has %d", n, p, p.keySize())
		}
		return nil
	})
}

// FitsPriv is FitsAuth for the key of privacy by p, which the hash of auth makes.
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

// Master gives Ku, for a key that fits p: what MasterKey takes. A localized key has none.
func (k Key) Master(p AuthProtocol) []byte {
	switch s := k.reveal(); s.kind {
	case passphrase:
		return bytes.Clone(masters.key(p, s.octets))
	case master:
		return bytes.Clone(s.octets)
	}
	return nil
}

// localize gives Kul of a key that fits, as long as the hash of p; a localized key is given as it is.
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

// localizeKey makes Kul of Ku (RFC 3414 section 2.6).
func localizeKey(p AuthProtocol, ku, engineID []byte) []byte {
	h := authProtocols[p].hash()
	h.Write(ku)
	h.Write(engineID)
	h.Write(ku)
	return h.Sum(nil)
}

// passphraseToKey makes Ku of a passphrase: the hash of its first 1048576 octets, were it written over
// and over (RFC 3414 section A.2). The hash gets them in pieces that stay in the nearest cache.
func passphraseToKey(p AuthProtocol, text []byte) []byte {
	const total, piece = 1 << 20, 4 << 10
	repeated := bytes.Repeat(text, (piece+len(text)-1)/len(text))
	h := authProtocols[p].hash()
	for left := total; left > 0; left -= len(repeated) {
		h.Write(repeated[:min(left, len(repeated))])
	}
	return h.Sum(nil)
}

// extendBlumenthal makes a longer key of kul: its hash is put behind it (draft-blumenthal-aes-usm-04
// section 3.1.2.1).
func extendBlumenthal(p AuthProtocol, kul, _ []byte) []byte {
	h := authProtocols[p].hash()
	h.Write(kul)
	return h.Sum(nil)
}

// extendReeder makes a longer key of kul as Cisco's devices do: kul is taken for a passphrase, and the
// localized key that comes of it is put behind kul (draft-reeder-snmpv3-usm-3desede-00 section 2.1).
// It hashes a MiB for each engine, which nothing can spare.
func extendReeder(p AuthProtocol, kul, engineID []byte) []byte {
	return localizeKey(p, passphraseToKey(p, kul), engineID)
}

// masters are the keys that passphrases of this process were turned into. Ten thousand agents with one
// user cost one computation.
var masters masterKeys

type masterKeys struct {
	mu   sync.Mutex
	keys map[[sha256.Size]byte]func() []byte // by the hash of protocol and passphrase
}

// maxMasterKeys bounds what is remembered: half a millisecond is what a forgotten one costs.
const maxMasterKeys = 4096

// key gives Ku, which is not to be changed. Of all who ask for the same at once, one computes it.
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

// makeRoom forgets any one key when there are too many.
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
