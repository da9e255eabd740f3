// Package access contains the settings and errors of access to a device: addresses, credentials,
// secret files, and typed errors with their reasons. It opens no socket.
package access

import (
	"fmt"
	"strings"

	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Auth is an entry of `auths`: the version and the credentials of requests. A key of SNMPv3 is
// configured as a passphrase, as a master key (for all engines) or as a localized key (for one
// engine), the keys in hexadecimal digits.
type Auth struct {
	Version              Version        `yaml:"version,omitempty"`                 // 1, 2 or 3; default 2 (v2c)
	Community            setting.Secret `yaml:"community,omitempty"`               // of versions 1 and 2c; default public
	CommunityFile        string         `yaml:"community_file,omitempty"`          // file with the community, read again when it changes
	SecurityLevel        string         `yaml:"security_level,omitempty"`          // noAuthNoPriv (default), authNoPriv or authPriv
	Username             string         `yaml:"username,omitempty"`                // of version 3
	Password             setting.Secret `yaml:"password,omitempty"`                // authentication passphrase, at least 8 characters
	PasswordFile         string         `yaml:"password_file,omitempty"`           // file with it, read again when it changes
	MasterKey            setting.Secret `yaml:"master_key,omitempty"`              // authentication key for all devices, in hexadecimal digits, in place of the passphrase
	MasterKeyFile        string         `yaml:"master_key_file,omitempty"`         // file with it
	LocalizedKey         setting.Secret `yaml:"localized_key,omitempty"`           // authentication key for one device, in hexadecimal digits; needs engine_id
	LocalizedKeyFile     string         `yaml:"localized_key_file,omitempty"`      // file with it
	AuthProtocol         string         `yaml:"auth_protocol,omitempty"`           // MD5 (default), SHA, SHA224, SHA256, SHA384 or SHA512
	PrivProtocol         string         `yaml:"priv_protocol,omitempty"`           // DES (default), AES, AES192, AES256, AES192C, AES256C or 3DES
	PrivPassword         setting.Secret `yaml:"priv_password,omitempty"`           // privacy passphrase, at least 8 characters
	PrivPasswordFile     string         `yaml:"priv_password_file,omitempty"`      // file with it, read again when it changes
	PrivMasterKey        setting.Secret `yaml:"priv_master_key,omitempty"`         // privacy key for all devices, in hexadecimal digits
	PrivMasterKeyFile    string         `yaml:"priv_master_key_file,omitempty"`    // file with it
	PrivLocalizedKey     setting.Secret `yaml:"priv_localized_key,omitempty"`      // privacy key for one device, in hexadecimal digits; needs engine_id
	PrivLocalizedKeyFile string         `yaml:"priv_localized_key_file,omitempty"` // file with it
	EngineID             string         `yaml:"engine_id,omitempty"`               // of the device, in hexadecimal digits; default, and with "0x0000000000": the device is asked
	ContextName          string         `yaml:"context_name,omitempty"`            // SNMPv3 context, where the target has none
	Engine               string         `yaml:"engine,omitempty"`                  // as of a target
}

// DefaultAuth returns the defaults of an auth.
func DefaultAuth() Auth {
	return Auth{Version: 2, Community: "public", SecurityLevel: NoAuthNoPriv, AuthProtocol: "MD5", PrivProtocol: "DES"}
}

// UnmarshalYAML sets the defaults before it decodes.
func (a *Auth) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Auth
	*a = DefaultAuth()
	err := unmarshal((*plain)(a))
	a.Canonical()
	return err
}

// Format prints as %+v for every verb. With a verb that does not suit a pointer, fmt would print
// the value behind the pointer, including secrets.
func (a Auth) Format(f fmt.State, _ rune) {
	type plain Auth
	_, _ = fmt.Fprintf(f, "%+v", plain(a))
}

// Gosnmp is the value of `engine` that selects gosnmp, which walks the columns sequentially.
const Gosnmp = "gosnmp"

// The security levels of SNMPv3.
const (
	NoAuthNoPriv = snmp.NoAuthNoPriv
	AuthNoPriv   = snmp.AuthNoPriv
	AuthPriv     = snmp.AuthPriv
)

// SecurityLevels lists the security levels, lowest first.
var SecurityLevels = snmp.SecurityLevels()

// Version is the version of SNMP in the configuration: 1, 2 for v2c, or 3.
type Version int

// UnmarshalYAML accepts every spelling of snmp.ParseVersion. Auth.Problems reports other numbers.
func (v *Version) UnmarshalYAML(unmarshal func(any) error) error {
	var word string
	if err := unmarshal(&word); err != nil {
		return err
	}
	parsed, err := ParseVersion(word)
	if err == nil {
		*v = parsed
		return nil
	}
	return unmarshal((*int)(v))
}

