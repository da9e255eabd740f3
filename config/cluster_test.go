package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each error in `cluster` has its line and a remedy, and its files are relative to that which names them.
func TestClusterIsReadStrictly(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("auths: {public_v2: {}}\ntargets: [192.0.2.1]\n"+text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	const voters = "members: [127.0.0.1, 127.0.0.2, 127.0.0.3]"
	for text, want := range map[string]string{
		"cluster: {}":                           ":3: cluster.members: write the names of 3 or 5 hosts",
		"cluster: {members: [a, b]}":            ":3: cluster.members: write the names of 3 or 5 hosts",
		"cluster: {member: [a, b, c]}":          ":3: cluster.member",
		"cluster: {membres: [a, b, c]}":         `:3: unknown key "membres" in cluster: did you mean members?`,
		"cluster: {members: [a, b, c]}":         "write tls with ca_file, cert_file and key_file, or insecure: true",
		"cluster: {" + voters + ", lease: 1s}":  ":3: cluster.lease: 1s is not a lease: write 2s to 1m0s",
		"cluster: {" + voters + ", tls: {}}":    ":3: cluster.tls.ca_file: ca_file is required",
		"cluster: {" + voters + ", weight: -1}": ":3: cluster.weight: -1 is not a weight: write 0 to 1000",
		"cluster: {etcd: {username: me}}":       ":3: cluster.etcd.endpoints: write the URLs",
		"cluster: {" + voters + ", zone: a/b}":  `:3: cluster.zone: "a/b" is not a zone`,
		"cluster: {" + voters + ", insecure: true}\nnotifications: {engine_id: 80000000046e6577}": ":4: notifications.engine_id: each member of a cluster sends traps with an engine ID of its own: leave engine_id out",
	} {
		if _, err := Load([]string{write("snmp.yml", text)}, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	file := write("snmp.yml", "cluster: {"+voters+", tls: {ca_file: ca.pem, cert_file: /cert.pem, key_file: key.pem}}")
	c, err := Load([]string{file}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if tls := c.Cluster.TLS; tls.CAFile != filepath.Join(dir, "ca.pem") || tls.CertFile != "/cert.pem" || c.StateDir == "" {
		t.Errorf("%+v, state_dir %q", tls, c.StateDir)
	}
	other := filepath.Join(dir, "other.yml")
	if err := os.WriteFile(other, []byte("cluster: {"+voters+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load([]string{file, other}, Options{}); err == nil || !strings.Contains(err.Error(), "other.yml:1: cluster: already set ") {
		t.Errorf("twice: %v", err)
	}
}
