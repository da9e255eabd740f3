package snmp

import (
	"fmt"
	"slices"
	"strings"
)

// The spellings of versions, security levels and protocols in Net-SNMP, vendors' documents and the
// RFCs. Case, blanks, "-" and "_" are ignored.
var (
	authSpellings = map[AuthProtocol][]string{
		MD5:    {"md5", "hmacmd5", "hmacmd596", "usmhmacmd5authprotocol"},
		SHA:    {"sha", "sha1", "sha96", "hmacsha", "hmacsha1", "hmacsha96", "hmacsha196", "usmhmacshaauthprotocol"},
		SHA224: {"sha224", "sha2224", "hmacsha224", "hmac128sha224", "usmhmac128sha224authprotocol"},
		SHA256: {"sha256", "sha2256", "hmacsha256", "hmac192sha256", "usmhmac192sha256authprotocol"},
		SHA384: {"sha384", "sha2384", "hmacsha384", "hmac256sha384", "usmhmac256sha384authprotocol"},
		SHA512: {"sha512", "sha2512", "hmacsha512", "hmac384sha512", "usmhmac384sha512authprotocol"},
	}
	privSpellings = map[PrivProtocol][]string{
		DES:     {"des", "des56", "descbc", "cbcdes", "usmdesprivprotocol"},
		AES:     {"aes", "aes128", "aescfb128", "cfb128aes128", "aes128cfb", "usmaescfb128protocol", "usmaescfb128privprotocol"},
		AES192:  {"aes192", "aescfb192", "cfb128aes192", "usmaescfb192protocol", "usmaescfb192privprotocol"},
		AES256:  {"aes256", "aescfb256", "cfb128aes256", "usmaescfb256protocol", "usmaescfb256privprotocol"},
		AES192C: {"aes192c", "aes192cisco", "aes192cisco2", "ciscoaes192", "aes192c3"},
		AES256C: {"aes256c", "aes256cisco", "aes256cisco2", "ciscoaes256", "aes256c3"},

		TripleDES: {"3des", "3desede", "3desedecbc", "cbc3desede", "tripledes", "des3", "desede", "desede3", "usm3desedeprivprotocol"},
	}
	levelSpellings = map[string][]string{
		NoAuthNoPriv: {"noauthnopriv", "noauth", "nanp"},
		AuthNoPriv:   {"authnopriv", "auth", "anp"},
		AuthPriv:     {"authpriv", "priv", "ap"},
	}
	versionSpellings = map[Version][]string{
		V1:  {"1", "v1", "snmpv1", "1.0"},
		V2c: {"2c", "2", "v2c", "v2", "snmpv2c", "snmpv2", "2.0"},
		V3:  {"3", "v3", "snmpv3", "3.0"},
	}
)

// The security levels (RFC 3411 section 3.4.3), with the names of SNMP-FRAMEWORK-MIB.
const (
	NoAuthNoPriv = "noAuthNoPriv"
	AuthNoPriv   = "authNoPriv"
	AuthPriv     = "authPriv"
)

// SecurityLevels returns the security levels, lowest first.
func SecurityLevels() []string { return []string{NoAuthNoPriv, AuthNoPriv, AuthPriv} }

// fold returns word without the characters that are ignored, in lower case.
func fold(word string) string {
	return strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(word))
}

// meant returns the value whose spellings include word.
func meant[T comparable](word string, spellings map[T][]string) (T, bool) {
	word = fold(word)
	for value, words := range spellings {
		if slices.Contains(words, word) {
			return value, true
		}
	}
	var none T
	return none, false
}

// AuthProtocolNames returns the names of the authentication protocols.
func AuthProtocolNames() []string {
	var names []string
	for _, p := range authProtocols[NoAuth+1:] {
		names = append(names, p.name)
	}
	return names
}

// PrivProtocolNames returns the names of the privacy protocols.
func PrivProtocolNames() []string {
	var names []string
	for _, p := range privProtocols[NoPriv+1:] {
		names = append(names, p.name)
	}
	return names
}

// ParseAuthProtocol returns the authentication protocol named by word.
func ParseAuthProtocol(word string) (AuthProtocol, error) {
	p, ok := meant(word, authSpellings)
	if !ok {
		return NoAuth, fmt.Errorf("unknown authentication protocol %q: use one of %s", word, strings.Join(AuthProtocolNames(), ", "))
	}
	return p, nil
}

// ParsePrivProtocol returns the privacy protocol named by word.
func ParsePrivProtocol(word string) (PrivProtocol, error) {
	p, ok := meant(word, privSpellings)
	if !ok {
		return NoPriv, fmt.Errorf("unknown privacy protocol %q: use one of %s", word, strings.Join(PrivProtocolNames(), ", "))
	}
	return p, nil
}

// ParseSecurityLevel returns the security level named by word.
func ParseSecurityLevel(word string) (string, error) {
	level, ok := meant(word, levelSpellings)
	if !ok {
		return "", fmt.Errorf("unknown security level %q: use one of %s", word, strings.Join(SecurityLevels(), ", "))
	}
	return level, nil
}

// ParseVersion returns the version named by word.
func ParseVersion(word string) (Version, error) {
	v, ok := meant(word, versionSpellings)
	if !ok {
		return V1, fmt.Errorf("unknown version %q of SNMP: use one of 1, 2c, 3", word)
	}
	return v, nil
}
