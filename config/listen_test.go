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
