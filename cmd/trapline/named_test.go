package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"trapline/internal/agent"
	"trapline/internal/corpus"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// Objects that were asked for by name are printed by name, as Net-SNMP prints them with the MIBs at hand: composite
// indexes, labels, display hints and units.
func TestPeersNamesArePrintedAsNetSNMPDoes(t *testing.T) {
	t.Parallel()
	corpus.Each(t, "conformance", testNamesArePrinted)
}

func testNamesArePrinted(t *testing.T, recorded string) {
	dir := corpus.MIBs(t, corpus.Own(t, "mibs"))
	dirs := filepath.Join(dir, "rfc") + ":" + filepath.Join(dir, "net-snmp")
	names, list := programtest.Recordings(t, recorded)
	devices := programtest.StartDevices(t, "127.0.36.1:0", agent.Faults{}, list...)
	snmpd := peers.StartSnmpd(t, peers.SnmpdOptions{})
	addresses := map[string]string{snmpd.Address: "snmpd"}
	for i, name := range names {
		addresses[devices.Addr(i).String()] = name
	}
	binary := program(t)
	compared := 0
	for address, name := range addresses {
		for _, root := range []string{"SNMPv2-MIB::system", "IF-MIB::ifTable", "IF-MIB::ifXTable", "IP-MIB::ipNetToMediaTable", "TCP-MIB::tcpConnTable", "HOST-RESOURCES-MIB::hrStorageTable"} {
			module, _, _ := strings.Cut(root, "::")
			var wrong []string
			for range 20 { // an agent of a host that lives has other values sometimes
				want := peers.NetSNMP(t, "snmpbulkwalk", "-v2c", "-cpublic", "-M", dirs, "-m", module+":SNMPv2-MIB:IANAifType-MIB:HOST-RESOURCES-TYPES", address, root)
				if strings.Contains(want, "No Such") || strings.Contains(want, "No more variables") {
					break
				}
				got, err := exec.Command(binary, "walk", "-v2c", "-cpublic", address, root).Output()
				if err != nil {
					t.Fatalf("%s %s: %v", name, root, err)
				}
				compared += strings.Count(want, "\n")
				if wrong = printedOtherwise(string(got), want); wrong == nil || address != snmpd.Address {
					break
				}
			}
			for _, line := range wrong {
				t.Errorf("%s %s: %s", name, root, line)
			}
		}
	}
	if compared < 400 || compared < 10_000 && recorded != corpus.Own(t, "conformance") {
		t.Errorf("only %d lines compared", compared)
	}
}

// printedOtherwise returns the lines that differ from Net-SNMP's.
func printedOtherwise(got, want string) (wrong []string) {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(a) != len(b) {
		return []string{fmt.Sprintf("%d lines, Net-SNMP prints %d", len(a), len(b))}
	}
	for i := range a {
		if comparable(a[i]) != comparable(b[i]) {
			wrong = append(wrong, fmt.Sprintf("%s, Net-SNMP: %s", a[i], b[i]))
		}
	}
	return wrong
}

// comparable is a line without the parts that Net-SNMP prints in another way on purpose: octets of MAC addresses
// in one digit, octets that are no text as they are, OIDs by the modules it has read, remarks on types that do not fit the MIB; and without times, which pass.
func comparable(line string) string {
	name, value, _ := strings.Cut(line, " = ")
	if i := strings.Index(value, "): "); strings.HasPrefix(value, "Wrong Type") && i > 0 {
		value = value[i+3:]
	}
	kind, _, _ := strings.Cut(value, ":")
	if kind == "OID" || kind == "Timeticks" || kind == "Hex-STRING" || strings.Contains(name, "PhysAddress") || strings.ContainsFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return name
	}
	return name + " = " + value
}
