package notify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"trapline/internal/alarm"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// clearsOf are ends of an alarm about a port, by their reasons.
var clearsOf = []struct {
	why string
	end alarm.Alarm
}{
	{"the port is up again", alarm.Alarm{Value: "1", VarBinds: []alarm.Binding{{Name: "1.3.6.1.2.1.2.2.1.8.17", Value: "1"}}}},
	{"it is up again, and the rule has a clear_summary", alarm.Alarm{Value: "1", ClearSummary: "Gi0/1 is up", VarBinds: []alarm.Binding{{Name: "1.3.6.1.2.1.2.2.1.8.17", Value: "1"}}}},
	{"the row is gone", alarm.Alarm{Gone: true, Reason: "the row is gone"}},
	{"the target is gone", alarm.Alarm{Reason: "the target is gone"}},
	{"a person clears it", alarm.Alarm{Reason: "cleared by anna: replaced"}},
	{"linkUp is received", alarm.Alarm{Reason: "linkUp was received", ClearSummary: "Port 17 is up", VarBinds: []alarm.Binding{{Name: "1.3.6.1.2.1.2.2.1.8.17", Type: "INTEGER", Value: "1"}}}},
}

// clearFormats are all formats.
func clearFormats() []struct {
	name string
	of   format
} {
	enterprise := setting.ParseOID(labEnterprise).OID
	return []struct {
		name string
		of   format
	}{
		{"alarm", alarmFormat(enterprise, builtIn)}, {"alarm, profile: compact", compactFormat(enterprise, builtIn)}, {"disman", dismanFormat(builtIn, false)},
		{"disman, objects: minimal", dismanFormat(builtIn, true)}, {"template: IF-MIB::linkDown", templateFormat(builtIn, dismanFormat(builtIn, true))}, {"snmp-notifier", notifierFormat},
	}
}

// fieldsOfTrap are the notification and the variable bindings of an event by their names, in order.
func fieldsOfTrap(t *testing.T, f format, e *alarm.Event) (list [][2]string) {
	t.Helper()
	d := f(e, maxMessageSize)
	if d.notification == nil {
		return [][2]string{{"notification", "none"}}
	}
	list = append(list, [2]string{"notification", trapName(d.notification.Trap.String())})
	for _, v := range d.notification.VarBinds {
		name, enum := objectName(v.Name.String())
		list = append(list, [2]string{name, shownValue(t, &v, enum)})
	}
	return list
}

func trapName(oid string) string {
	if arc, own := strings.CutPrefix(oid, labEnterprise+".1.0."); own {
		n, _ := strconv.Atoi(arc)
		return mibNotifications[n-1].name
	}
	return builtIn.NameOf(snmp.MustParseOID(oid))
}

// objectName returns the name of an object, and its syntax if that is of TRAPLINE-MIB.
func objectName(oid string) (name, syntax string) {
	if rest, own := strings.CutPrefix(oid, labEnterprise+".1.1."); own {
		arc, _, _ := strings.Cut(rest, ".")
		n, _ := strconv.Atoi(arc)
		return mibObjects[n-1].name, mibObjects[n-1].syntax
	}
	if o, at, err := builtIn.Find(oid); err == nil && at.Node != nil && !strings.HasPrefix(oid, notifierObjects.String()) {
		if at.Node.Name == "mteTriggerComment" {
			return at.Node.Name, "" // whose index is the rule
		}
		return strings.TrimSuffix(at.Node.Name+strings.TrimPrefix(o.String(), at.Node.OID.String()), ".0"), ""
	}
	return map[string]string{"1": "snmpNotifierId", "2": "snmpNotifierSeverity", "3": "snmpNotifierDescription"}[oid[strings.LastIndexByte(oid, '.')+1:]], ""
}

func shownValue(t *testing.T, v *snmp.VarBind, syntax string) string {
	t.Helper()
	switch v.Type {
	case snmp.Integer, snmp.Gauge32:
		n, err := v.Int()
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range strings.FieldsFunc(syntax, func(r rune) bool { return strings.ContainsRune("{}, ", r) }) {
			if strings.HasSuffix(one, fmt.Sprintf("(%d)", n)) {
				return one
			}
		}
		return strconv.FormatInt(n, 10)
	case snmp.OctetString:
		if utf8.Valid(v.Value) && bytes.IndexByte(v.Value, 0) < 0 {
			return strconv.Quote(string(v.Value))
		}
		return fmt.Sprintf("%x", v.Value)
	case snmp.ObjectIdentifier:
		return snmp.OID(v.Value).String()
	}
	return v.Type.String()
}

