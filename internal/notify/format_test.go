package notify

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

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
	"trapline/internal/varbind"
	"trapline/mibs"
)

// builtIn finds names in the built-in MIBs.
var builtIn = varbind.Names(sync.OnceValues(func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }))

const labEnterprise = "1.3.6.1.4.1.32473"

func testRoute(t testing.TB, r ReceiverSettings, a access.Auth, identity *originator.Identity) (*queue.Route, *outbox.Metrics) {
	t.Helper()
	r.Name, r.Auth, r.Rate, r.Window = "nms", "auth", defaultRate, defaultWindow
	r.Timeout.Duration = time.Minute // nothing is sent again by a busy machine
	m := outbox.NewMetrics(prometheus.NewRegistry())
	route, err := NewRoute(&r, &Dependencies{
		Settings: &Settings{EnterpriseOID: setting.ParseOID(labEnterprise)}, Auths: map[string]*access.Auth{"auth": &a}, Identity: identity, Metrics: m,
		Names: builtIn, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return route, m
}

func portAlarm() alarm.Alarm {
	return alarm.Alarm{
		ID: strings.Repeat("0a", 16), Rule: "PortDown", Target: "core-1", Address: netip.MustParseAddr("192.0.2.1"), Resource: "ifName=Gi0/1",
		Metric: "ifOperStatus", Variable: "1.3.6.1.2.1.2.2.1.8.17", Value: "2", Condition: "== 2 for 5m", Severity: alarm.Major, Summary: "Gi0/1 is\ndown",
		Labels: map[string]string{"site": "berlin", "ifName": "Gi0/1"}, RaisedAt: time.Date(2026, 3, 1, 13, 0, 0, 0, time.FixedZone("", 3600)),
	}
}

func TestAlarmFormat(t *testing.T) {
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	state := openDir(t, t.TempDir())
	route, _ := testRoute(t, ReceiverSettings{Type: "inform", Address: d.Address}, receivertest.Community(2), state.Identity)
	const head, at = ".1.3.6.1.6.3.1.1.4.1.0 = OID: .1.3.6.1.4.1.32473.1.0.%d", "Hex-STRING: 07 EA 03 01 0C 00 00 00 2B 00 00"
	const tail = `.5.0 = STRING: "PortDown"|~|.6.0 = STRING: "core-1"|~|.7.0 = INTEGER: 1|~|.8.0 = Hex-STRING: C0 00 02 01|~|` +
		`.9.0 = STRING: "ifName=Gi0/1"|~|.10.0 = STRING: "ifOperStatus"|~|.11.0 = OID: .1.3.6.1.2.1.2.2.1.8.17|~|.12.0 = STRING: "2"|~|` +
		`.13.0 = STRING: "== 2 for 5m"|~|.14.0 = ` + at + `|~|.15.0 = ` + at + `|~|.16.0 = Gauge32: 0|~|.17.0 = STRING: "Gi0/1 is down"|~|` +
		`.18.0 = STRING: "ifName=Gi0/1, site=berlin"|~|.1.3.6.1.6.3.18.1.3.0 = IpAddress: 192.0.2.1`
	for i, test := range []struct {
		kind            alarm.Kind
		arc             int
		state, severity int
	}{{alarm.Raise, 1, 2, 4}, {alarm.Change, 3, 2, 4}, {alarm.Clear, 2, 1, 1}} {
		e := &alarm.Event{ID: "abcd-1-7", Kind: test.kind, At: noon, Alarm: portAlarm()}
		if test.kind == alarm.Change {
			e.Alarm.Variable = "IF-MIB::ifOperStatus.17" // which is the same
		}
		if _, err := route.Deliver(t.Context(), e, 1); err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(d.AwaitReceived(t, i+1)[i], ".1.3.6.1.4.1.32473.1.1.", ".")
		_, got, _ = strings.Cut(strings.ReplaceAll(got, " |~|", "|~|"), "|~|")
		want := fmt.Sprintf(head+`|~|.1.0 = STRING: "%s"|~|.2.0 = STRING: "abcd-1-7"|~|.3.0 = INTEGER: %d|~|.4.0 = INTEGER: %d|~|`, test.arc, e.Alarm.ID, test.state, test.severity) + tail
		if got != want {
			t.Errorf("%s is\n%s\nwant\n%s", test.kind, got, want)
		}
	}
}

func TestMinimalDismanFormat(t *testing.T) {
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	state := openDir(t, t.TempDir())
	route, _ := testRoute(t, ReceiverSettings{Type: "trap", Format: "disman", Objects: minimal, Address: d.Address}, receivertest.Community(1), state.Identity)
	for i, test := range []struct {
		kind         alarm.Kind
		value        string
		spec, number int
	}{{alarm.Raise, "1e12", 2, 2147483647}, {alarm.Change, "1", 0, 0}, {alarm.Clear, "-3.6", 3, -4}} {
		e := &alarm.Event{Kind: test.kind, At: noon, Alarm: portAlarm()}
		e.Alarm.Value = test.value
		receipt, err := route.Deliver(t.Context(), e, 1)
		if err != nil || (receipt.Sent == 0) != (test.kind == alarm.Change) {
			t.Fatal(receipt, err)
		}
		if test.kind == alarm.Change {
			continue
		}
		want := fmt.Sprintf(`agent=192.0.2.1 ent=.1.3.6.1.2.1.88.2 gen=6 spec=.%d ticks=`, test.spec)
		objects := fmt.Sprintf(`vb=.1.3.6.1.2.1.88.2.1.1.0 = STRING: "PortDown"|~|.1.3.6.1.2.1.88.2.1.2.0 = STRING: "core-1"|~|.1.3.6.1.2.1.88.2.1.3.0 = ""|~|`+
			`.1.3.6.1.2.1.88.2.1.4.0 = OID: .1.3.6.1.2.1.2.2.1.8.17|~|.1.3.6.1.2.1.88.2.1.5.0 = INTEGER: %d|~|.1.3.6.1.2.1.1.5.0 = STRING: "core-1"|~|`+
			`.1.3.6.1.6.3.18.1.3.0 = IpAddress: 192.0.2.1`, test.number)
		if got := d.AwaitReceived(t, i/2+1)[i/2]; !strings.Contains(got, want) || !strings.HasSuffix(got, objects) {
			t.Errorf("%s is\n%s\nwant\n%s … %s", test.kind, got, want, objects)
		}
	}
}

// However long the texts of an alarm are, its message fits a frame, and says so where it was cut.
func TestMessagesFitAFrame(t *testing.T) {
	state := openDir(t, t.TempDir())
	long := alarm.Alarm{Labels: map[string]string{}, Address: netip.MustParseAddr("192.0.2.1"), Severity: alarm.Major, RaisedAt: noon}
	long.Variable = "1.3" + strings.Repeat(".4294967295", 60)
	for i, text := range []*string{&long.ID, &long.Rule, &long.Target, &long.Resource, &long.Metric, &long.Value, &long.Condition, &long.Summary} {
		*text = strings.Repeat(fmt.Sprintf("%d größer\n", i), 100)
	}
	for i := range 100 {
		long.Labels[fmt.Sprintf("label%02d", i)] = strings.Repeat("ä", i)
	}
	auths := []access.Auth{receivertest.Community(1), receivertest.Community(2)}
	for _, u := range peers.Users() {
		auths = append(auths, receivertest.Credentials(u))
	}
	for _, a := range auths {
		a.Community = setting.Secret(strings.Repeat("c", 100))
		sink := receivertest.ListenUDP(t)
		route, m := testRoute(t, ReceiverSettings{Type: "trap", Context: strings.Repeat("x", 32), Address: sink.LocalAddr().String()}, a, state.Identity)
		if _, err := route.Deliver(t.Context(), &alarm.Event{ID: "e", Kind: alarm.Raise, At: noon, Alarm: long}, 1); err != nil {
			t.Fatal(err)
		}
		if n := len(receivertest.Receive(t, sink)); n > maxMessageSize || n < maxMessageSize-200 {
			t.Errorf("version %d, %s: %d octets", a.Version, a.Username, n)
		}
		if n := testutil.ToFloat64(m.Trimmed.WithLabelValues("nms")); n < 50 {
			t.Errorf("%g trimmed", n)
		}
	}
}

func TestCompactMessagesFitEveryReceiver(t *testing.T) {
	identity := originator.NewIdentity([]byte("\x80trapline"), 1, time.Now().Add(-400*24*time.Hour), nil) // large numbers
	sink := receivertest.ListenUDP(t)
	a := receivertest.Community(2)
	a.Community = "sixteen letters!"
	route, _ := testRoute(t, ReceiverSettings{Type: "trap", Profile: compact, Address: sink.LocalAddr().String()}, a, identity)
	subject := portAlarm()
	for _, text := range []*string{&subject.Rule, &subject.Target, &subject.Resource, &subject.Summary, &subject.Value} {
		*text = strings.Repeat("x", 1000)
	}
	if _, err := route.Deliver(t.Context(), &alarm.Event{ID: "abcd-2147483647-18446744073709551615", Kind: alarm.Raise, At: noon, Alarm: subject}, 1<<30); err != nil {
		t.Fatal(err)
	}
	b := receivertest.Receive(t, sink)
	m, err := snmp.ParseMessage(b)
	if err != nil || len(b) > 484 {
		t.Errorf("%d octets, %v", len(b), err)
	}
	var numbers []string
	for list := m.VarBinds; len(list) > 0; {
		var v snmp.VarBind
		if v, list, err = snmp.CutVarBind(list); err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, strings.TrimPrefix(v.Name.String(), labEnterprise+".1.1."))
	}
	if got := strings.Join(numbers[2:], " "); got != "1.0 2.0 3.0 4.0 5.0 6.0 9.0 14.0 17.0 "+originator.SNMPTrapAddress.String() {
		t.Error(got)
	}
	if _, err := route.Deliver(t.Context(), &alarm.Event{Kind: alarm.Heartbeat, At: noon}, 2); err != nil {
		t.Error(err)
	}
}

func TestTextsAreOneLineOfWholeCharacters(t *testing.T) {
	for _, test := range []struct {
		text string
		most int
		want string
	}{
		{"plain", 5, "plain"}, {"plain", 4, "plai"}, {"a\r\n\tb\x7f\u0085\u2028", 99, "a   b   "}, {"größer", 3, "gr"}, {"größer", 4, "grö"},
		{"\xff\xfe", 99, "?"}, {"ä", 0, ""}, {"", 0, ""},
	} {
		if got := oneLine(test.text, test.most); got != test.want {
			t.Errorf("%q in %d octets is %q, want %q", test.text, test.most, got, test.want)
		}
	}
	labels := map[string]string{"b": "2", "a": "1", "c": "33"}
	for most, want := range map[int]string{
		14: "a=1, b=2, c=33", 13: "a=1, b=2, …", 12: "a=1, …", 8: "a=1, …", 7: ", …", 5: ", …", 4: "",
	} {
		if got, left := labelsText(labels, most); got != want || left != 3-strings.Count(got, "=") {
			t.Errorf("labels in %d octets are %q and %d left, want %q", most, got, left, want)
		}
	}
}

func FuzzAlarmFormat(f *testing.F) {
	f.Add("rule", "summary\nline", "k", "v", 800)
	f.Fuzz(func(t *testing.T, rule, summary, name, value string, limit int) {
		e := &alarm.Event{Kind: alarm.Raise, At: noon, Alarm: alarm.Alarm{ID: "a", Rule: rule, Summary: summary, Variable: value, Labels: map[string]string{name: value, "x" + name: rule}}}
		d := alarmFormat(snmp.MustParseOID(labEnterprise), nil)(e, limit)
		if len(d.notification.VarBinds) != 18 {
			t.Fatalf("%d variable bindings", len(d.notification.VarBinds))
		}
		for _, v := range d.notification.VarBinds {
			if v.Type == snmp.OctetString && strings.HasSuffix(v.Name.String(), ".17.0") && (!utf8.Valid(v.Value) || strings.ContainsAny(string(v.Value), "\r\n")) {
				t.Errorf("%q", v.Value)
			}
		}
	})
}
