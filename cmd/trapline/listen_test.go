package main

import (
	"fmt"
	"testing"

	"trapline/internal/peers"
)

// A trap of Net-SNMP is counted under the target that it is of, and noted in the journal.
func TestTrapsAreCountedAndNoted(t *testing.T) {
	t.Parallel()
	address, _ := peers.FreeUDPAddresses(t)
	silent := newHole(t)
	base := startServer(t, fmt.Sprintf("state_dir: %s\ntargets: [{name: core-1, address: %q}]\nglobal: {timeout: 50ms, retries: 0}\nlisten: {addresses: [%q], auths: [public_v2]}\n", t.TempDir(), silent.address, address))
	await(t, base+"/metrics", `trapline_traps_refused_total{reason="acl"} 0`)
	peers.NetSNMP(t, "snmptrap", "-v2c", "-cpublic", address, "", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.3", "i", "3", "1.3.6.1.2.1.2.2.1.7.3", "i", "2")
	await(t, base+"/metrics", `trapline_traps_total{target="core-1",trap="linkDown"} 1`)
	peers.NetSNMP(t, "snmptrap", "-v1", "-cother", address, "1.3.6.1.4.1.9", "127.0.0.1", "6", "5", "1")
	await(t, base+"/metrics", `trapline_traps_refused_total{reason="community"} 1`)
	await(t, base+"/api/v1/events?kind=trap", `"value":"linkDown","text":"ifIndex.3=3, ifAdminStatus.3=down"`)
}
