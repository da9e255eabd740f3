package notify

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"trapline/internal/access"
	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/originator/receivertest"
	"trapline/internal/outbox"
	"trapline/internal/outbox/queue"
	"trapline/internal/peers"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// ruled is an alarm with the settings of a rule, and the expected notifications in the format
// template.
type ruled struct {
	name                string
	labels, annotations map[string]string
	raise, clear        []string // snmpTrapOID and the following bindings, as printed by snmptrapd; nil if nothing is sent
	faults              string   // their reasons, of the raise
}

const (
	ifEntry  = ".1.3.6.1.2.1.2.2.1."
	ifXEntry = ".1.3.6.1.2.1.31.1.1.1."
	linkDown = "OID: .1.3.6.1.6.3.1.1.5.3"
	linkUp   = "OID: .1.3.6.1.6.3.1.1.5.4"
	missing  = "No Such Instance currently exists at this OID"
)

var ruledAlarms = []ruled{
	{
		name:   "objects of labels, of bindings and of a clear",
		labels: map[string]string{"ifIndex": "3", "ifDescr": "Gi0/3", "ifAdminStatus": "up"},
		annotations: map[string]string{
			"trap_notification": "IF-MIB::linkDown", "trap_varbinds": "ifOperStatus.3 = down\nifDescr = Gi0/3\nifAlias = zwei\tWorte", "trap_clear_varbinds": "ifOperStatus = up",
		},
		raise: []string{linkDown, ifEntry + "1.3 = INTEGER: 3", ifEntry + "7.3 = INTEGER: 1", ifEntry + "8.3 = INTEGER: 2", ifEntry + `2.3 = STRING: "Gi0/3"`, ifXEntry + `18.3 = STRING: "zwei	Worte"`},
		clear: []string{linkUp, ifEntry + "1.3 = INTEGER: 3", ifEntry + "7.3 = INTEGER: 1", ifEntry + "8.3 = INTEGER: 1", ifEntry + `2.3 = STRING: "Gi0/3"`, ifXEntry + `18.3 = STRING: "zwei	Worte"`},
	},
	{
		name:        "the index of the instance that fired, whose value is the alarm's; what nobody knows keeps its place",
		annotations: map[string]string{"trap_notification": "linkDown", "trap_variable": "ifOperStatus.17", "value": "2"},
		raise:       []string{linkDown, ifEntry + "1.17 = INTEGER: 17", ifEntry + "7.17 = " + missing, ifEntry + "8.17 = INTEGER: 2"},
		clear:       []string{linkUp, ifEntry + "1.17 = INTEGER: 17", ifEntry + "7.17 = " + missing, ifEntry + "8.17 = INTEGER: 2"},
	},
	{
		name:        "the index of a binding; an index of the binding's own",
		annotations: map[string]string{"trap_notification": "1.3.6.1.6.3.1.1.5.3", "trap_clear_notification": "none", "trap_varbinds": "ifAdminStatus.4 = testing\nifOperStatus.5 INTEGER = 0x2"},
		raise:       []string{linkDown, ifEntry + "1.4 = INTEGER: 4", ifEntry + "7.4 = INTEGER: 3", ifEntry + "8.5 = INTEGER: 2"},
	},
	{
		name:        "no row is known",
		annotations: map[string]string{"trap_notification": "linkDown", "trap_clear_notification": "1.3.6.1.4.1.32473.9.0.7"},
		raise:       []string{linkDown, ".1.3.6.1.2.1.2.2.1.1 = " + missing, ".1.3.6.1.2.1.2.2.1.7 = " + missing, ".1.3.6.1.2.1.2.2.1.8 = " + missing},
		clear:       []string{"OID: .1.3.6.1.4.1.32473.9.0.7"},
	},
	{
		name: "an index of several objects of several types, in labels",
		labels: map[string]string{
			"tcpConnectionLocalAddressType": "ipv4", "tcpConnectionLocalAddress": "192.0.2.1", "tcpConnectionLocalPort": "22",
			"tcpConnectionRemAddressType": "2", "tcpConnectionRemAddress": "2001:db8::1", "tcpConnectionRemPort": "1e+03",
		},
		annotations: map[string]string{"trap_notification": "1.3.6.1.4.1.32473.9.0.1", "trap_varbinds": "tcpConnectionState = established\ntcpConnectionProcess = 7"},
		raise: []string{
			"OID: .1.3.6.1.4.1.32473.9.0.1",
			".1.3.6.1.2.1.6.19.1.7.1.4.192.0.2.1.22.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1.1000 = INTEGER: 5",
			".1.3.6.1.2.1.6.19.1.8.1.4.192.0.2.1.22.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1.1000 = Gauge32: 7",
		},
		clear: []string{"OID: .1.3.6.1.2.1.88.2.0.3"},
	},
	{
		name:        "the type of an address that is a label, and octets as exporters have them",
		labels:      map[string]string{"ipAddressAddr": "2001:db8::1", "snmpTargetAddrName": "a", "ipNetToPhysicalNetAddress": "192.0.2.1", "ipNetToPhysicalIfIndex": "3"},
		annotations: map[string]string{"trap_notification": "coldStart", "trap_clear_notification": "none", "trap_varbinds": "ipAddressIfIndex = 3\nipNetToPhysicalType = static\nsnmpTargetAddrTAddress = 0xC000020100A2"},
		raise: []string{
			"OID: .1.3.6.1.6.3.1.1.5.1", ".1.3.6.1.2.1.4.34.1.3.2.16.32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1 = INTEGER: 3",
			".1.3.6.1.2.1.4.35.1.6.3.1.4.192.0.2.1 = INTEGER: 4", ".1.3.6.1.6.3.12.1.2.1.3.97 = Hex-STRING: C0 00 02 01 00 A2",
		},
	},
	{
		name:        "an address of IPv4 and a MAC address as indexes",
		labels:      map[string]string{"bgpPeerRemoteAddr": "192.0.2.9", "bgpPeerState": "idle", "dot1dTpFdbAddress": "00:1A:2b:3c:4d:5e"},
		annotations: map[string]string{"trap_notification": "bgpBackwardTransNotification", "trap_varbinds": "dot1dTpFdbPort = 7\nbgpPeerLastError Hex-STRING = 06 02"},
		raise: []string{
			"OID: .1.3.6.1.2.1.15.0.2", ".1.3.6.1.2.1.15.3.1.7.192.0.2.9 = IpAddress: 192.0.2.9", ".1.3.6.1.2.1.15.3.1.14.192.0.2.9 = Hex-STRING: 06 02",
			".1.3.6.1.2.1.15.3.1.2.192.0.2.9 = INTEGER: 1", ".1.3.6.1.2.1.17.4.3.1.2.0.26.43.60.77.94 = INTEGER: 7",
		},
		clear: []string{
			"OID: .1.3.6.1.2.1.15.0.1", ".1.3.6.1.2.1.15.3.1.7.192.0.2.9 = IpAddress: 192.0.2.9", ".1.3.6.1.2.1.15.3.1.14.192.0.2.9 = Hex-STRING: 06 02",
			".1.3.6.1.2.1.15.3.1.2.192.0.2.9 = INTEGER: 1", ".1.3.6.1.2.1.17.4.3.1.2.0.26.43.60.77.94 = INTEGER: 7",
		},
	},
	{
		name:   "values of every type, by their syntax",
		labels: map[string]string{"ifIndex": "1"},
		annotations: map[string]string{"trap_notification": "SNMPv2-MIB::coldStart", "trap_varbinds": `
sysObjectID = IF-MIB::linkUp
ifLastChange = 12345
ifInOctets = 4294967295
ifHCInOctets = 18446744073709551615
ifSpeed = 1e+09
ifPhysAddress = 00:1a:2B:3:4d:5e
ifPromiscuousMode = true
ipAdEntAddr.192.0.2.1 = 192.0.2.1
hrSystemDate = 2026-03-01T12:00:00Z
hrPrinterDetectedErrorState.1 = 80
dot3StatsDuplexStatus.1 = fullDuplex(3)
snmpTargetAddrTAddress.'a' Hex-STRING = 0xC0000201 00A2
upsTestId = upsTestNoTestsInitiated
sysName = "a blank "
lldpLocSysCapSupported = bridge, router
1.3.6.1.4.1.32473.9.1.0 Double = -2.25
1.3.6.1.4.1.32473.9.2.0 BITS = 0,9
`},
		raise: []string{
			"OID: .1.3.6.1.6.3.1.1.5.1", ".1.3.6.1.2.1.1.2.0 = OID: .1.3.6.1.6.3.1.1.5.4", ifEntry + "9.1 = 12345", ifEntry + "10.1 = Counter32: 4294967295",
			ifXEntry + "6.1 = Counter64: 18446744073709551615", ifEntry + "5.1 = Gauge32: 1000000000", ifEntry + "6.1 = Hex-STRING: 00 1A 2B 03 4D 5E", ifXEntry + "16.1 = INTEGER: 1",
			".1.3.6.1.2.1.4.20.1.1.192.0.2.1 = IpAddress: 192.0.2.1", ".1.3.6.1.2.1.25.1.2.0 = Hex-STRING: 07 EA 03 01 0C 00 00 00 2B 00 00", ".1.3.6.1.2.1.25.3.5.1.2.1 = STRING: \"80\"",
			".1.3.6.1.2.1.10.7.2.1.19.1 = INTEGER: 3", ".1.3.6.1.6.3.12.1.2.1.3.97 = Hex-STRING: C0 00 02 01 00 A2", ".1.3.6.1.2.1.33.1.7.1.0 = OID: .1.3.6.1.2.1.33.1.7.7.1",
			".1.3.6.1.2.1.1.5.0 = STRING: \"a blank \"", `.1.0.8802.1.1.2.1.3.5.0 = STRING: "("`, ".1.3.6.1.4.1.32473.9.1.0 = Opaque: Float: -2.250000", ".1.3.6.1.4.1.32473.9.2.0 = Hex-STRING: 80 40",
		},
		clear: []string{"OID: .1.3.6.1.2.1.88.2.0.3"},
	},
	{
		name:        "a notification that is unknown is sent in the other format",
		annotations: map[string]string{"trap_notification": "IF-MIB::linkDownn"},
		raise:       []string{"OID: .1.3.6.1.2.1.88.2.0.2"}, clear: []string{"OID: .1.3.6.1.2.1.88.2.0.3"}, faults: "unknown_notification",
	},
	{
		name:        "an object is no notification",
		annotations: map[string]string{"trap_notification": "ifDescr"},
		raise:       []string{"OID: .1.3.6.1.2.1.88.2.0.2"}, clear: []string{"OID: .1.3.6.1.2.1.88.2.0.3"}, faults: "unknown_notification",
	},
	{
		name:  "an alarm without a notification",
		raise: []string{"OID: .1.3.6.1.2.1.88.2.0.2"}, clear: []string{"OID: .1.3.6.1.2.1.88.2.0.3"},
	},
	{
		name:   "names and values that are wrong cost no more than themselves",
		labels: map[string]string{"ifIndex": "1"},
		annotations: map[string]string{
			"trap_notification": "linkDown", "trap_varbinds": "ifAdminStatus = upp\nifOperStatus = up\nifNothing = 1\n1.3.6.1.4.1.32473.9.1 = 1\nifInOctets = -1", "trap_variable": "ifNothing.1",
		},
		raise:  []string{linkDown, ifEntry + "1.1 = INTEGER: 1", ifEntry + "7.1 = " + missing, ifEntry + "8.1 = INTEGER: 1"},
		clear:  []string{linkUp, ifEntry + "1.1 = INTEGER: 1", ifEntry + "7.1 = " + missing, ifEntry + "8.1 = INTEGER: 1"},
		faults: "bad_value bad_value bad_value unknown_object unknown_object",
	},
	{
		name:   "what the rule says of an object comes before the alarm's value",
		labels: map[string]string{"ifIndex": "3"},
		annotations: map[string]string{
			"trap_notification": "linkDown", "trap_variable": "ifOperStatus.3", "value": "2", "trap_varbinds": "ifAdminStatus = up\nifOperStatus = lowerLayerDown", "trap_clear_varbinds": "ifOperStatus = up",
		},
		raise: []string{linkDown, ifEntry + "1.3 = INTEGER: 3", ifEntry + "7.3 = INTEGER: 1", ifEntry + "8.3 = INTEGER: 7"},
		clear: []string{linkUp, ifEntry + "1.3 = INTEGER: 3", ifEntry + "7.3 = INTEGER: 1", ifEntry + "8.3 = INTEGER: 1"},
	},
	{
		name:   "a label that is no index",
		labels: map[string]string{"ifIndex": "three", "ifOperStatus": "up"}, annotations: map[string]string{"trap_notification": "linkDown", "trap_clear_notification": "none"},
		raise:  []string{linkDown, ".1.3.6.1.2.1.2.2.1.1 = " + missing, ".1.3.6.1.2.1.2.2.1.7 = " + missing, ".1.3.6.1.2.1.2.2.1.8 = INTEGER: 1"},
		faults: "bad_value bad_value",
	},
}

