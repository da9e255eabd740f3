package main

import (
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/corpus"
	"trapline/internal/programtest"
	"trapline/internal/snmp"
)

// namesAlone is a configuration without a number in it, for the objects of if_mib of snmp_exporter.
const namesAlone = `
auths: {public_v2: {version: 2}}
modules:
  by_name:
    walk: [IF-MIB::interfaces, IF-MIB::ifXTable]
    lookups:
    - {source_indexes: [ifIndex], lookup: IF-MIB::ifAlias}
    - {source_indexes: [ifIndex], lookup: IF-MIB::ifDescr}
    - {source_indexes: [ifIndex], lookup: IF-MIB::ifName}
    overrides:
      ifAlias: {ignore: true}
      ifDescr: {ignore: true}
      ifName: {ignore: true}
      ifType: {type: EnumAsInfo}
  tables:
    get: [SNMPv2-MIB::sysUpTime.0]
    walk: [HOST-RESOURCES-MIB::hrStorageTable, IP-MIB::ipv4InterfaceTable, UCD-SNMP-MIB::laTable, ENTITY-SENSOR-MIB::entPhySensorTable]
`

// TestNamesAlone polls recordings with names alone, and compares the series of the interfaces with those that snmp_exporter
// makes of its numbers.
func TestNamesAlone(t *testing.T) { corpus.Each(t, "conformance", testNamesAlone) }

func testNamesAlone(t *testing.T, dir string) {
	names, recorded := programtest.Recordings(t, dir)
	devices := programtest.StartDevices(t, "127.0.35.1:0", agent.Faults{}, recorded...)
	base := startServer(t, namesAlone)
	compared := 0
	for i, name := range names {
		scrape := func(module string) string {
			status, _, body := get(t, base+"/snmp?"+url.Values{"target": {devices.Addr(i).String()}, "module": {module}}.Encode())
			if status != 200 {
				t.Errorf("%s: status %d: %s", name, status, body)
			}
			return body
		}
		if got, want := strings.Contains(scrape("tables"), "\nsysUpTime "), holds(recorded[i], mustOID(t, "1.3.6.1.2.1.1.3.0")); got != want {
			t.Errorf("%s: a series sysUpTime: %v, recorded: %v", name, got, want)
		}
		body := scrape("by_name")
		sample := filepath.Join(dir, "samples", name+"@if_mib")
		if matches, _ := filepath.Glob(sample + "*"); len(matches) == 0 {
			continue
		}
		if diff := difference(sampleSet(body), sampleSet(corpus.Text(t, sample))); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		compared++
	}
	t.Logf("%d of %d devices have interfaces to compare", compared, len(names))
}

func holds(r *agent.Recording, oid snmp.OID) bool {
	for i := range r.Len() {
		if r.Object(i, 0).Name.Compare(oid) == 0 {
			return true
		}
	}
	return false
}
