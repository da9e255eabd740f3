package config

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// hexFile has every key that holds octets, each with the same text.
const hexFile = `auths:
  plain: {version: 3, username: u, engine_id: %[1]q}
  master: {version: 3, username: u, security_level: authNoPriv, auth_protocol: SHA, master_key: %[2]q}
  localized: {version: 3, username: u, security_level: authNoPriv, auth_protocol: SHA, engine_id: %[1]q, localized_key: %[2]q}
targets:
- {name: t, address: 127.0.31.1, auth: plain, context_engine_id: %[1]q}
receivers:
- {name: r, address: 127.0.31.2, auth: plain, context_engine_id: %[1]q}
notifications: {engine_id: %[1]q}
`

// Octets are written in the same ways at every key: with and without 0x, in upper and lower case, with and without
// separators.
func TestOctetsAreWrittenInTheSameWaysEverywhere(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	spell := func(octets []byte) string {
		format := []string{"%02x", "%02X"}[random.IntN(2)]
		separator := []string{"", ":", " ", "-"}[random.IntN(4)]
		var words []string
		for _, c := range octets {
			words = append(words, fmt.Sprintf(format, c))
		}
		return []string{"", "0x", "0X", " 0x"}[random.IntN(4)] + strings.Join(words, separator)
	}
	octets := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		return b
	}
	for range 50 {
		text := fmt.Sprintf(hexFile, spell(append([]byte{0x80}, octets(4+random.IntN(28))...)), spell(octets(20)))
		if _, err := Load([]string{write(t, "snmp.yml", text)}, Options{}); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
	}
	bad := strings.Count(hexFile, "%[1]q") + strings.Count(hexFile, "%[2]q")
	_, err := Load([]string{write(t, "snmp.yml", fmt.Sprintf(hexFile, "0x80001f888g", "0x8"))}, Options{})
	if err == nil || strings.Count(err.Error(), "two hexadecimal digits for each octet") != bad {
		t.Errorf("%v, want %d errors", err, bad)
	}
}
