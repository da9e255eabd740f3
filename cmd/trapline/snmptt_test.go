package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trapline/internal/api"
	"trapline/internal/originator"
	"trapline/internal/peers"
	"trapline/internal/snmp"
	"trapline/internal/trapimport"
)

// snmpttLines has snmptt handle notifications as snmptrapd hands them to its handler, and returns the lines of its log.
func snmpttLines(t *testing.T, conf string, handled []string) []string {
	t.Helper()
	program, dir := peers.Require(t, "snmptt", "snmptt"), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Mkdir(at("spool"), 0o700); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{at("snmptt.conf"): conf, at("snmptt.ini"): fmt.Sprintf(`[General]
mode = daemon
multiple_event = 1
[DaemonMode]
daemon_fork = 0
pid_file = %s
spool_directory = %s/
sleep = 1
use_trap_time = 1
[Logging]
log_enable = 1
log_file = %s
[TrapFiles]
snmptt_conf_files = <<END
%s
END
`, at("pid"), at("spool"), at("log"), at("snmptt.conf"))}
	for i, text := range handled {
		files[at(fmt.Sprintf("spool/#snmptt-trap-%06d", i))] = fmt.Sprintf("%d\n%s\n", 1700000000+i, strings.TrimRight(text, "\n"))
	}
	for name, text := range files {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := peers.Start(t, nil, program, "--ini="+at("snmptt.ini"))
	p.Await(t, func() bool { left, _ := os.ReadDir(at("spool")); return len(left) == 0 })
	text, err := os.ReadFile(at("log"))
	if err != nil {
		t.Fatal(err, p.Output())
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// formats are texts of snmptt with each variable.
var formats = []string{
	"Port $1 is down", "$* ($#)", "$2 of $1: $3", "$+1", "$+* end", "$-2|$-*", "$v1=$1, $v2=$2", "$N is $s in $c", "$r $R", "$A", "$aA from $aR, $ar", "$o $O", "$i", "by $e/$E",
	"costs $$5, $$1 and $$$1", "{{ $1 }} {$2}", "100% of $1; [$3]", "generic $G, specific $S", "tab$Ftline$Fnend", "no variable: $, $z, $", "$1$2", "$(1) $ 1", "plain", "$D.", "$Fz|$k", `back\slash "$1" 'x' ` + "`y`",
}

var snmpttSeverities = []string{"Normal", "WARNING", "MINOR", "MAJOR", "CRITICAL", "INFORMATIONAL", "SEVERE"}

// snmpttConf returns a configuration of so many events below 1.3.6.1.4.1.32473.0, and the number of those that have NODES or REGEX.
func snmpttConf(events int) (conf string, without int) {
	var b strings.Builder
	for i := range events {
		fmt.Fprintf(&b, "#\n#\nEVENT event%d .1.3.6.1.4.1.32473.0.%[1]d \"Status of %d\" %s\nFORMAT %s\n", i, i%4, snmpttSeverities[i%len(snmpttSeverities)], formats[i%len(formats)])
		switch i % 10 {
		case 3:
			b.WriteString("MATCH MODE=and\nMATCH $1: (disk)\nMATCH $2: (^[0-9]+$)\n")
		case 4:
			b.WriteString("MATCH $4: (127[.]0[.]84[.]50)\n")
		case 5:
			b.WriteString("MATCH $1: (DISK)i\n")
		case 7:
			b.WriteString("MATCH $1: (^nothing)\n")
		case 8:
			b.WriteString("NODES MODE=POS\nNODES 127.0.0.0/8\n")
			without++
		case 9:
			b.WriteString("REGEX (qqq)(zzz)\n") // which changes no text
			without++
		}
		fmt.Fprintf(&b, "EXEC /bin/true $r\nSDESC\nThe text of event %d, of $1\nEDESC\n", i)
	}
	return b.String(), without
}

// trapOf returns the trap of event i, of SNMPv1 or SNMPv2c.
func trapOf(i int) []byte {
	base := snmp.MustParseOID("1.3.6.1.4.1.32473")
	objects := []snmp.VarBind{
		{Type: snmp.OctetString, Value: fmt.Appendf(nil, "disk %d of {{ shelf }}", i)}, {Type: snmp.Integer, Value: snmp.AppendInt(nil, int64(i))},
		{Type: snmp.ObjectIdentifier, Value: snmp.MustParseOID("1.3.6.1.6.3.1.1.5.3")}, {Type: snmp.IPAddress, Value: []byte{192, 0, 2, byte(i)}},
		{Type: snmp.Gauge32, Value: snmp.AppendUint(nil, uint64(i)<<20)}, {Type: snmp.Counter64, Value: snmp.AppendUint(nil, uint64(i)<<40)}, {Type: snmp.OctetString, Value: []byte("é\n\x01")[3:3]},
	}
	objects = objects[:3+i%5]
	for n := range objects {
		objects[n].Name = snmp.AppendArc(snmp.AppendArc(base, 1), uint32(n+1))
	}
	if i%3 == 0 {
		m := snmp.TrapMessage{Community: []byte("public"), Trap: snmp.Trap{Enterprise: base, AgentAddress: [4]byte{127, 0, 84, 50}, Generic: snmp.EnterpriseSpecific, Specific: int32(i), Timestamp: 7}}
		for _, v := range objects {
			m.VarBinds = snmp.AppendVarBind(m.VarBinds, v)
		}
		return snmp.AppendTrap(nil, &m)
	}
	if i%3 == 1 { // as proxies send them
		objects = append(objects, snmp.VarBind{Name: originator.SNMPTrapAddress, Type: snmp.IPAddress, Value: []byte{127, 0, 84, 50}},
			snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.6.3.18.1.4.0"), Type: snmp.OctetString, Value: []byte("hidden")}, snmp.VarBind{Name: originator.SNMPTrapEnterprise, Type: snmp.ObjectIdentifier, Value: base})
	}
	n := originator.Notification{Trap: snmp.AppendArc(snmp.AppendArc(base, 0), uint32(i)), Uptime: 7, VarBinds: objects}
	return snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.TrapV2, VarBinds: n.EncodeVarBinds()})
}

// snmpttLine matches a line of snmptt's log.
var snmpttLine = regexp.MustCompile(`^.{24} (\.[0-9.]+) (\S+) "([^"]*)" \S+ - (.*)$`)

// asDocumented makes the text of snmptt ours, by the differences that docs/12-received-traps.md names.
func asDocumented(text string) string {
	text = regexp.MustCompile(`(^|[^0-9A-Za-z.])\.(1\.3\.)`).ReplaceAllString(text, "$1$2") // OIDs have no dot in front
	return strings.NewReplacer(" (unknown):", ":", "1.3.6.1.6.3.1.1.5.3", "linkDown", "by 1.3.6.1.4.1.32473/1.3.6.1.4.1.32473", "by enterprises.32473/enterprises.32473").Replace(text)
}

// Events of snmptt are imported, and raise alarms with its texts: 300 events with all variables, and a trap for each.
func TestTextsAreThoseOfSnmptt(t *testing.T) {
	t.Parallel()
	const events, device = 300, "127.0.84.50"
	conf, without := snmpttConf(events)
	trapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Handled: true})
	var result trapimport.Result
	result.Add("snmptt.conf", conf)
	imported := string(result.YAML())
	if n := strings.Count(imported, "NODES 127") + strings.Count(imported, "REGEX "); result.Events() != events || n != without {
		t.Errorf("%d events, %d notes of %d lines that are left out", result.Events(), n, without)
	}
	address, _ := peers.FreeUDPAddresses(t)
	_, base := startProcess(t, fmt.Sprintf("state_dir: %s\nlisten: {addresses: [%q], auths: [public_v2], allow: [127.0.84.0/24]}\n%s", t.TempDir(), address, imported))
	for i := range events {
		sendFrom(t, device+":0", address, string(trapOf(i)))
		sendFrom(t, device+":0", trapd.Address, string(trapOf(i)))
		trapd.AwaitHandled(t, i+1)
	}
	want, last := map[string]string{}, ""
	for _, line := range snmpttLines(t, conf, trapd.AwaitHandled(t, events)) {
		if m := snmpttLine.FindStringSubmatch(line); m != nil {
			last = m[1][strings.LastIndexByte(m[1], '.')+1:]
			want[last] = asDocumented(m[4])
		} else {
			want[last] += "\n" + line
		}
	}
	var got struct {
		Data []struct {
			Text   string
			Labels map[string]string
		}
	}
	_, _, text := get(t, base+"/api/v1/alarms?limit=1000")
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	for _, a := range got.Data {
		n := strings.TrimPrefix(a.Labels["alertname"], "event")
		if line, raised := want[n]; !raised || line != a.Text {
			t.Errorf("event %s: %q, of snmptt %q", n, a.Text, line)
		}
		delete(want, n)
	}
	for n, text := range want {
		t.Errorf("event %s is missing: %q", n, text)
	}
}

