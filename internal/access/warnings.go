package access

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// Warnings returns credentials that are not used, secret files that cannot be read, and passphrases
// that the RFC forbids. None prevents polling, but each may be unintended.
func (a *Auth) Warnings() []setting.Problem {
	var m setting.Problems
	switch a.Version {
	case 3:
		a.addUnusedKeys(&m)
		if a.SecurityLevel != NoAuthNoPriv {
			keys := a.authKeys()
			addDoubtful(&m, keys.used())
		}
		if a.SecurityLevel == AuthPriv {
			keys := a.privKeys()
			addDoubtful(&m, keys.used())
		}
	case 1, 2:
		if a.Username != "" {
			m.Add("username", "only version 3 has users: write version: 3, or leave username out")
		}
		addFile(&m, "community_file", a.CommunityFile)
	}
	return m
}

// addUnusedKeys reports keys that the security level does not use, and the level that uses them.
func (a *Auth) addUnusedKeys(m *setting.Problems) {
	auth, priv := a.authKeys(), a.privKeys()
	unused, level := auth.names(), AuthNoPriv
	if names := priv.names(); len(names) > 0 {
		unused, level = append(unused, names...), AuthPriv
	}
	switch {
	case a.SecurityLevel == NoAuthNoPriv && len(unused) > 0:
		m.Add("security_level", "the security level is noAuthNoPriv, which does not use %s: write security_level: %s", unused[0], level)
	case a.SecurityLevel == AuthNoPriv && level == AuthPriv:
		m.Add("security_level", "the security level is authNoPriv, which does not use %s: write security_level: authPriv", priv.names()[0])
	}
}

// addDoubtful reports a missing secret file, and a passphrase shorter than the RFC's minimum.
func addDoubtful(m *setting.Problems, s *keySetting) {
	name, text := s.name, string(s.text)
	if s.file != "" {
		name = s.name + "_file"
		var ok bool
		if text, ok = addFile(m, name, s.file); !ok {
			return
		}
	}
	if key, err := s.read(text); err == nil && text != "" && key.Short() {
		m.Add(name, "%s has %d characters: RFC 3414 section 11.2 asks for %d or more, and many devices refuse fewer", s.name, len(text), snmp.MinPassphrase)
	}
}

// addFile reports a file that cannot be read, or returns the secret in it. The file may be created
// later: it is read when it is used.
func addFile(m *setting.Problems, name, file string) (text string, ok bool) {
	if file == "" {
		return "", false
	}
	where := file
	if absolute, err := filepath.Abs(file); err == nil {
		where = absolute
	}
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		m.Add(name, "there is no file %s: targets cannot be asked until there is: create it, or correct the path", where)
		return "", false
	case err == nil && info.IsDir():
		m.Add(name, "%s is a directory: write the path of the file that holds the secret", where)
		return "", false
	case err == nil && !info.Mode().IsRegular():
		return "", false // reading may block, or consume the content
	}
	if text, err = new(SecretFiles).read(file); err != nil {
		m.Add(name, "%s cannot be read: %v", where, plain(err))
		return "", false
	}
	switch {
	case text == "":
		m.Add(name, "%s is empty: write the secret into it", where)
	case strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") || strings.HasPrefix(text, "\ufeff"):
		m.Add(name, "%s is UTF-16, or begins with a byte order mark, which becomes part of the secret: save it as UTF-8 without one", where)
	}
	return text, text != ""
}

// plain returns an error of a file without its path.
func plain(err error) error {
	if reason := (*fs.PathError)(nil); errors.As(err, &reason) {
		return reason.Err
	}
	return err
}
