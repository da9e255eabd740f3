package main

import (
	"net/url"
	"strings"
	"testing"

	"trapline/internal/agent"
	"trapline/internal/programtest"
)

// A target whose modules are auto needs nothing else: no module, no MIB, no OID.
func TestZeroConfiguration(t *testing.T) {
	device := programtest.StartDevices(t, "127.0.38.1:0", agent.Faults{}, agent.Switch48(1)).Addr(0).String()
	base := startServer(t, "auths: {public_v2: {version: 2}}\ntargets: [{name: sw, address: '"+device+"', modules: [auto], labels: {ifName: x}}]\n")
	polled := await(t, base+"/targets/sw/metrics", "ifHCInOctets{")
	_, _, onDemand := get(t, base+"/snmp?"+url.Values{"target": {device}, "module": {"auto"}}.Encode())
	for _, test := range []struct{ name, body, label string }{{"polled", polled, "exported_ifName"}, {"on demand", onDemand, "ifName"}} {
		for _, want := range []string{"sysUpTime ", "ifOperStatus{", `snmp_scrape_pdus_returned{module="interfaces"}`} {
			if !containsLine(test.body, want) {
				t.Errorf("%s: no %s", test.name, want)
			}
		}
		if !strings.Contains(test.body, test.label+`="`) {
			t.Errorf("%s: no label %s", test.name, test.label)
		}
	}
}
