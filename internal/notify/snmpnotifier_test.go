package notify

import (
	"encoding/hex"
	"strings"
	"testing"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/originator/receivertest"
	"trapline/internal/peers"
)

// The OIDs, the three texts and their positions must be those of snmp_notifier's MIB, so that
// existing rules of its receivers keep matching.
func TestSnmpNotifierFormat(t *testing.T) {
	p := peers.StartPyrecv(t, "")
	state := openDir(t, t.TempDir())
	route, _ := testRoute(t, ReceiverSettings{Type: "trap", Format: "snmp-notifier", Address: p.Address}, receivertest.Community(2), state.Identity)
	labels := map[string]string{"alertname": "TestAlert", "severity": "warning", "environment": "production"}
	own := map[string]string{"alertname": "TestAlert", "oid": "1.3.6.1.4.1.32473.9.0.1"}
	annotations := map[string]string{"summary": "this is the summary", "description": "this is the description\non job1"}
	const id, ownID = "1.3.6.1.4.1.98789.1[alertname=TestAlert,environment=production,severity=warning]", "1.3.6.1.4.1.32473.9.0.1[alertname=TestAlert,oid=1.3.6.1.4.1.32473.9.0.1]"
	const details = "\n- Alert: TestAlert\n  Summary: this is the summary\n  Description: this is the description\non job1"
	count := 0
	for _, test := range []struct {
		labels                       map[string]string
		kind                         alarm.Kind
		trap, id, severity, describe string
	}{
		{labels, alarm.Raise, "1.3.6.1.4.1.98789.1", id, "warning", "1/1 alerts are firing:\n\nStatus: warning" + details},
		{labels, alarm.Change, "1.3.6.1.4.1.98789.1", id, "warning", "1/1 alerts are firing:\n\nStatus: warning" + details},
		{labels, alarm.Clear, "1.3.6.1.4.1.98789.1", id, "info", "Status: OK"},
		{own, alarm.Raise, "1.3.6.1.4.1.32473.9.0.1", ownID, "critical", "1/1 alerts are firing:\n\nStatus: critical" + details},
		{own, alarm.Clear, "1.3.6.1.4.1.32473.9.0.1", ownID, "info", "Status: OK"},
		{nil, alarm.Heartbeat, "", "", "", ""},
	} {
		e := &alarm.Event{ID: "e", Kind: test.kind, At: noon}
		if test.labels != nil {
			var err error
			if e.Alarm, err = AlarmOf("", test.labels, annotations); err != nil {
				t.Fatal(err)
			}
		}
		receipt, err := route.Deliver(t.Context(), e, 1)
		if err != nil || (receipt.Sent == 0) != (test.trap == "") {
			t.Fatal(receipt, err)
		}
		if test.trap == "" {
			continue
		}
		count++
		var got []string
		for _, v := range p.AwaitReceived(t, count)[count-1].VarBinds[1:] {
			text := v[2]
			if digits, ok := strings.CutPrefix(text, "0x"); ok { // PySNMP prints text of several lines in hex
				b, _ := hex.DecodeString(digits)
				text = string(b)
			}
			got = append(got, v[0]+" = "+text)
		}
		const objects = "1.3.6.1.4.1.98789.2."
		want := []string{originator.SNMPTrapOID.String() + " = " + test.trap, objects + "1 = " + test.id, objects + "2 = " + test.severity, objects + "3 = " + test.describe}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n%s\nwant\n%s", test.kind, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
