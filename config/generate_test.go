package config

import (
	"strings"
	"testing"
)

const generatorFile = `auths:
  public_v2: {version: 2, community: $ecret}
modules:
  if_mib:
    walk: [IF-MIB::interfaces, ifHCInOctets, ifHCOutOctets, SNMPv2-MIB::sysUpTime]
    max_repetitions: 10
    lookups:
    - {source_indexes: [ifIndex], lookup: ifAlias, drop_source_indexes: true}
    overrides:
      ifAlias: {ignore: true}
      IF-MIB::ifType: {type: EnumAsInfo}
      1.3.6.1.2.1.2.2.1.4: {name: mtu, scale: 0.5, help: Largest packet}
      sysUpTime: {regex_extracts: {'': [{regex: '(.*)'}]}}
      ifTyp: {ignore: true}
    filters:
      static: [{targets: [ifHCInOctets], indices: ["1", "2"]}]
      dynamic: [{oid: ifAdminStatus, targets: [ifHCOutOctets], values: ["1"]}]
`

// The generated configuration requests the same objects and has the same credentials.
func TestGeneratedFileAsksForTheSame(t *testing.T) {
	file := write(t, "generator.yml", generatorFile)
	generated, warnings, err := Generate([]string{file}, Options{AllMIBs: true})
	if err != nil {
		t.Fatal(err)
	}
	if want := file + ":14: modules.if_mib.overrides.ifTyp: no effect: the module reads no such object: did you mean ifType?"; strings.Join(warnings, "\n") != want {
		t.Errorf("warnings are %q: want %q", warnings, want)
	}
	direct, indirect := load(t, file), load(t, write(t, "snmp.yml", string(generated)))
	if got, want := asText(t, indirect.Compiled), asText(t, direct.Compiled); got != want {
		t.Errorf("generated:\n%s\nof the file itself:\n%s", got, want)
	}
	if got := string(indirect.Auths["public_v2"].Community); got != "$ecret" {
		t.Errorf("the community is %q", got)
	}
	for _, want := range []string{
		"    walk:\n      - 1.3.6.1.2.1.2\n      - 1.3.6.1.2.1.31.1.1.1.10\n      - 1.3.6.1.2.1.31.1.1.1.18\n",
		"      - 1.3.6.1.2.1.1.3.0\n      - 1.3.6.1.2.1.31.1.1.1.6.1\n      - 1.3.6.1.2.1.31.1.1.1.6.2\n",
		"      - name: mtu\n        oid: 1.3.6.1.2.1.2.2.1.4\n        type: gauge\n        help: Largest packet\n",
		"        type: EnumAsInfo\n",
		"          - labels: []\n            labelname: ifIndex\n",
		"    filters:\n      - oid: 1.3.6.1.2.1.2.2.1.7\n        targets:\n          - 1.3.6.1.2.1.31.1.1.1.10\n",
	} {
		if !strings.Contains(string(generated), want) {
			t.Errorf("the generated file lacks\n%s", want)
		}
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := encode(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
