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
		"listen: {adresses: [':162'], auths: [public_v2]}":                    `unknown key "adresses" in listen: did you mean addresses?`,
		"listen: {addresses: [':162'], auths: [public]}":                      `listen.auths[0]: there is no auth "public": auths has public_v2`,
		"listen: {addresses: [':162']}":                                       "listen needs auths",
		"listen: {auths: [public_v2]}":                                        "listen needs addresses",
		"listen: {addresses: ['tcp:[::]:162'], auths: [public_v2]}":           "travel by udp",
		"listen: {addresses: [':162'], auths: [public_v2], allow: [10.0.0]}":  `listen.allow[0]: "10.0.0" is neither an address nor a network`,
		"listen: {addresses: [':162'], auths: [public_v2], rate: -1}":         "listen.rate: a rate is a number",
		"listen: {addresses: [':162'], auths: [public_v2], allow: [0.0.0/0]}": "neither an address nor a network",
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
