package programtest

import (
	"os"
	"path/filepath"
	"testing"

	"trapline/internal/peers"

	"fmt"

	"trapline/config"
)

// InDir writes files into a directory of their own, and returns the function that makes their paths.
func InDir(t testing.TB, files map[string]string) func(name string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

// Notifying is a configuration with receivers.
func Notifying(t testing.TB, stateDir, receivers string) string {
	t.Helper()
	return fmt.Sprintf(`
auths:
  public_v2: {}
  old: {version: 1}
  secure: {version: 3, username: usr-sha-aes, security_level: authPriv, auth_protocol: SHA, password: %s, priv_protocol: AES, priv_password: %s}
  strong: {version: 3, username: usr-sha512-aes256, security_level: authPriv, auth_protocol: SHA512, password: %[1]s, priv_protocol: AES256, priv_password: %[2]s}
modules: {uptime: {get: [1.3.6.1.2.1.1.3.0]}}
notifications: {enterprise_oid: 1.3.6.1.4.1.32473}
state_dir: %s
receivers:
%s`, peers.AuthPassphrase, peers.PrivPassphrase, stateDir, receivers)
}

// Loaded returns the configuration of a text.
func Loaded(t testing.TB, text string) *config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snmp.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load([]string{file}, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