// Wanted returns the valid values for an error message.
func (Version) Wanted() string { return "1, 2c or 3" }

// ParseVersion returns the version named by word.
func ParseVersion(word string) (Version, error) {
	v, err := snmp.ParseVersion(word)
	return Version(v) + map[snmp.Version]Version{snmp.V1: 1, snmp.V2c: 1}[v], err
}

// Canonical replaces the spellings of protocols and security level by their canonical names. It
// leaves unknown words.
func (a *Auth) Canonical() {
	if p, err := snmp.ParseAuthProtocol(a.AuthProtocol); err == nil {
		a.AuthProtocol = p.String()
	}
	if p, err := snmp.ParsePrivProtocol(a.PrivProtocol); err == nil {
		a.PrivProtocol = p.String()
	}
	if level, err := snmp.ParseSecurityLevel(a.SecurityLevel); err == nil {
		a.SecurityLevel = level
	}
}

// Problems returns the settings that make requests impossible. It checks the SNMPv3 fields only if
// the version is 3.
func (a *Auth) Problems() []setting.Problem {
	var m setting.Problems
	if a.Version < 1 || a.Version > 3 {
		m.Add("version", "version %d: SNMP has versions 1, 2 (for v2c) and 3", a.Version)
	}
	if a.Engine != "" && a.Engine != Gosnmp {
		m.Add("engine", "unknown engine %q: write gosnmp, or leave it out", a.Engine)
	}
	if a.Version != 3 {
		return m
	}
	if _, err := snmp.ParseSecurityLevel(a.SecurityLevel); err != nil {
		m.Add("security_level", "%v", err)
	}
	if a.Username == "" {
		m.Add("", "version 3 needs a username: write username: NAME")
	}
	if id, err := setting.Hex(a.EngineID); err != nil {
		m.Add("engine_id", "engine_id has %v", err)
	} else if err := snmp.CheckEngineID(id); err != nil && a.EngineID != "" {
		m.Add("engine_id", "%v", err)
	}
	if a.SecurityLevel == AuthNoPriv || a.SecurityLevel == AuthPriv {
		a.addKeyProblems(&m)
	}
	return m
}

func (a *Auth) addKeyProblems(m *setting.Problems) {
	auth, errAuth := snmp.ParseAuthProtocol(a.AuthProtocol)
	if errAuth != nil {
		m.Add("auth_protocol", "%v", errAuth)
	}
	keys := a.authKeys()
	if addChoice(m, a, &keys) && errAuth == nil {
		addUnfit(m, &keys, func(k snmp.Key) error { return k.FitsAuth(auth) })
	}
	if a.SecurityLevel != AuthPriv {
		return
	}
	priv, errPriv := snmp.ParsePrivProtocol(a.PrivProtocol)
	if errPriv != nil {
		m.Add("priv_protocol", "%v", errPriv)
	} else if priv == snmp.TripleDES && a.Engine == Gosnmp {
		m.Add("priv_protocol", "%s", NoTripleDES)
	}
	keys = a.privKeys()
	if addChoice(m, a, &keys) && errAuth == nil && errPriv == nil {
		addUnfit(m, &keys, func(k snmp.Key) error { return k.FitsPriv(auth, priv) })
	}
}

// NoTripleDES is the error text for 3DES with gosnmp.
const NoTripleDES = "3DES is for UDP and Trapline's own engine: leave engine: gosnmp and tcp: out"

// addChoice reports a missing key, a key configured more than once, and a localized key that is not
// bound to an engine ID. It returns true if it reports nothing.
func addChoice(m *setting.Problems, a *Auth, keys *keySettings) bool {
	names := keys.names()
	switch used := keys.used(); {
	case len(names) == 0:
		m.Add(used.name, "security level %s needs a %s", a.SecurityLevel, used.name)
	case len(names) > 1:
		m.Add(names[0], "%s are both set: keep one", strings.Join(names[:2], " and "))
	case used == &keys[localizedKey] && a.EngineID == "":
		m.Add(names[0], "%s fits one device alone: set its engine_id too, or engine_id: %q to have the device asked", names[0], WildcardEngineID)
	default:
		return true
	}
	return false
}

// addUnfit reports an invalid key. Keys in files are checked when they are used.
func addUnfit(m *setting.Problems, keys *keySettings, fits func(snmp.Key) error) {
	used := keys.used()
	if used.file != "" {
		return
	}
	if _, err := used.key(string(used.text), fits); err != nil {
		m.Add(used.name, "%v", err)
	}
}
