package engine

import (
	"fmt"
	"slices"
	"strings"

	"trapline/internal/setting"
)

// Auth is an entry of `auths`: the version and the credentials to talk with.
type Auth struct {
	Version          int            `yaml:"version,omitempty"`
	Community        setting.Secret `yaml:"community,omitempty"`
	CommunityFile    string         `yaml:"community_file,omitempty"`
	SecurityLevel    string         `yaml:"security_level,omitempty"`
	Username         string         `yaml:"username,omitempty"`
	Password         setting.Secret `yaml:"password,omitempty"`
	PasswordFile     string         `yaml:"password_file,omitempty"`
	AuthProtocol     string         `yaml:"auth_protocol,omitempty"`
	PrivProtocol     string         `yaml:"priv_protocol,omitempty"`
	PrivPassword     setting.Secret `yaml:"priv_password,omitempty"`
	PrivPasswordFile string         `yaml:"priv_password_file,omitempty"`
	ContextName      string         `yaml:"context_name,omitempty"`
	Engine           string         `yaml:"engine,omitempty"` // Gosnmp, or empty for Trapline's own
}

// DefaultAuth holds where an auth sets nothing.
func DefaultAuth() Auth {
	return Auth{Version: 2, Community: "public", SecurityLevel: NoAuthNoPriv, AuthProtocol: "MD5", PrivProtocol: "DES"}
}

// UnmarshalYAML fills in the defaults first.
func (a *Auth) UnmarshalYAML(unmarshal func(any) error) error {
	type plain Auth
	*a = DefaultAuth()
	return unmarshal((*plain)(a))
}

// Format prints as %+v does, whatever the verb: one that does not suit a pointer would else have fmt
// print what the pointer leads to, secrets and all.
func (a Auth) Format(f fmt.State, _ rune) {
	type plain Auth
	_, _ = fmt.Fprintf(f, "%+v", plain(a))
}

// The security levels of SNMPv3 (RFC 3411 section 3.4.3).
const (
	NoAuthNoPriv = "noAuthNoPriv"
	AuthNoPriv   = "authNoPriv"
	AuthPriv     = "authPriv"
)

// The protocols by their names in the file. AES192 and AES256 extend a short key as the Blumenthal
// draft says, AES192C and AES256C as Cisco's devices do (the Reeder draft).
var (
	SecurityLevels = []string{NoAuthNoPriv, AuthNoPriv, AuthPriv}
	AuthProtocols  = []string{"MD5", "SHA", "SHA224", "SHA256", "SHA384", "SHA512"}
	PrivProtocols  = []string{"DES", "AES", "AES192", "AES192C", "AES256", "AES256C"}
)

// minPassword is the shortest passphrase that RFC 3414 section 11.2 lets be turned into a key.
const minPassword = 8

// Mistakes reports what a target could not be asked with. The fields of SNMPv3 are looked at only
// where the version is 3.
func (a *Auth) Mistakes() []setting.Mistake {
	var m []setting.Mistake
	wrong := func(path, format string, args ...any) {
		m = append(m, setting.Mistake{Path: path, Text: fmt.Sprintf(format, args...)})
	}
	if a.Version < 1 || a.Version > 3 {
		wrong("version", "version %d: SNMP has versions 1, 2 (for v2c) and 3", a.Version)
	}
	if a.Engine != "" && a.Engine != Gosnmp {
		wrong("engine", "unknown engine %q: write gosnmp, or leave it out", a.Engine)
	}
	if a.Version != 3 {
		return m
	}
	if !slices.Contains(SecurityLevels, a.SecurityLevel) {
		wrong("security_level", "unknown security level %q: use one of %s", a.SecurityLevel, strings.Join(SecurityLevels, ", "))
	}
	if a.Username == "" {
		wrong("", "version 3 needs a username")
	}
	if a.SecurityLevel == AuthNoPriv || a.SecurityLevel == AuthPriv {
		if !slices.Contains(AuthProtocols, a.AuthProtocol) {
			wrong("auth_protocol", "unknown auth_protocol %q: use one of %s", a.AuthProtocol, strings.Join(AuthProtocols, ", "))
		}
		if text := passwordMistake("password", a.Password, a.PasswordFile, a.SecurityLevel); text != "" {
			wrong("password", "%s", text)
		}
	}
	if a.SecurityLevel == AuthPriv {
		if !slices.Contains(PrivProtocols, a.PrivProtocol) {
			wrong("priv_protocol", "unknown priv_protocol %q: use one of %s", a.PrivProtocol, strings.Join(PrivProtocols, ", "))
		}
		if text := passwordMistake("priv_password", a.PrivPassword, a.PrivPasswordFile, a.SecurityLevel); text != "" {
			wrong("priv_password", "%s", text)
		}
	}
	return m
}

func passwordMistake(name string, password setting.Secret, file, level string) string {
	switch {
	case password != "" && file != "":
		return fmt.Sprintf("%s and %s_file are both set: keep one", name, name)
	case file != "":
		return ""
	case password == "":
		return fmt.Sprintf("security level %s needs a %s", level, name)
	case len(password) < minPassword:
		return fmt.Sprintf("%s has %d characters: SNMPv3 needs %d or more (RFC 3414 section 11.2)", name, len(password), minPassword)
	}
	return ""
}
