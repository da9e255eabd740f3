package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each error in `listen` has its line and what to write.
func TestListenIsReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"listen: {adresses: [':162'], auths: [public_v2]}":                                             `unknown key "adresses" in listen: did you mean addresses?`,
		"listen: {addresses: [':162'], auths: [public]}":                                               `listen.auths[0]: there is no auth "public": auths has public_v2`,
		"listen: {addresses: [':162']}":                                                                "listen needs auths",
		"listen: {}":                                                                                   `write listen: {addresses: [":162"], auths: [NAME]}`,
		"listen: {addresses: ['1162'], auths: [public_v2]}":                                            `listen.addresses[0]: "1162" is no address: for a port of all addresses write ":1162"`,
		"trap_rules: [{alert: A, on: linkDown, until: 'up =='}]":                                       "trap_rules[0].until: could not parse expression",
		"listen: {auths: [public_v2]}":                                                                 "listen needs addresses",
		"listen: {addresses: ['tcp:[::]:162'], auths: [public_v2]}":                                    "travel by udp",
		"listen: {addresses: [':162'], auths: [public_v2], allow: [10.0.0]}":                           `listen.allow[0]: "10.0.0" is neither an address nor a network`,
		"listen: {addresses: [':162'], auths: [public_v2], rate: -1}":                                  "listen.rate: a rate is a number",
		"listen: {addresses: [':162'], auths: [public_v2], allow: [0.0.0/0]}":                          "neither an address nor a network",
		"trap_rules: [{alert: A, on: IF-MIB::linkDwn, clear: [linkUp]}]":                               `trap_rules[0].on: module IF-MIB does not define "linkDwn": did you mean linkDown?`,
		"trap_rules: [{alert: A, on: linkDown}]":                                                       "never ends its alarm: write until, clear or expires",
		"trap_rules: [{on: linkDown, expires: 1h}]":                                                    "needs the name of an alarm",
		"trap_rules: [{alert: A, on: ifIndex, expires: 1h}]":                                           "ifIndex is no notification",
		"trap_rules: [{alert: A, on: linkDown, until: 'ifOperStatus =='}]":                             "trap_rules[0].until: ",
		"trap_rules: [{alert: A, on: linkDown, expires: 1h, match: {ifAdminStats: up}}]":               "did you mean ifAdminStatus?",
		"trap_rules: [{alert: A, on: linkDown, expires: 1h, match: {ifAdminStatus: '['}}]":             "trap_rules[0].match.ifAdminStatus",
		"trap_rules: [{alert: A, on: linkDown, expires: 1h, key: [ifIndx]}]":                           "did you mean ifIndex?",
		"trap_rules: [{alert: A, on: linkDown, expires: 1h, labels: {severity: majr}}]":                "did you mean major?",
		"trap_rules: [{alert: A, on: linkDown, expires: 1h, annotations: {summary: '{{ $vars.x }}'}}]": "undefined variable",
		"trap_rules: [{alert: A, on: linkDown, expires: 1h}, {alert: A, on: linkDown, expires: 2h}]":   "another trap rule has the alert",
	} {
		file := filepath.Join(t.TempDir(), "snmp.yml")
		if err := os.WriteFile(file, []byte("auths: {public_v2: {}}\ntargets: [192.0.2.1]\n"+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load([]string{file}, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "snmp.yml:3: ") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// An error in when an alarm of a trap ends is one error.
func TestAnErrorInTheEndOfATrapRuleIsOne(t *testing.T) {
	for _, until := range []string{"expires: 2x", "until: 'up =='"} {
		_, err := loadWritten(t, "targets: [192.0.2.1]\nlisten: {addresses: [':162'], auths: [public_v2]}\nauths: {public_v2: {}}\ntrap_rules: [{alert: A, on: linkDown, "+until+"}]\n")
		if err == nil || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "group") {
			t.Errorf("%s: %v", until, err)
		}
	}
}

// A user is accepted and answered with the same keys: an engine has one user of a name.
func TestAUserOfTheAgentHasOneKey(t *testing.T) {
	for agent, want := range map[string]string{"[one]": "", "[same]": "", "[other]": "listen.agent: user me is in listen.auths with another level, password or protocol"} {
		_, err := loadWritten(t, `targets: [{address: 192.0.2.1, auth: one}]
listen: {addresses: [":162"], auths: [one], agent: `+agent+`}
auths:
  one: {version: 3, username: me, password: abcdefgh1, security_level: authNoPriv, auth_protocol: SHA}
  same: {version: 3, username: me, password: abcdefgh1, security_level: authNoPriv, auth_protocol: SHA}
  other: {version: 3, username: me, password: abcdefgh2, security_level: authNoPriv, auth_protocol: SHA}
`)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("agent: %s: %v, want %q", agent, err, want)
		}
	}
}

func loadWritten(t *testing.T, text string) (*Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snmp.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load([]string{file}, Options{})
}

// A setting without effect, or of a file that is missing, is a warning with its place.
func TestSettingsWithoutEffectAreWarnings(t *testing.T) {
	const targets = "targets: [{name: a, address: 192.0.2.1, parents: [b]}, {name: b, address: 192.0.2.2, parents: [c]}, {name: c, address: 192.0.2.3, parents: [b]}]\n"
	const hook = "targets: [192.0.2.1]\nreceivers: [{name: w, type: webhook, url: 'http://192.0.2.9/', http_config: {tls_config: {ca_file: ca.pem}}}]\n"
	const listens = "targets: [192.0.2.1]\nauths: {p: {}}\nlisten: {addresses: [':162'], auths: [p], agent: [p]}\n"
	for text, want := range map[string]string{
		targets:                              "targets[1].parents: the parents of b, c lead in a ring",
		targets + "topology: {roots: [a]}\n": "",
		hook:                                 "receivers[0].http_config.tls_config.ca_file: the file ",
		listens:                              "listen.agent: without an enterprise OID only system and snmpEngine are answered",
		listens + "notifications: {enterprise_oid: 1.3.6.1.4.1.32473}\n":                                                       "",
		"discovery: [{name: d, http_sd_configs: [{url: 'http://192.0.2.1/', basic_auth: {username: u, password_file: p}}]}]\n": "discovery[0].http_sd_configs[0].basic_auth.password_file: the file ",
	} {
		c, err := loadWritten(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := strings.Join(c.Warnings, "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
