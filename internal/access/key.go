package access

import (
	"fmt"
	"slices"

	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// keySetting is one of the three settings for a key of SNMPv3.
type keySetting struct {
	name string // name in the configuration; its file setting appends _file
	text setting.Secret
	file string
	read func(text string) (snmp.Key, error)
}

// keySettings are the alternative settings for one key.
type keySettings [3]keySetting

// localizedKey is the index of the setting that requires an engine ID.
const localizedKey = 2

func (a *Auth) authKeys() keySettings {
	return keySettings{
		{"password", a.Password, a.PasswordFile, readPassword},
		{"master_key", a.MasterKey, a.MasterKeyFile, readMasterKey},
		localizedKey: {"localized_key", a.LocalizedKey, a.LocalizedKeyFile, readLocalizedKey},
	}
}

func (a *Auth) privKeys() keySettings {
	return keySettings{
		{"priv_password", a.PrivPassword, a.PrivPasswordFile, readPassword},
		{"priv_master_key", a.PrivMasterKey, a.PrivMasterKeyFile, readMasterKey},
		localizedKey: {"priv_localized_key", a.PrivLocalizedKey, a.PrivLocalizedKeyFile, readLocalizedKey},
	}
}

// used returns the setting that is set, or the first if none is.
func (k *keySettings) used() *keySetting {
	for i := range k {
		if k[i].text != "" || k[i].file != "" {
			return &k[i]
		}
	}
	return &k[0]
}

// names returns the names of all settings that are set.
func (k *keySettings) names() (names []string) {
	for _, s := range k {
		if s.text != "" {
			names = append(names, s.name)
		}
		if s.file != "" {
			names = append(names, s.name+"_file")
		}
	}
	return names
}

// key returns the key for text, the value of the setting or of its file.
func (s *keySetting) key(text string, fits func(snmp.Key) error) (snmp.Key, error) {
	k, err := s.read(text)
	if err == nil {
		err = fits(k)
	}
	if err != nil && s.file != "" {
		return k, fmt.Errorf("%s has %w", s.file, err)
	}
	if err != nil {
		return k, fmt.Errorf("%s has %w", s.name, err)
	}
	return k, nil
}

func readPassword(text string) (snmp.Key, error) { return snmp.Passphrase(text), nil }

func readMasterKey(text string) (snmp.Key, error) {
	octets, err := setting.Hex(text)
	return snmp.MasterKey(octets), err
}

func readLocalizedKey(text string) (snmp.Key, error) {
	octets, err := setting.Hex(text)
	return snmp.LocalizedKey(octets), err
}

// EngineIDOctets returns EngineID in octets, empty if it must be discovered. Problems must have
// accepted it.
func (a *Auth) EngineIDOctets() []byte {
	id, _ := setting.Hex(a.EngineID)
	if isWildcard(id) {
		return nil
	}
	return id
}

// WildcardEngineID selects discovery where a localized key requires an engine ID. No engine has
// an ID of zeros (RFC 3411 section 5). PySNMP uses the same notation.
const WildcardEngineID = "0x0000000000"

func isWildcard(id []byte) bool {
	return !slices.ContainsFunc(id, func(octet byte) bool { return octet != 0 })
}

// User returns the user of an auth that Problems accepted. Secrets from files are checked here.
func (a *Auth) User(secrets Secrets) (*snmp.User, error) {
	u := &snmp.User{Name: a.Username}
	var err error
	if a.SecurityLevel == NoAuthNoPriv {
		return u, nil
	}
	if u.Auth, err = snmp.ParseAuthProtocol(a.AuthProtocol); err != nil {
		return nil, err
	}
	keys := a.authKeys()
	u.AuthKey, err = keys.used().key(secrets.auth, func(k snmp.Key) error { return k.FitsAuth(u.Auth) })
	if err != nil || a.SecurityLevel == AuthNoPriv {
		return u, err
	}
	if u.Priv, err = snmp.ParsePrivProtocol(a.PrivProtocol); err != nil {
		return nil, err
	}
	keys = a.privKeys()
	u.PrivKey, err = keys.used().key(secrets.priv, func(k snmp.Key) error { return k.FitsPriv(u.Auth, u.Priv) })
	return u, err
}

// Principal is the identity for requests: an auth with the current secrets of its files.
type Principal struct {
	Version   snmp.Version
	Community []byte
	User      *snmp.User // SNMPv3 only, else nil
	EngineID  []byte     // of the peer; empty: discover it
}

// Principal returns the identity of an auth that Problems accepted.
func (a *Auth) Principal() (p Principal, err error) {
	found, err := new(SecretFiles).Secrets(a)
	if err != nil {
		return p, err
	}
	p.Version = map[Version]snmp.Version{1: snmp.V1, 2: snmp.V2c, 3: snmp.V3}[a.Version]
	p.Community = []byte(found.Community)
	if p.Version == snmp.V3 {
		p.EngineID = a.EngineIDOctets()
		p.User, err = a.User(found)
	}
	return p, err
}
