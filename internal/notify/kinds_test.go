package notify

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/originator"
	"trapline/internal/originator/receivertest"
	"trapline/internal/peers"
)

// SysUpTime is ours, in hundredths of a second since the start, and begins again at 0 after 497 days.
func TestUptimeOfNotifications(t *testing.T) {
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	const turn = time.Duration(1<<32) * 10 * time.Millisecond
	for i, test := range []struct{ ago, least time.Duration }{
		{5 * time.Second, 5 * time.Second}, {10 * time.Second, 10 * time.Second}, {turn - time.Hour, turn - time.Hour}, {turn + 7*time.Second, 7 * time.Second},
	} {
		identity := originator.NewIdentity([]byte("\x80trapline"), 1, time.Now().Add(-test.ago), nil)
		route, _ := testRoute(t, ReceiverSettings{Type: "trap", Address: d.Address}, receivertest.Community(2), identity)
		if _, err := route.Deliver(t.Context(), &alarm.Event{Kind: alarm.Test, At: noon, Alarm: portAlarm()}, 1); err != nil {
			t.Fatal(err)
		}
		var ticks int64
		if _, err := fmt.Sscanf(varBindsOf(d.AwaitReceived(t, i+1)[i]), ".1.3.6.1.2.1.1.3.0 = %d", &ticks); err != nil {
			t.Fatal(err)
		}
		if up := time.Duration(ticks) * 10 * time.Millisecond; up < test.least || up > test.least+time.Minute {
			t.Errorf("%s after the start, sysUpTime is %s", test.ago, up)
		}
	}
}

// The source of notifications must be the configured address and port, for every message.
func TestSourceOfNotifications(t *testing.T) {
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	state := openDir(t, t.TempDir())
	source, _ := peers.FreeUDPAddresses(t)
	_, port, err := net.SplitHostPort(source)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, test := range []struct{ source, want string }{
		{source, "src=UDP: [127.0.0.1]:" + port + "->"}, {"127.0.0.2", "src=UDP: [127.0.0.2]:"}, {":" + port, "src=UDP: [127.0.0.1]:" + port + "->"},
	} {
		for _, kind := range []string{"trap", "inform"} {
			route, _ := testRoute(t, ReceiverSettings{Type: kind, Address: d.Address, SourceAddress: test.source}, receivertest.Community(2), state.Identity)
			if _, err := route.Deliver(t.Context(), &alarm.Event{Kind: alarm.Test, At: noon, Alarm: portAlarm()}, 1); err != nil {
				t.Fatal(err)
			}
			count++
			if got := d.AwaitReceived(t, count)[count-1]; !strings.Contains(got, test.want) {
				t.Errorf("%s from %s: %s", kind, test.source, got)
			}
		}
	}
}

// The context is ours unless the settings have another, in traps and informs.
func TestContextOfNotifications(t *testing.T) {
	state := openDir(t, t.TempDir())
	ours := fmt.Sprintf("%x", state.Identity.ID)
	p := peers.StartPyrecv(t, ours)
	count := 0
	for configured, want := range map[string]string{"": ours, "8000000004030201": "8000000004030201"} {
		for _, kind := range []string{"trap", "inform"} {
			route, _ := testRoute(t, ReceiverSettings{Type: kind, Address: p.Address, Context: "building-1", ContextEngineID: configured}, receivertest.Credentials(peers.UsualUsers()[2]), state.Identity)
			if _, err := route.Deliver(t.Context(), &alarm.Event{Kind: alarm.Test, At: noon, Alarm: portAlarm()}, 1); err != nil {
				t.Fatal(err)
			}
			count++
			if got := p.AwaitReceived(t, count)[count-1]; got.ContextEngineID != "0x"+want || got.ContextName != "building-1" {
				t.Errorf("%s with %q: %+v", kind, configured, got)
			}
		}
	}
}
