package config

import (
	"os"
	"strings"
	"testing"

	"trapline/internal/access"
	"trapline/internal/poller"
)

// Spellings of Net-SNMP and the RFCs have the same meaning as our own.
func TestSpellingsInFiles(t *testing.T) {
	const own = `
  a: {version: 3, username: me, security_level: authPriv, auth_protocol: SHA256, password: correct horse, priv_protocol: AES, priv_password: battery staple}
  b: {version: 3, username: me, security_level: authNoPriv, auth_protocol: SHA, password: correct horse}
  c: {version: 3, username: me, security_level: noAuthNoPriv}
  d: {version: 2}
  e: {version: 2}
  f: {version: 1}
  g: {version: 3, username: me, security_level: authPriv, password: correct horse, priv_protocol: AES256C, priv_password: battery staple}
`
	const others = `
  a: {version: v3, username: me, security_level: authpriv, auth_protocol: SHA-256, password: correct horse, priv_protocol: AES-128, priv_password: battery staple}
  b: {version: "3", username: me, security_level: AuthNoPriv, auth_protocol: SHA1, password: correct horse}
  c: {version: 3, username: me, security_level: noauthnopriv}
  d: {version: 2c}
  e: {version: "2"}
  f: {version: v1}
  g: {version: 3, username: me, security_level: AUTHPRIV, password: correct horse, priv_protocol: AES-256-C, priv_password: battery staple}
`
	want := load(t, write(t, "own.yml", ifModule+"auths:"+own))
	got := load(t, write(t, "others.yml", ifModule+"auths:"+others))
	for name, auth := range want.Auths {
		if *got.Auths[name] != *auth {
			t.Errorf("auth %s is %v: want %v", name, got.Auths[name], auth)
		}
	}
}

// Hexadecimal digits are written in one way for all keys that take them.
func TestHexInFiles(t *testing.T) {
	const good = `
state_dir: /var/lib/trapline
auths:
  public_v2: {version: 3, username: me, engine_id: "HEX"}
notifications: {engine_id: "HEX"}
receivers: [{name: r, address: 192.0.2.1, context_engine_id: "HEX"}]
targets: [{address: 192.0.2.2, context_engine_id: "HEX"}]
`
	for _, written := range []string{"80001f8801", "0x80001F8801", "80:00:1f:88:01", "80 00 1f 88 01", "80-00-1F-88-01"} {
		c := load(t, write(t, "snmp.yml", ifModule+strings.ReplaceAll(good, "HEX", written)))
		target, err := poller.NewTarget(&c.Targets[0], &c.Global, poller.NewCatalog(c.Auths, c.Compiled, c.Book))
		if err != nil || target.Spec.ContextEngineID != "\x80\x00\x1f\x88\x01" {
			t.Errorf("%q gives the context engine ID %x, %v", written, target.Spec.ContextEngineID, err)
		}
		if principal, err := c.Auths["public_v2"].Principal(); err != nil || string(principal.EngineID) != "\x80\x00\x1f\x88\x01" || principal.Version != 3 {
			t.Errorf("%q gives the engine ID %x, %v", written, principal.EngineID, err)
		}
	}
	_, err := Load([]string{write(t, "snmp.yml", ifModule+strings.ReplaceAll(good, "HEX", "0x8"))}, Options{})
	if n := strings.Count(err.Error(), "two hexadecimal digits for each octet"); n != 4 {
		t.Errorf("four keys with half an octet: %v", err)
	}
}

// Names stand for numbers in modules with metrics, too, and types for those that took their place.
func TestNamesBesideMetrics(t *testing.T) {
	const numbers = auths + `modules:
  m:
    walk: [1.3.6.1.2.1.2.2, 1.3.6.1.2.1.4.20.1]
    get: [1.3.6.1.2.1.1.3.0, 1.3.6.1.2.1.2.2.1.10.1, 1.3.6.1.2.1.1.5.0]
    metrics:
    - {name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge}
    - name: ipAdEntAddr
      oid: 1.3.6.1.2.1.4.20.1.1
      type: InetAddressIPv4
      indexes: [{labelname: a, type: InetAddressIPv4}]
      lookups: [{labels: [a], labelname: mask, oid: 1.3.6.1.2.1.4.20.1.3, type: InetAddressIPv4}]
    filters: [{oid: 1.3.6.1.2.1.2.2.1.8, targets: [1.3.6.1.2.1.2.2.1.7], values: ["1"]}]
`
	names := strings.NewReplacer("1.3.6.1.2.1.2.2,", "IF-MIB::ifTable,", "1.3.6.1.2.1.1.3.0", "SNMPv2-MIB::sysUpTime.0", "1.3.6.1.2.1.2.2.1.10.1", "ifInOctets.1",
		"1.3.6.1.2.1.1.5.0", "sysName", "oid: 1.3.6.1.2.1.1.3,", "oid: sysUpTime,", "oid: 1.3.6.1.2.1.4.20.1.1\n", "oid: IP-MIB::ipAdEntAddr\n",
		"oid: 1.3.6.1.2.1.4.20.1.3,", "oid: ipAdEntNetMask,", "oid: 1.3.6.1.2.1.2.2.1.8", "oid: ifOperStatus", "[1.3.6.1.2.1.2.2.1.7]", "[IF-MIB::ifAdminStatus]",
		"InetAddressIPv4", "IpAddr").Replace(numbers)
	want := load(t, write(t, "numbers.yml", numbers))
	got := load(t, write(t, "names.yml", names))
	if a, b := asText(t, got.Compiled), asText(t, want.Compiled); a != b {
		t.Errorf("with names:\n%s\nwith numbers:\n%s", a, b)
	}
	if len(got.Warnings)+len(want.Warnings) > 0 {
		t.Errorf("warnings: %q, %q", got.Warnings, want.Warnings)
	}
}

// A secret is as long as a secret: a device file or a log in its place does not fill the memory.
func TestSecretFilesAreBounded(t *testing.T) {
	file := write(t, "secret", strings.Repeat("x", 1<<20))
	a := &access.Auth{Version: 2, CommunityFile: file}
	if _, err := a.Principal(); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("error is %v", err)
	}
	a.CommunityFile = "/dev/zero"
	if _, err := a.Principal(); err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("/dev/zero: %v", err)
	}
}

func TestSecretFilesThatAreNotThere(t *testing.T) {
	t.Chdir(t.TempDir())
	file := write(t, "snmp.yml", ifModule+`auths:
  a: {version: 3, username: me, security_level: authPriv, password_file: nowhere, priv_password_file: .}
  b: {community_file: empty}
  c: {community_file: wide}
`)
	for name, text := range map[string]string{"empty": "", "wide": "\xff\xfep\x00"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got := strings.Join(load(t, file).Warnings, "\n")
	for _, want := range []string{
		":3: auths.a.password_file: there is no file /", "/nowhere: targets cannot be asked until there is: create it, or correct the path\n",
		":3: auths.a.priv_password_file: /", " is a directory: write the path of the file that holds the secret\n",
		":4: auths.b.community_file: /", "/empty is empty: write the secret into it", ":5: auths.c.community_file: /", "/wide is UTF-16",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("warnings lack %q:\n%s", want, got)
		}
	}
}