func (r *ruled) alarm(t *testing.T) alarm.Alarm {
	t.Helper()
	labels := map[string]string{"alertname": "A"}
	for name, value := range r.labels {
		labels[name] = value
	}
	a, err := AlarmOf("", labels, r.annotations)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// templateRoute returns a receiver of traps in the format template, with disman as the fallback.
func templateRoute(t *testing.T, address string, a access.Auth, identity *originator.Identity) (*queue.Route, *outbox.Metrics) {
	return testRoute(t, ReceiverSettings{Type: "trap", Format: formatTemplate, Fallback: "disman", Address: address}, a, identity)
}

// Each alarm must be sent as the notification that its rule names: sysUpTime, snmpTrapOID, the
// OBJECTS in order, then the additional bindings of the rule.
func TestTemplateFormat(t *testing.T) {
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	state := openDir(t, t.TempDir())
	route, _ := templateRoute(t, d.Address, receivertest.Community(2), state.Identity)
	count := 0
	for _, test := range ruledAlarms {
		for kind, want := range map[alarm.Kind][]string{alarm.Raise: test.raise, alarm.Clear: test.clear, alarm.Change: nil} {
			if kind == alarm.Change && (test.faults == "unknown_notification" || test.annotations == nil) {
				continue // that is of the other format
			}
			receipt, err := route.Deliver(t.Context(), &alarm.Event{ID: "e", Kind: kind, At: noon, Alarm: test.alarm(t)}, 1)
			if err != nil || (receipt.Sent == 0) != (want == nil) {
				t.Fatalf("%s, %s: %+v, %v", test.name, kind, receipt, err)
			}
			if want == nil {
				continue
			}
			count++
			got := strings.Split(varBindsOf(d.AwaitReceived(t, count)[count-1]), "|~|")
			if !strings.HasPrefix(got[0], ".1.3.6.1.2.1.1.3.0 = ") {
				t.Errorf("%s, %s: first stands %s", test.name, kind, got[0])
			}
			if strings.Contains(want[0], ".88.2.0.") { // its objects have a test of their own
				got = got[:2]
			}
			if text := strings.Join(got[1:], "\n"); text != ".1.3.6.1.6.3.1.1.4.1.0 = "+strings.Join(want, "\n") {
				t.Errorf("%s, %s:\n%s\nwant\n%s", test.name, kind, text, strings.Join(want, "\n"))
			}
		}
	}
}

// varBindsOf are the variable bindings of a line of snmptrapd's log.
func varBindsOf(line string) string {
	_, list, _ := strings.Cut(line, "vb=")
	return strings.ReplaceAll(list, " |~|", "|~|")
}

// Alarms that cannot be sent as the rule requires must be counted by reason.
func TestFaultsOfTemplates(t *testing.T) {
	f := templateFormat(builtIn, dismanFormat(nil, true))
	for _, test := range ruledAlarms {
		var reasons []string
		for _, fault := range f(&alarm.Event{Kind: alarm.Raise, At: noon, Alarm: test.alarm(t)}, maxMessageSize).faults {
			reasons = append(reasons, fault.reason)
		}
		slices.Sort(reasons)
		if got := strings.Join(reasons, " "); got != test.faults {
			t.Errorf("%s: %s, want %s", test.name, got, test.faults)
		}
	}
	state := openDir(t, t.TempDir())
	sink := receivertest.ListenUDP(t)
	route, m := templateRoute(t, sink.LocalAddr().String(), receivertest.Community(2), state.Identity)
	a := alarm.Alarm{ID: "a", Notification: "linkDownn"}
	if _, err := route.Deliver(t.Context(), &alarm.Event{Kind: alarm.Raise, At: noon, Alarm: a}, 1); err != nil {
		t.Fatal(err)
	}
	if got := testutil.ToFloat64(m.Faults.WithLabelValues("nms", faultNotification)); got != 1 {
		t.Errorf("%g faults are counted", got)
	}
	receivertest.Receive(t, sink) // the event itself is not lost
}

// SNMPv1 has no Counter64 and no exceptions: they are left out, the former is counted.
func TestTemplatesBySNMPv1(t *testing.T) {
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	state := openDir(t, t.TempDir())
	route, m := templateRoute(t, d.Address, receivertest.Community(1), state.Identity)
	a, err := AlarmOf("", map[string]string{"alertname": "A", "ifIndex": "3", "address": "192.0.2.7"}, map[string]string{
		"trap_notification": "linkDown", "trap_varbinds": "ifOperStatus = down\nifHCInOctets = 1\nifInOctets = 1",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := route.Deliver(t.Context(), &alarm.Event{Kind: alarm.Raise, At: noon, Alarm: a}, 1); err != nil {
		t.Fatal(err)
	}
	got := d.AwaitReceived(t, 1)[0]
	if want := "agent=192.0.2.7 ent=.1.3.6.1.6.3.1.1.5 gen=2 spec=0 "; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	want := ".1.3.6.1.2.1.2.2.1.1.3 = INTEGER: 3|~|.1.3.6.1.2.1.2.2.1.8.3 = INTEGER: 2|~|.1.3.6.1.2.1.2.2.1.10.3 = Counter32: 1|~|.1.3.6.1.6.3.18.1.3.0 = IpAddress: 192.0.2.7"
	if got := varBindsOf(got); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if n := testutil.ToFloat64(m.Faults.WithLabelValues("nms", faultCounter64)); n != 1 {
		t.Errorf("%g Counter64 counted", n)
	}
}

// Rules have the fields of SNMPv1 by the objects that stand for them (RFC 3584 section 3).
func TestRulesSetTheFieldsOfSNMPv1(t *testing.T) {
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Handled: true})
	state := openDir(t, t.TempDir())
	route, _ := templateRoute(t, d.Address, receivertest.Community(1), state.Identity)
	for i, test := range []struct{ notification, bindings, want, handled string }{
		{"SNMPv2-MIB::warmStart", "snmpTrapEnterprise = 1.3.6.1.4.1.20408.4.1.1.2\nsysUpTime = 7",
			"agent=127.0.0.1 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=1 spec=0 ticks=7 vb=.1.3.6.1.6.3.1.1.4.3.0 = OID: .1.3.6.1.4.1.20408.4.1.1.2", "1.3.6.1.6.3.1.1.5.2"},
		{"warmStart", "sysUpTime = 7", "agent=127.0.0.1 ent=.1.3.6.1.6.3.1.1.5 gen=1 spec=0 ticks=7 vb=", "1.3.6.1.6.3.1.1.5.2"},
		{"1.3.6.1.4.1.20408.4.1.1.2.0.432", "sysUpTime = 12345\nsnmpTrapAddress = 192.0.2.7\nsnmpTrapOID = coldStart",
			"agent=192.0.2.7 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=6 spec=.432 ticks=12345 vb=.1.3.6.1.6.3.18.1.3.0 = IpAddress: 192.0.2.7", "1.3.6.1.4.1.20408.4.1.1.2.0.432"},
		{"1.3.6.1.4.1.20408.4.1.1.2.432", "sysUpTime = 12345\nsysDescr = my system",
			`agent=127.0.0.1 ent=.1.3.6.1.4.1.20408.4.1.1.2 gen=6 spec=.432 ticks=12345 vb=.1.3.6.1.2.1.1.1.0 = STRING: "my system"`, "1.3.6.1.4.1.20408.4.1.1.2.0.432"},
	} {
		a, err := AlarmOf("", map[string]string{"alertname": "A"}, map[string]string{"trap_notification": test.notification, "trap_varbinds": test.bindings})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := route.Deliver(t.Context(), &alarm.Event{Kind: alarm.Raise, At: noon, Alarm: a}, 1); err != nil {
			t.Fatal(err)
		}
		if got := receivertest.Sourceless(d.AwaitReceived(t, i+1)[i]); got != "v=0 user=public "+test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.notification, got, test.want)
		}
		if got := d.AwaitHandled(t, i+1)[i]; !strings.Contains(got, "\n.1.3.6.1.6.3.1.1.4.1.0 ."+test.handled+"\n") {
			t.Errorf("%s is handled as\n%s", test.notification, got)
		}
	}
}

