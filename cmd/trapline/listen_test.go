package main

import (
	"context"
	"net/netip"
	"os"
	"strconv"
	"time"

	"trapline/internal/trapimport"

	"trapline/internal/agent"
	"trapline/internal/originator"
	"trapline/internal/snmp"

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
	await(t, base+"/api/v1/traps", `"device":"127.0.0.1","version":"3","user":"usr-sha-aes"`)
	for flag, want := range map[string]string{"--unknown": "127.0.0.1  3        coldStart", "--refused": "127.0.82.9  acl", "--limit=1": "coldStart      1"} {
		if got := invoke(t, "traps", flag, "--url="+base); got.status != 0 || !strings.Contains(got.out, want) {
			t.Errorf("traps %s: %+v", flag, got)
		}
	}
}

// sendFrom sends a datagram from an address.
func sendFrom(t testing.TB, from, to, text string) {
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

// rePolled runs a switch whose port 3 goes down when its trap is sent, and a server that polls it once an hour.
func rePolled(t testing.TB) (base string, flip func(down bool) time.Duration) {
	trapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	address, _ := peers.FreeUDPAddresses(t)
	const device = "127.0.82.1:16182"
	operStatus := snmp.MustParseOID("1.3.6.1.2.1.2.2.1.8.3")
	serve := func(down bool) (stop func()) {
		var b agent.Builder
		agent.Switch48(1).Still().Rename(&b, func(v snmp.VarBind) (snmp.VarBind, bool) {
			if v.Name.Compare(operStatus) == 0 {
				if v.Value = []byte{1}; down {
					v.Value = []byte{2}
				}
			}
			return v, true
		})
		server, err := agent.Listen(b.Recording().Serve(netip.MustParseAddrPort(device)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- server.Run(ctx) }()
		return func() { cancel(); <-ended }
	}
	stop := serve(false)
	t.Cleanup(func() { stop() })
	file := programtest.InDir(t, map[string]string{"rules.yml": `groups: [{name: g, rules: [{alert: PortDown, expr: 'ifOperStatus{ifIndex="3"} == 2'}]}]`})
	base = startServer(t, programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: nms, address: %q}\n", trapd.Address))+fmt.Sprintf(`
targets: [{name: access-1, address: %q, modules: [if_mib], interval: 1h}]
listen: {addresses: [%q], auths: [public_v2], allow: [127.0.0.0/8]}
rule_files: [%s]
`, device, address, file("rules.yml")))
	await(t, base+"/metrics", `trapline_target_up{target="access-1"} 1`)
	received := len(trapd.AwaitReceived(t, 1))
	return base, func(down bool) time.Duration {
		stop()
		stop = serve(down)
		notification := "1.3.6.1.6.3.1.1.5.4"
		if down {
			notification = "1.3.6.1.6.3.1.1.5.3"
		}
		n := originator.Notification{Trap: snmp.MustParseOID(notification), Uptime: uint32(time.Now().UnixMilli() / 10), VarBinds: []snmp.VarBind{
			{Name: snmp.MustParseOID("1.3.6.1.2.1.2.2.1.1.3"), Type: snmp.Integer, Value: []byte{3}},
		}}
		start := time.Now()
		sendFrom(t, "127.0.82.1:0", address, string(snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.TrapV2, VarBinds: n.EncodeVarBinds()})))
		received++
		trapd.AwaitReceived(t, received)
		return time.Since(start)
	}
}

// After a linkDown the row is read again, and the rules judge it: the alarm needs no poll of the whole device.
func TestRowIsPolledAfterItsTrap(t *testing.T) {
	t.Parallel()
	base, flip := rePolled(t)
	before := numberOf(t, base, `trapline_target_varbinds_total{target="access-1"}`)
	t.Logf("from the trap to the notification: %v, and %v", flip(true), flip(false)) // which are two seconds apart
	if after := numberOf(t, base, `trapline_target_varbinds_total{target="access-1"}`); after != before {
		t.Errorf("the whole device is polled: %v variable bindings, then %v", before, after)
	}
	awaitMatch(t, base+"/targets/access-1/metrics", `ifOperStatus\{.*ifIndex="3".*\} 1\n`)
}

// numberOf is the value of the first series that begins so.
func numberOf(t *testing.T, base, series string) float64 {
	t.Helper()
	_, _, text := get(t, base+"/metrics")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, series) {
			n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("there is no " + series)
	return 0
}

// Events of snmptt raise alarms with the same texts.
func TestImportedEventsRaiseAlarms(t *testing.T) {
	t.Parallel()
	address, _ := peers.FreeUDPAddresses(t)
	file := programtest.InDir(t, map[string]string{"snmptt.conf": `
EVENT diskFailed .1.3.6.1.4.1.32473.0.1 "Hardware" CRITICAL
FORMAT Disk $1 of shelf $2 failed: $* ($#)
MATCH $1: (^sd)
EVENT other .1.3.6.1.4.1.32473.0.* "Hardware" MINOR
FORMAT $+1
`})
	var result trapimport.Result
	text, err := os.ReadFile(file("snmptt.conf"))
	if err != nil {
		t.Fatal(err)
	}
	result.Add("snmptt.conf", string(text))
	silent := newHole(t)
	base := startServer(t, fmt.Sprintf("state_dir: %s\ntargets: [{name: store-1, address: %q}]\nglobal: {timeout: 50ms, retries: 0}\nlisten: {addresses: [%q], auths: [public_v2]}\n%s", t.TempDir(), silent.address, address, result.YAML()))
	for _, disk := range []string{"sdb", "fd0"} {
		peers.NetSNMP(t, "snmpinform", "-v2c", "-cpublic", address, "", "1.3.6.1.4.1.32473.0.1", "1.3.6.1.4.1.32473.1.1", "s", disk, "1.3.6.1.4.1.32473.1.2", "i", "7")
	}
	_, _, alarms := get(t, base+"/api/v1/alarms")
	for _, want := range []string{`"text":"Disk sdb of shelf 7 failed: sdb 7 (2)"`, `"text":"1.3.6.1.4.1.32473.1.1:fd0"`} {
		if !strings.Contains(alarms, want) {
			t.Errorf("there is no %s in %s", want, alarms)
		}
	}
}

// Traps of all versions are forwarded with the address of their device, in order, and without their community.
func TestTrapsAreForwarded(t *testing.T) {
	t.Parallel()
	address, _ := peers.FreeUDPAddresses(t)
	trapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	v1, _ := peers.FreeUDPAddresses(t)
	base := startServer(t, programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: nms, address: %q, auth: secure, forward: {traps: [\"*\"], from: {target: core-.*}}}\n- {name: other, address: %q, forward: {traps: [linkUp]}}\n", trapd.Address, v1))+fmt.Sprintf(`
targets: [{name: core-1, address: 127.0.82.3, modules: [uptime]}, {name: lab-1, address: 127.0.0.1, modules: [uptime]}]
global: {timeout: 50ms, retries: 0}
listen: {addresses: [%q], auths: [public_v2]}
`, address))
	trap := func(from string, uptime uint32) {
		n := originator.Notification{Trap: snmp.MustParseOID("1.3.6.1.6.3.1.1.5.3"), Uptime: uptime, VarBinds: []snmp.VarBind{
			{Name: snmp.MustParseOID("1.3.6.1.6.3.18.1.4.0"), Type: snmp.OctetString, Value: []byte("public")},
			{Name: snmp.MustParseOID("1.3.6.1.2.1.2.2.1.1.3"), Type: snmp.Integer, Value: []byte{3}},
		}}
		sendFrom(t, from, address, string(snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.TrapV2, VarBinds: n.EncodeVarBinds()})))
	}
	trapd.AwaitReceived(t, 1) // a resync
	trap("127.0.0.1:0", 7)    // of the lab
	for i := range uint32(20) {
		trap("127.0.82.3:0", 1000+i)
	}
	trapd.AwaitReceived(t, 21) // the next one has another sender, and might overtake them
	peers.NetSNMP(t, "snmptrap", "-v1", "-cpublic", address, "1.3.6.1.4.1.9", "127.0.82.3", "6", "5", "7")
	lines := trapd.AwaitReceived(t, 22)[1:]
	for i, line := range lines {
		want := []string{fmt.Sprintf(".1.3.6.1.2.1.1.3.0 = %d|", 1000+i), "1.3.6.1.6.3.1.1.5.3|", "1.3.6.1.2.1.2.2.1.1.3 = INTEGER: 3", "1.3.6.1.6.3.18.1.3.0 = IpAddress: 127.0.82.3"}
		if i == 20 {
			want = []string{".1.3.6.1.2.1.1.3.0 = 7|", "OID: .1.3.6.1.4.1.9.0.5|", "1.3.6.1.6.3.18.1.3.0 = IpAddress: 127.0.82.3", "1.3.6.1.6.3.1.1.4.3.0 = OID: .1.3.6.1.4.1.9"}
		}
		for _, text := range want {
			if !strings.Contains(line, text) {
				t.Errorf("%d: there is no %s in %s", i, text, line)
			}
		}
		if strings.Contains(line, "1.3.6.1.6.3.18.1.4") {
			t.Errorf("the community is forwarded: %s", line)
		}
	}
	if len(lines) != 21 {
		t.Errorf("%d are forwarded", len(lines))
	}
	await(t, base+"/api/v1/events?receiver=nms", `"notification":"forward"`)
	await(t, base+"/api/v1/outbox", `{"receiver":"nms","failing":false,"events":[],`) // and none waits, nor has one for the other receiver
	if _, _, waiting := get(t, base+"/api/v1/outbox"); strings.Contains(waiting, `"kind":"forward"`) {
		t.Error(waiting)
	}
}

// A trap is of the target that has its agent-addr in ipAddrTable, if that is polled.
func TestTrapsAreOfTheTargetWithTheAddress(t *testing.T) {
	t.Parallel()
	address, _ := peers.FreeUDPAddresses(t)
	const device = "127.0.75.1:17501"
	server, err := agent.Listen(agent.Switch48(1).Still().Serve(netip.MustParseAddrPort(device)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	base := startServer(t, fmt.Sprintf(`
modules: {addresses: {walk: [IP-MIB::ipAddrTable]}}
targets: [{name: access-1, address: %q, modules: [addresses]}]
listen: {addresses: [%q], auths: [public_v2], allow: [127.0.0.0/8]}
`, device, address))
	await(t, base+"/metrics", `trapline_target_up{target="access-1"} 1`)
	peers.NetSNMP(t, "snmptrap", "-v1", "-cpublic", address, "1.3.6.1.4.1.9", "10.20.0.1", "0", "0", "1")
	await(t, base+"/metrics", `trapline_traps_total{target="access-1",trap="coldStart"} 1`)
}

// Rules look at the counts of traps when these come, whether the target answers polls or not, and a count has an increase
// from the first trap on.
func TestRulesLookAtCountsOfTraps(t *testing.T) {
	t.Parallel()
	address, _ := peers.FreeUDPAddresses(t)
	silent := newHole(t)
	file := programtest.InDir(t, map[string]string{"rules.yml": `groups: [{name: g, rules: [{alert: Flapping, expr: 'increase(trapline_traps_total{trap="linkDown"}[5m]) > 3', labels: {severity: minor}}]}]`})
	base := startServer(t, fmt.Sprintf(`
state_dir: %s
targets: [{name: core-1, address: %q, modules: [if_mib], interval: 1h, labels: {site: berlin}}]
global: {timeout: 50ms, retries: 0}
listen: {addresses: [%q], auths: [public_v2], allow: [127.0.0.0/8]}
rule_files: [%s]
`, t.TempDir(), silent.address, address, file("rules.yml")))
	awaitMatch(t, base+"/metrics", `trapline_target_up\{.*\} 0\n`)
	if _, _, config := get(t, base+"/api/v1/status"); strings.Contains(config, "write a range") {
		t.Error(config)
	}
	down := func(n int) {
		for range n {
			peers.NetSNMP(t, "snmptrap", "-v2c", "-cpublic", address, "", "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.2.1.2.2.1.1.3", "i", "3")
		}
	}
	down(3)
	await(t, base+"/metrics", `trapline_traps_total{target="core-1",trap="linkDown"} 3`)
	if _, _, alarms := get(t, base+"/api/v1/alarms"); strings.Contains(alarms, "Flapping") {
		t.Error("3 is more than 3")
	}
	down(2)
	await(t, base+"/api/v1/alarms", `"site":"berlin"`)
	if _, _, alarms := get(t, base+"/api/v1/alarms"); !strings.Contains(alarms, `"trap":"linkDown"`) || !strings.Contains(alarms, "Flapping") {
		t.Error(alarms)
	}
}
