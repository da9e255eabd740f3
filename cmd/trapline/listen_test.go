package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"trapline/internal/peers"
	"trapline/internal/programtest"
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

// A trap rule raises an alarm, which the receiver is sent, and an inform is acknowledged once it is stored. The alarm ends
// by the notification that clears it.
func TestTrapRulesRaiseAlarms(t *testing.T) {
	t.Parallel()
	address, _ := peers.FreeUDPAddresses(t)
	silent := newHole(t)
	trapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	text := programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: nms, address: %q}\n", trapd.Address)) + fmt.Sprintf(`
targets: [{name: core-1, address: %q, labels: {site: berlin}, modules: [uptime]}]
global: {timeout: 50ms, retries: 0}
listen: {addresses: [%q], auths: [public_v2, secure, strong]}
trap_rules:
- alert: PortDown
  on: IF-MIB::linkDown
  match: {ifAdminStatus: up}
  clear: [IF-MIB::linkUp]
  labels: {severity: major}
  annotations: {summary: "port {{ $varbinds.ifDescr }} of {{ $labels.target }} ({{ $labels.site }}) is down"}
`, silent.address, address)
	base := startServer(t, text)
	user := []string{"-v3", "-u", "usr-sha-aes", "-l", "authPriv", "-a", "SHA", "-A", peers.AuthPassphrase, "-x", "AES", "-X", peers.PrivPassphrase}
	link := func(notification, admin string) []string {
		return append(slices.Clone(user), address, "", notification, "1.3.6.1.2.1.2.2.1.1.3", "i", "3", "1.3.6.1.2.1.2.2.1.7.3", "i", admin, "1.3.6.1.2.1.2.2.1.2.3", "s", "Gi0/3")
	}
	peers.NetSNMP(t, "snmpinform", link("1.3.6.1.6.3.1.1.5.3", "2")...)
	peers.NetSNMP(t, "snmpinform", link("1.3.6.1.6.3.1.1.5.3", "1")...)
	_, _, alarms := get(t, base+"/api/v1/alarms")
	if !strings.Contains(alarms, "port Gi0/3 of core-1 (berlin) is down") {
		t.Errorf("an inform is acknowledged before its alarm is stored: %s", alarms)
	}
	trapd.AwaitReceived(t, 2) // a resync and the raise
	peers.NetSNMP(t, "snmpinform", link("1.3.6.1.6.3.1.1.5.4", "1")...)
	lines := trapd.AwaitReceived(t, 3)
	if all := strings.Join(lines, "\n"); !strings.Contains(all, "port Gi0/3 of core-1 (berlin) is down") || !strings.Contains(all, "over: port") {
		t.Error(all)
	}
	await(t, base+"/api/v1/events?kind=cleared", "linkUp was received")
	await(t, base+"/metrics", `trapline_traps_total{target="core-1",trap="linkDown"} 2`)
}

// Each refusal has its reason.
func TestRefusedTrapsAreCountedByReason(t *testing.T) {
	t.Parallel()
	address, _ := peers.FreeUDPAddresses(t)
	text := programtest.Notifying(t, t.TempDir(), "- {name: nms, address: 127.0.0.1:9}\n") + fmt.Sprintf(`listen: {addresses: [%q], auths: [public_v2, secure], allow: [127.0.0.1]}`, address)
	base := startServer(t, text)
	engine := peers.NetSNMPEngine([]byte("\x80another engine"), 7, 1000)
	trap := func(engine []string, more ...string) {
		args := append([]string{"-v3", "-l", "authPriv", "-a", "SHA", "-A", peers.AuthPassphrase, "-x", "AES", "-X", peers.PrivPassphrase, "-u", "usr-sha-aes"}, engine...)
		peers.NetSNMP(t, "snmptrap", append(append(args, more...), address, "", "1.3.6.1.6.3.1.1.5.1")...)
	}
	trap(engine)
	for reason, send := range map[string]func(){
		"community": func() { peers.NetSNMP(t, "snmptrap", "-v2c", "-csecret", address, "", "1.3.6.1.6.3.1.1.5.1") },
		"user":      func() { trap(engine, "-u", "nobody") },
		"digest":    func() { trap(engine, "-A", "another passphrase") },
		"level":     func() { trap(engine, "-l", "authNoPriv") },
		"window":    func() { trap(peers.NetSNMPEngine([]byte("\x80another engine"), 6, 1000)) },
		"acl":       func() { sendFrom(t, "127.0.82.9:0", address, "x") },
		"malformed": func() { sendFrom(t, "127.0.0.1:0", address, "\x30\x05hello") },
	} {
		send()
		await(t, base+"/metrics", fmt.Sprintf("trapline_traps_refused_total{reason=%q} 1", reason))
	}
	await(t, base+"/metrics", `trapline_traps_total{target="",trap="coldStart"} 1`)
}

// sendFrom sends a datagram from an address.
func sendFrom(t *testing.T, from, to, text string) {
	t.Helper()
	local, err := net.ResolveUDPAddr("udp", from)
	if err != nil {
		t.Fatal(err)
	}
	remote, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialUDP("udp", local, remote)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}