// Known pairs are pairs of notifications that there are.
func TestEndsOfNotifications(t *testing.T) {
	for raise, clear := range clears {
		for _, name := range []string{raise, clear} {
			if _, node, err := builtIn.Notification(name); err != nil || node == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// A message of any format must fit into a frame: bindings that are not in the notification's
// OBJECTS are dropped first, then texts are truncated.
func TestMessagesOfAllFormatsFitAFrame(t *testing.T) {
	state := openDir(t, t.TempDir())
	for _, name := range formatNames {
		sink := receivertest.ListenUDP(t)
		m := outbox.NewMetrics(prometheus.NewRegistry())
		r := ReceiverSettings{Name: "nms", Type: "trap", Format: name, Address: sink.LocalAddr().String(), Auth: "a", Rate: 1, Window: 1}
		a := receivertest.Community(2)
		route, err := NewRoute(&r, &Dependencies{
			Settings: &Settings{EnterpriseOID: setting.ParseOID(labEnterprise)}, Auths: map[string]*access.Auth{"a": &a}, Identity: state.Identity, Metrics: m,
			Names: builtIn, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		long := strings.Repeat("ä", 700)
		subject := alarm.Alarm{
			ID: "a", Rule: long, Target: long, Summary: long, Description: long, Variable: "1.3" + strings.Repeat(".4294967295", 100), Labels: map[string]string{"a": long, "upsAlarmId": "1"},
			Notification: "upsTrapAlarmEntryAdded", VarBinds: []alarm.Binding{{Name: "upsAlarmDescr", Value: "1.3" + strings.Repeat(".4294967295", 100)}},
		}
		for range 20 {
			subject.VarBinds = append(subject.VarBinds, alarm.Binding{Name: "1.3.6.1.4.1.32473.9." + strings.Repeat("1", len(subject.VarBinds)%8+1), Type: "STRING", Value: long})
		}
		if _, err := route.Deliver(t.Context(), &alarm.Event{ID: "e", Kind: alarm.Raise, At: noon, Alarm: subject}, 1); err != nil {
			t.Fatal(err)
		}
		b := receivertest.Receive(t, sink)
		if _, err := snmp.ParseMessage(b); err != nil || len(b) > maxMessageSize {
			t.Errorf("%s: %d octets, %v", name, len(b), err)
		}
		if n := testutil.ToFloat64(m.Trimmed.WithLabelValues("nms")); n < 1 {
			t.Errorf("%s: %g trimmed", name, n)
		}
	}
}

func FuzzTemplateFormat(f *testing.F) {
	f.Add("IF-MIB::linkDown", "ifOperStatus = down", "ifIndex", "3", "ifOperStatus.3")
	f.Add("bgpBackwardTransition", "bgpPeerLastError Hex-STRING = 1 2", "bgpPeerRemoteAddr", "192.0.2.1", "1.3.6")
	f.Add("1.3.6.1.2.1.15.0.2", `tcpConnState."1.2.3.4" = 1`, "snmpTargetAddrName", "x", "snmpTargetAddrName.'a'")
	f.Fuzz(func(t *testing.T, notification, bindings, label, value, variable string) {
		a, _ := AlarmOf("", map[string]string{"alertname": "A", label: value}, map[string]string{
			"trap_notification": notification, "trap_varbinds": bindings, "trap_variable": variable, "value": value,
		})
		for _, kind := range []alarm.Kind{alarm.Raise, alarm.Clear} {
			d := templateFormat(builtIn, dismanFormat(builtIn, true))(&alarm.Event{Kind: kind, At: noon, Alarm: a}, maxMessageSize)
			if d.notification == nil {
				continue
			}
			d.fit(maxMessageSize)
			for list := d.notification.EncodeVarBinds(); len(list) > 0; {
				var err error
				if _, list, err = snmp.CutVarBind(list); err != nil {
					t.Fatal(err)
				}
			}
			d.suitV1()
			if _, err := d.notification.TrapV1(a.Address); err != nil {
				t.Log(err)
			}
		}
	})
}

// PySNMP has the same values: exceptions, text that is not ASCII, several lines.
func TestPySNMPAgreesAboutTemplates(t *testing.T) {
	p := peers.StartPyrecv(t, "")
	state := openDir(t, t.TempDir())
	route, _ := testRoute(t, ReceiverSettings{Type: "inform", Format: formatTemplate, Address: p.Address}, receivertest.Credentials(peers.UsualUsers()[2]), state.Identity)
	a, err := AlarmOf("", map[string]string{"alertname": "A", "ifIndex": "3"}, map[string]string{
		"trap_notification": "linkDown", "trap_varbinds": "ifOperStatus = down\nifAlias = \"größer\\nals\"\nifHCInOctets = 18446744073709551615\nifLastChange = 7",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := route.Deliver(t.Context(), &alarm.Event{Kind: alarm.Raise, At: noon, Alarm: a}, 1); err != nil {
		t.Fatal(err)
	}
	got := p.AwaitReceived(t, 1)[0].VarBinds[1:]
	want := [][3]string{
		{originator.SNMPTrapOID.String(), "ObjectIdentifier", "1.3.6.1.6.3.1.1.5.3"},
		{"1.3.6.1.2.1.2.2.1.1.3", "Integer", "3"}, {"1.3.6.1.2.1.2.2.1.7.3", "NoSuchInstance", "No Such Instance currently exists at this OID"},
		{"1.3.6.1.2.1.2.2.1.8.3", "Integer", "2"}, {"1.3.6.1.2.1.31.1.1.1.18.3", "OctetString", "0x6772c3b6c39f65720a616c73"},
		{"1.3.6.1.2.1.31.1.1.1.6.3", "Counter64", "18446744073709551615"}, {"1.3.6.1.2.1.2.2.1.9.3", "TimeTicks", "7"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}