// Events of severity Normal end the alarms of the events before them, with the texts of snmptt: those beside them by their
// name, and those of the same notification by its values.
func TestEndsHaveTheTextsOfSnmptt(t *testing.T) {
	t.Parallel()
	const device, conf = "127.0.62.50", `EVENT linkDown .1.3.6.1.6.3.1.1.5.3 "Status" MAJOR
FORMAT Port $1 is down ($c)
EVENT linkUp .1.3.6.1.6.3.1.1.5.4 "Status" Normal
FORMAT Port $1 is up: $* ($#, $c)
EVENT fanFailed .1.3.6.1.4.1.32473.0.1 "Fans" CRITICAL
FORMAT Fan $1 failed
MATCH $2: (failed)
EVENT fanWorks .1.3.6.1.4.1.32473.0.1 "Fans" Normal
FORMAT $N: fan $1 works
MATCH $2: (ok)
`
	text := func(arc uint32, value string) snmp.VarBind {
		return snmp.VarBind{Name: snmp.AppendArc(snmp.MustParseOID("1.3.6.1.4.1.32473.1"), arc), Type: snmp.OctetString, Value: []byte(value)}
	}
	port := snmp.VarBind{Name: snmp.MustParseOID("1.3.6.1.2.1.2.2.1.1.3"), Type: snmp.Integer, Value: []byte{3}}
	var sent []string
	for i, n := range []originator.Notification{
		{Trap: snmp.MustParseOID("1.3.6.1.6.3.1.1.5.3"), VarBinds: []snmp.VarBind{port}}, {Trap: snmp.MustParseOID("1.3.6.1.4.1.32473.0.1"), VarBinds: []snmp.VarBind{text(1, "7"), text(2, "failed")}},
		{Trap: snmp.MustParseOID("1.3.6.1.6.3.1.1.5.4"), VarBinds: []snmp.VarBind{port}}, {Trap: snmp.MustParseOID("1.3.6.1.4.1.32473.0.1"), VarBinds: []snmp.VarBind{text(1, "7"), text(2, "ok")}},
	} {
		n.Uptime = uint32(i + 1)
		sent = append(sent, string(snmp.AppendMessage(nil, &snmp.Message{Version: snmp.V2c, Community: []byte("public"), PDU: snmp.TrapV2, VarBinds: n.EncodeVarBinds()})))
	}
	trapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Handled: true})
	var result trapimport.Result
	result.Add("snmptt.conf", conf)
	address, _ := peers.FreeUDPAddresses(t)
	_, base := startProcess(t, fmt.Sprintf("state_dir: %s\nlisten: {addresses: [%q], auths: [public_v2], allow: [127.0.62.0/24]}\n%s", t.TempDir(), address, result.YAML()))
	for i, trap := range sent {
		sendFrom(t, device+":0", address, trap)
		sendFrom(t, device+":0", trapd.Address, trap)
		trapd.AwaitHandled(t, i+1)
	}
	var want []string
	for _, line := range snmpttLines(t, conf, trapd.AwaitHandled(t, len(sent))) {
		if m := snmpttLine.FindStringSubmatch(line); m != nil {
			want = append(want, asDocumented(m[4]))
		}
	}
	var got struct{ Data []api.Event }
	awaitThat(t, base+"/api/v1/events?kind=cleared", func(body string) error {
		if n := strings.Count(body, `"kind":"cleared"`); n != 2 {
			return fmt.Errorf("%d are cleared", n)
		}
		return nil
	})
	_, _, body := get(t, base+"/api/v1/events?match[]=kind=~%22raised|cleared%22")
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range slices.Backward(got.Data) {
		texts = append(texts, e.Text)
	}
	if !slices.Equal(texts, want) {
		t.Errorf("texts are %q, of snmptt %q", texts, want)
	}
	if _, _, body := get(t, base+"/api/v1/alarms"); strings.Contains(body, `"rule"`) {
		t.Errorf("still active: %s", body)
	}
}