// fieldsOfWebhook are the fields of the alert of a webhook, those of its annotations and labels among them.
func fieldsOfWebhook(t *testing.T, e *alarm.Event) (list [][2]string) {
	t.Helper()
	text, err := json.Marshal(webhookOf("hook", e).Alerts[0])
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for name, value := range fields {
		of, nested := value.(map[string]any)
		if !nested {
			list = append(list, [2]string{name, fmt.Sprint(value)})
		}
		for key, one := range of {
			list = append(list, [2]string{name + "." + key, fmt.Sprintf("%q", one)})
		}
	}
	slices.SortFunc(list, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return list
}

// differing are the lines of a table of the fields in which a clear differs from the raise.
func differing(raise, clear [][2]string) (lines []string) {
	find := func(in [][2]string, name string) string {
		for _, f := range in {
			if f[0] == name {
				return f[1]
			}
		}
		return "–"
	}
	seen := map[string]bool{}
	for _, f := range slices.Concat(clear, raise) {
		if was, is := find(raise, f[0]), find(clear, f[0]); was != is && !seen[f[0]] {
			seen[f[0]] = true
			lines = append(lines, fmt.Sprintf("  %-28s %-34s %s", f[0], was, is))
		}
	}
	return lines
}

// What a clear says in each format, and in which of it the raise was different: testdata/clears.txt is the table. A clear
// differs from the raise in each format, has the new value, and of a row that is gone never the last one.
func TestClearsOfAllFormats(t *testing.T) {
	a, err := AlarmOf("", map[string]string{"alertname": "PortDown", "target": "core-1", "severity": "major", "ifIndex": "17", "ifName": "Gi0/1"}, map[string]string{
		"summary": "Gi0/1 is down", "trap_notification": "IF-MIB::linkDown", "trap_variable": "IF-MIB::ifOperStatus.17", "value": "2", "trap_varbinds": "ifAdminStatus = up\nifOperStatus = down",
	})
	if err != nil {
		t.Fatal(err)
	}
	a.ID, a.RaisedAt, a.Metric = strings.Repeat("0a", 16), noon, "ifOperStatus"
	raise := &alarm.Event{ID: "4a1c-41-7", Kind: alarm.Raise, At: noon, Alarm: a}
	var b strings.Builder
	b.WriteString("What the clear of an alarm says in each format, where its raise said something else.\n")
	for _, one := range clearsOf {
		fmt.Fprintf(&b, "\n# %s\n", one.why)
		clear := &alarm.Event{ID: "4a1c-41-9", Kind: alarm.Clear, At: noon.Add(6*time.Minute + 38*time.Second), Alarm: a.Over(&one.end)}
		write := func(name string, was, is [][2]string) {
			lines := differing(was, is)
			fmt.Fprintf(&b, "\n%-30s %-34s %s\n%s\n", name, "raise", "clear", strings.Join(lines, "\n"))
			if len(lines) == 0 {
				t.Errorf("%s, %s: the clear is the raise", one.why, name)
			}
			for _, f := range is {
				if (f[0] == "traplineValue" || f[0] == "mteHotValue" || f[0] == "ifOperStatus.17" || f[0] == "annotations.value") && strings.Trim(f[1], `"`) == "2" || strings.HasSuffix(f[0], "trap_varbinds") && strings.Contains(f[1], "down") {
					t.Errorf("%s, %s: %s is still that of the raise", one.why, name, f[0])
				}
			}
		}
		for _, f := range clearFormats() {
			write(f.name, fieldsOfTrap(t, f.of, raise), fieldsOfTrap(t, f.of, clear))
		}
		write("webhook", fieldsOfWebhook(t, raise), fieldsOfWebhook(t, clear))
	}
	golden := filepath.Join("testdata", "clears.txt")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != b.String() {
		t.Errorf("%v: the table is\n%s", err, b.String())
	}
}
