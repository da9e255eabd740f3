package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"trapline/internal/originator"
	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/snmp"
)

var linkDownsOfTargets = regexp.MustCompile(`(?m)^trapline_traps_total\{target="device-\d",trap="linkDown"\} (\d+)$`)

// Devices send each trap to two members, of which one at most polls them: it is counted once, raises one alarm, and is forwarded once, also if
// its owner leaves between the two. One of SNMPv3 from an address that nobody knows is of the target whose engine another member has found.
func TestClusterTraps(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	const targets, network = 6, "69"
	port := ":20162"
	const engineID = "80001f8804" + "747261706c696e65"
	agent := peers.StartSnmpd(t, peers.SnmpdOptions{EngineID: engineID})
	trapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	w := witnessOf(t, true)
	text := strings.Replace(programtest.Notifying(t, "", fmt.Sprintf("- {name: nms, address: %q, labels: {target: nobody}, forward: {traps: [\"*\"]}}\n- {name: w, address: %q, timeout: 2s, every_transition: true}\n", trapd.Address, w.LocalAddr())), "state_dir: \n", "", 1) + simulated(t, network, targets) + fmt.Sprintf("- {name: secured, address: %q, modules: [system], auth: secure}\n", agent.Address) + `trap_rules:
- {alert: PortDown, on: IF-MIB::linkDown, clear: [IF-MIB::linkUp], labels: {severity: major}, annotations: {summary: "port {{ $labels.ifIndex }} is down"}}
`
	s := plannedSite(t, network, targets+1)
	for _, m := range s.members {
		s.file = filepath.Join(t.TempDir(), "snmp.yml")
		s.write(text+fmt.Sprintf("listen: {addresses: [%q], auths: [public_v2, secure], allow: [127.0.0.0/8]}\n", m.address+port), votersOf(network))
		m.file = s.file
		s.start(m)
	}
	s.await("each target is polled by one member", func() bool { return len(s.status(s.members[0]).Members) == 3 && s.polledOnce() })
	send := func(kind snmp.PDUType, trap string, uptime uint32) {
		n := originator.Notification{Trap: snmp.MustParseOID(trap), Uptime: uptime, VarBinds: []snmp.VarBind{
			{Name: snmp.MustParseOID("1.3.6.1.2.1.2.2.1.1.3"), Type: snmp.Integer, Value: []byte{3}},
		}}
		datagram := string(snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: kind, RequestID: int32(uptime), VarBinds: n.EncodeVarBinds()}))
		members := s.alive()
		for i := range targets {
			for k := range 2 {
				sendFrom(t, fmt.Sprintf("127.0.%s.%d:0", network, 100+i), members[(i+k)%len(members)].address+port, datagram)
			}
		}
	}
	const linkDown, linkUp = "1.3.6.1.6.3.1.1.5.3", "1.3.6.1.6.3.1.1.5.4"
	forwardedOnce := func(most int) {
		t.Helper()
		lines := func() (list []string) {
			for _, line := range trapd.Received() {
				if strings.Contains(line, "IpAddress: 127.0."+network+".1") {
					list = append(list, line[strings.Index(line, "vb="):])
				}
			}
			slices.Sort(list)
			return list
		}
		distinct := func() []string { return slices.Compact(lines()) }
		s.await("all traps are forwarded", func() bool { return len(distinct()) == most })
		if list := lines(); len(list) != most {
			t.Errorf("%d traps are forwarded, want %d: %s", len(list), most, strings.Join(list, "\n"))
		}
	}
	send(snmp.TrapV2, linkDown, 1000)
	s.await("all alarms are raised", func() bool { return w.count() == targets && s.activeOf() == targets })
	send(snmp.TrapV2, linkUp, 2000)
	s.await("all alarms are cleared", func() bool { return w.count() == 2*targets && s.activeOf() == 0 })
	w.want(targets, "raise clear")
	forwardedOnce(2 * targets)
	total := 0
	for _, m := range s.members {
		text, _ := s.get(m.url() + "/metrics")
		for _, found := range linkDownsOfTargets.FindAllStringSubmatch(text, -1) {
			n, _ := strconv.Atoi(found[1])
			total += n
		}
	}
	if total != targets {
		t.Errorf("%d linkDown are counted, want %d", total, targets)
	}
	elsewhere := slices.IndexFunc(s.members, func(m *siteMember) bool { return s.polls()["secured"][m.address] == 0 })
	s.await("a trap is of the target with its engine", func() bool {
		peers.NetSNMP(t, "snmptrap", "-v3", "-e0x"+engineID, "-uusr-sha-aes", "-lauthPriv", "-aSHA", "-A"+peers.AuthPassphrase, "-xAES", "-X"+peers.PrivPassphrase,
			"--clientaddr=127.0."+network+".250", s.members[elsewhere].address+port, "", "1.3.6.1.6.3.1.1.5.1")
		return slices.ContainsFunc(s.members, func(m *siteMember) bool {
			text, _ := s.get(m.url() + "/metrics")
			return strings.Contains(text, `trapline_traps_total{target="secured",trap="coldStart"}`)
		})
	})
	owner := slices.IndexFunc(s.members, func(m *siteMember) bool { return s.polls()["device-0"][m.address] > 0 })
	send(snmp.InformRequest, linkDown, 3000)
	s.await("all alarms are raised again", func() bool { return w.count() == 3*targets && s.activeOf() == targets })
	forwardedOnce(3 * targets)
	if err := s.stop(s.members[owner], syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	send(snmp.InformRequest, linkDown, 3000) // which are the same for minutes
	send(snmp.TrapV2, linkUp, 4000)
	s.await("all alarms are cleared again", func() bool { return w.count() == 4*targets && s.activeOf() == 0 })
	w.want(targets, "raise clear raise clear")
	forwardedOnce(4 * targets)
}
