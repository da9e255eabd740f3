package config

import (
	"strings"
	"testing"
)

const oldFile = `if_mib:
  walk: [1.3.6.1.2.1.2]
  metrics: [{name: ifNumber, oid: 1.3.6.1.2.1.2.1, type: gauge, help: x}]
core:
  version: 3
  auth: &auth {security_level: authPriv, username: me, password: correct horse, priv_password: battery staple}
  timeout: 10s
  get: [1.3.6.1.2.1.1.3.0]
  metrics: [{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: x}]
edge:
  version: 3
  auth: *auth
  walk: [1.3.6.1.2.1.4.20]
  metrics: [{name: ipAdEntAddr, oid: 1.3.6.1.2.1.4.20.1.1, type: IpAddr, help: x, indexes: [{labelname: a, type: IpAddr}]}]
printer:
  version: 1
  auth: {community: secret}
  walk: [1.3.6.1.2.1.43]
  metrics: [{name: prtGeneralPrinterName, oid: 1.3.6.1.2.1.43.5.1.1.16, type: DisplayString, help: x, indexes: [{labelname: i, type: gauge}]}]
`

const newFile = `auths:
  public_v2: {version: 2, community: public}
  core: {version: 3, security_level: authPriv, username: me, password: correct horse, priv_password: battery staple}
  printer: {version: 1, community: secret}
modules:
  if_mib:
    walk: [1.3.6.1.2.1.2]
    metrics: [{name: ifNumber, oid: 1.3.6.1.2.1.2.1, type: gauge, help: x}]
  core:
    timeout: 10s
    get: [1.3.6.1.2.1.1.3.0]
    metrics: [{name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: x}]
  edge:
    walk: [1.3.6.1.2.1.4.20]
    metrics: [{name: ipAdEntAddr, oid: 1.3.6.1.2.1.4.20.1.1, type: InetAddressIPv4, help: x, indexes: [{labelname: a, type: InetAddressIPv4}]}]
  printer:
    walk: [1.3.6.1.2.1.43]
    metrics: [{name: prtGeneralPrinterName, oid: 1.3.6.1.2.1.43.5.1.1.16, type: DisplayString, help: x, indexes: [{labelname: i, type: gauge}]}]
`

// The form that snmp_exporter had before 0.23 is one error however many modules there are, and generate
// converts it without loss.
func TestFilesOfTheOldForm(t *testing.T) {
	old := write(t, "snmp.yml", oldFile)
	_, err := Load([]string{old}, Options{})
	if want := old + ":1: this file has the form of snmp_exporter before 0.23: "; err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error is %v\nwant %s…", err, want)
	}
	generated, warnings, err := Generate([]string{old}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, want := load(t, write(t, "got.yml", string(generated))), load(t, write(t, "want.yml", newFile))
	if a, b := asText(t, got.Compiled), asText(t, want.Compiled); a != b {
		t.Errorf("modules are\n%s\nwant\n%s", a, b)
	}
	for name, auth := range want.Auths {
		if got.Auths[name] == nil || *got.Auths[name] != *auth {
			t.Errorf("auth %s is %v: want %v", name, got.Auths[name], auth)
		}
	}
	if len(got.Auths) != len(want.Auths) {
		t.Errorf("%d auths: want %d", len(got.Auths), len(want.Auths))
	}
	if text := strings.Join(warnings, "\n"); strings.Count(text, "scrape it with the parameter auth=core") != 2 || !strings.Contains(text, "module printer was asked with what is now auth printer") {
		t.Errorf("warnings are %s", text)
	}
}

func TestGeneratorFilesOfTheOldForm(t *testing.T) {
	old := write(t, "generator.yml", "modules:\n  m:\n    walk: [sysUpTime]\n    version: 1\n    auth: {community: secret}\n")
	if _, err := Load([]string{old}, Options{}); err == nil || !strings.HasPrefix(err.Error(), old+":4: this file has the form of snmp_exporter before 0.23") {
		t.Errorf("error is %v", err)
	}
	generated, _, err := Generate([]string{old}, Options{AllMIBs: true})
	if err != nil {
		t.Fatal(err)
	}
	c := load(t, write(t, "snmp.yml", string(generated)))
	if a := c.Auths["m"]; a == nil || a.Version != 1 || a.Community != "secret" || len(c.Compiled["m"].Metrics) != 1 {
		t.Errorf("generated:\n%s", generated)
	}
}

// An error in a file of the old form is reported with its line in that file.
func TestMistakesInOldFilesKeepTheirLines(t *testing.T) {
	old := write(t, "snmp.yml", strings.Replace(oldFile, "timeout: 10s", "timeout: 10", 1))
	_, _, err := Generate([]string{old}, Options{})
	if want := old + `:7: modules.core.timeout: "10" is not a duration`; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is %v\nwant %s…", err, want)
	}
}

// A tree that leads to itself is no reason to go round in it.
func TestOldFilesThatLeadToThemselves(t *testing.T) {
	for _, text := range []string{
		"x: &a {<<: *a, walk: [1.3]}\n", "modules: {m: &a {<<: *a, walk: [1.3], version: 1}}\n", "modules: &a {m: *a, walk: [1.3], version: 1}\n",
		"x: {walk: [1.3], auth: &a {community: *a}}\ny: {walk: [1.3], auth: &b {community: *b}}\n", "a: &a {<<: [*a, *a]}\nb: {walk: *a}\n",
	} {
		file := write(t, "snmp.yml", text)
		if _, err := Load([]string{file}, Options{}); err == nil {
			t.Errorf("%q loads", text)
		}
		if _, _, err := Generate([]string{file}, Options{}); err == nil {
			t.Errorf("%q is converted", text)
		}
	}
}
