package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/peers"
)

// runIn runs the program in a directory.
func runIn(t testing.TB, dir string, args ...string) ran {
	t.Helper()
	var out, errs strings.Builder
	c := exec.CommandContext(t.Context(), program(t), args...)
	c.Dir, c.Stdout, c.Stderr = dir, &out, &errs
	if err := c.Run(); err != nil && c.ProcessState == nil {
		t.Fatal(err)
	}
	return ran{out.String(), errs.String(), c.ProcessState.ExitCode()}
}

// The configuration that init writes polls the device, as whoever it answers to.
func TestPeersInit(t *testing.T) {
	t.Parallel()
	s := peers.StartSnmpd(t, peers.SnmpdOptions{Config: "rocommunity hidden 127.0.0.0/8"})
	dir := t.TempDir()
	for name, text := range map[string]string{"community": "hidden\n", "auth": peers.AuthPassphrase + "\n", "priv": peers.PrivPassphrase + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, test := range map[string]struct {
		args []string
		auth string // "" for the built-in one
	}{
		"snmp.yml":      {nil, ""},
		"community.yml": {[]string{"--community-file=community"}, "community_file: " + dir + "/community"},
		"v3.yml": {[]string{"--user=usr-sha-aes", "--auth-password-file=auth", "--priv-password-file=priv", "--auth=secure"},
			"secure: {version: 3, username: usr-sha-aes, security_level: authPriv, auth_protocol: SHA, password_file: " + dir + "/auth, priv_protocol: AES, priv_password_file: " + dir + "/priv}"},
	} {
		r := runIn(t, dir, append([]string{"init", "--output=" + file, s.Address}, test.args...)...)
		text, err := os.ReadFile(filepath.Join(dir, file))
		if r.status != 0 || err != nil || !strings.Contains(r.errs, s.Address+" answers v") {
			t.Errorf("%s: %+v, %v", file, r, err)
			continue
		}
		if !strings.Contains(string(text), test.auth) || test.auth == "" && strings.Contains(string(text), "auths:") || strings.Count(string(text), "\n") > 10 {
			t.Errorf("%s is\n%s", file, text)
		}
		if strings.Contains(string(text)+r.errs+r.out, "hidden") || strings.Contains(string(text)+r.errs, peers.AuthPassphrase) {
			t.Errorf("%s has a secret that is in a file:\n%s%s", file, text, r.errs)
		}
		if r := runIn(t, dir, "get", "--config.file="+file, "snmpd-test", "sysName.0"); r.status != 0 || !strings.Contains(r.out, "snmpd-test") {
			t.Errorf("by %s the device answers %+v", file, r)
		}
	}
	before, _ := os.ReadFile(filepath.Join(dir, "snmp.yml"))
	r := runIn(t, dir, "init", s.Address)
	if after, _ := os.ReadFile(filepath.Join(dir, "snmp.yml")); string(after) != string(before) || r.status != 0 || !strings.Contains(r.out, "- {name: snmpd-test") {
		t.Errorf("beside an snmp.yml: %+v", r)
	}
	if r := runIn(t, dir, "init", "--output=v3.yml", s.Address); r.status == 0 || !strings.Contains(r.errs, "v3.yml exists and is not overwritten") {
		t.Errorf("over another file: %+v", r)
	}
}

// The error of a device that answers none of the auths is passed on.
func TestPeersInitOfDevicesThatRefuse(t *testing.T) {
	t.Parallel()
	s := peers.StartSnmpsimd(t, recordingsNamed("other"))
	dir := t.TempDir()
	if r := runIn(t, dir, "init", "-t", "300ms", s.Addresses[0]); r.status != 1 || !strings.Contains(r.errs, "--community-file FILE") {
		t.Errorf("a device with another community: %+v", r)
	}
	if _, err := os.Stat(filepath.Join(dir, "snmp.yml")); err == nil {
		t.Error("a configuration is written for a device that did not answer")
	}
}
