package snmp

import (
	"slices"
	"strings"
	"testing"
)

// spellings maps the canonical names to those of Net-SNMP, vendors and the RFCs.
var spellings = map[string][]string{
	"auth MD5":           {"md5", "HMAC-MD5", "HMAC-MD5-96", "usmHMACMD5AuthProtocol"},
	"auth SHA":           {"sha", "SHA1", "SHA-1", "HMAC-SHA", "HMAC-SHA-96", "usmHMACSHAAuthProtocol"},
	"auth SHA224":        {"SHA-224", "sha224", "usmHMAC128SHA224AuthProtocol"},
	"auth SHA256":        {"SHA-256", "sha_256", "SHA2-256", "HMAC-SHA-256", "usmHMAC192SHA256AuthProtocol"},
	"auth SHA384":        {"SHA-384", "usmHMAC256SHA384AuthProtocol"},
	"auth SHA512":        {"SHA-512", "usmHMAC384SHA512AuthProtocol"},
	"priv DES":           {"des", "DES-CBC", "CBC-DES", "DES56", "usmDESPrivProtocol"},
	"priv AES":           {"aes", "AES128", "AES-128", "aes 128", "CFB128-AES-128", "usmAesCfb128Protocol"},
	"priv AES192":        {"AES-192", "usmAesCfb192Protocol"},
	"priv AES256":        {"AES-256", "AES_256", "usmAesCfb256Protocol"},
	"priv AES192C":       {"AES-192-C", "aes192c"},
	"priv AES256C":       {"AES-256-C", "AES256-C", "aes-256c"},
	"priv 3DES":          {"3des", "3DES-EDE", "3des_ede", "TripleDES", "DES3", "usm3DESEDEPrivProtocol"},
	"level noAuthNoPriv": {"noauthnopriv", "NoAuthNoPriv", "noAuth"},
	"level authNoPriv":   {"AuthNoPriv", "auth_no_priv", "auth"},
	"level authPriv":     {"authpriv", "AuthPriv", "AUTHPRIV", "auth-priv", "priv"},
	"version 0":          {"1", "v1", "SNMPv1"},
	"version 1":          {"2", "2c", "v2c", "V2", "SNMPv2c"},
	"version 3":          {"3", "v3", "SNMPv3"},
}

func TestSpellings(t *testing.T) {
	for what, words := range spellings {
		kind, name, _ := strings.Cut(what, " ")
		if kind != "version" {
			words = append(words, name)
		}
		for _, word := range words {
			got, err := parsers[kind](word)
			if err != nil || got != name {
				t.Errorf("%s %q is %q, %v: want %s", kind, word, got, err, name)
			}
		}
	}
}

var parsers = map[string]func(string) (string, error){
	"auth":    func(word string) (string, error) { p, err := ParseAuthProtocol(word); return p.String(), err },
	"priv":    func(word string) (string, error) { p, err := ParsePrivProtocol(word); return p.String(), err },
	"level":   ParseSecurityLevel,
	"version": func(word string) (string, error) { v, err := ParseVersion(word); return string('0' + rune(v)), err },
}

// A word must have one meaning, and the error for an unknown word must list the valid ones.
func TestSpellingsAreUnambiguous(t *testing.T) {
	check := func(kind string, words []string) {
		slices.Sort(words)
		if len(slices.Compact(slices.Clone(words))) != len(words) {
			t.Errorf("%s: a word stands twice in %q", kind, words)
		}
		for _, word := range words {
			if word != fold(word) {
				t.Errorf("%s: %q can never be met: write %q", kind, word, fold(word))
			}
		}
		for _, word := range []string{"", "none", "SHA2", "IDEA", "4", "authentic"} {
			if _, err := parsers[kind](word); err == nil || !strings.Contains(err.Error(), "use one of") {
				t.Errorf("%s %q: %v", kind, word, err)
			}
		}
	}
	check("auth", flat(authSpellings))
	check("priv", flat(privSpellings))
	check("level", flat(levelSpellings))
	check("version", flat(versionSpellings))
}

func flat[T comparable](table map[T][]string) (words []string) {
	for _, list := range table {
		words = append(words, list...)
	}
	return words
}

// Some devices accept passphrases of fewer than eight characters: any but the empty one must yield
// a key.
func TestShortPassphrases(t *testing.T) {
	for _, text := range []string{"a", "short", "seven77"} {
		k := Passphrase(text)
		if err := k.FitsAuth(SHA); err != nil || !k.Short() {
			t.Errorf("%q: %v, short %t", text, err, k.Short())
		}
		if got, want := k.Master(SHA), Passphrase(strings.Repeat(text, 8)).Master(SHA); !slices.Equal(got, want) {
			t.Errorf("%q: the key is %x: want that of the text written over and over, %x", text, got, want)
		}
	}
	if Passphrase("eight888").Short() || MasterKey([]byte("short")).Short() {
		t.Error("what is no short passphrase is called one")
	}
}
