package replay

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trapline/collector"
	"trapline/internal/agent"
	"trapline/internal/notify"
	"trapline/internal/poller"
	"trapline/internal/rules"
	"trapline/internal/series"
	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
	"trapline/mibs"
)

const portRules = `groups:
- name: g
  rules:
  - alert: Down
    expr: ifOperStatus == 2
    annotations: {summary: down, trap_notification: IF-MIB::linkDown}
  - {alert: Silent, expr: trapline_target_up == 0, annotations: {summary: silent, trap_notification: SNMPv2-MIB::warmStart, trap_clear_notification: none}}
`

var (
	ifOperStatus = snmp.MustParseOID("1.3.6.1.2.1.2.2.1.8")
	start        = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

func ports() *collector.Module {
	return collector.Compile("ports", &collector.Settings{
		Walk: []setting.OID{setting.ParseOID("1.3.6.1.2.1.2.2.1.8")},
		Metrics: []collector.MetricSettings{{
			Name: "ifOperStatus", OID: setting.ParseOID("1.3.6.1.2.1.2.2.1.8"), Type: "gauge",
			Indexes: []collector.IndexSettings{{LabelName: "ifIndex", Type: "gauge"}},
		}},
	})
}

// tape returns a recording of a device of two ports: for each poll the states of both, or "" if it does not answer.
func tape(t *testing.T, name string, interval time.Duration, passes ...string) Playback {
	t.Helper()
	dir := t.TempDir()
	tape := Playback{Target: &poller.Target{
		Name: name, Rendered: series.AppendLabel(nil, 0, poller.TargetLabel, []byte(name)), Modules: []*collector.Module{ports()}, Interval: interval,
	}}
	for n, states := range passes {
		var b agent.Builder
		for i, state := range states {
			b.Add(snmp.AppendArc(append(snmp.OID{}, ifOperStatus...), uint32(i+1)), snmp.Integer, []byte{byte(state - '0')})
		}
		file := filepath.Join(dir, fmt.Sprintf("%02d.snmprec", n))
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = b.Recording().WriteTo(f); errors.Join(err, f.Close()) != nil {
			t.Fatal(err)
		}
		tape.Recordings = append(tape.Recordings, file)
	}
	return tape
}

// play returns the notifications: seconds, kind, rule, target and notification, with the port.
func play(t *testing.T, tapes ...Playback) (sent []string, warnings []error) {
	t.Helper()
	groups, problems, _ := rules.Parse("rules.yml", []byte(portRules))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	names := varbind.Names(sync.OnceValues(func() (*mibs.Tree, error) { return mibs.LoadAll(mibs.Embedded()) }))
	err := Run(t.Context(), tapes, Options{
		Rules: rules.DryRunOptions{
			Configuration: rules.Configuration{Set: rules.NewSet(groups), Names: names},
			Receivers:     []notify.ReceiverSettings{{Name: "nms", Type: "trap", Format: "template"}},
		},
		Start: start,
		Sent: func(one notify.DrySent) {
			e := one.Event
			text := fmt.Sprintf("%g %s %s %s %s", e.At.Sub(start).Seconds(), e.Kind, e.Alarm.Rule, e.Alarm.Target, names.NameOf(one.Notification.Trap))
			for _, v := range one.Notification.VarBinds {
				if v.Name.HasPrefix(ifOperStatus) {
					text += fmt.Sprintf(" %s=%d", snmp.AppendIndexText(nil, v.Name[len(ifOperStatus):]), v.Value[0])
				}
			}
			sent = append(sent, text)
		},
		Warn: func(err error) { warnings = append(warnings, err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return sent, warnings
}

// Two devices that are polled at different intervals have the same clock.
func TestWhatReceiversWouldHaveBeenSent(t *testing.T) {
	sent, warnings := play(t,
		tape(t, "a", 30*time.Second, "11", "12", "22", "", "", "21", "11"),
		tape(t, "b", 20*time.Second, "1", "2", "1", "2"))
	want := []string{
		"20 raise Down b IF-MIB::linkDown 1=2",
		"30 raise Down a IF-MIB::linkDown 2=2",
		"40 clear Down b IF-MIB::linkUp 1=1",
		"60 raise Down a IF-MIB::linkDown 1=2",
		"60 raise Down b IF-MIB::linkDown 1=2",
		"90 raise Silent a SNMPv2-MIB::warmStart",
		"150 clear Down a IF-MIB::linkUp 2=1",
		"180 clear Down a IF-MIB::linkUp 1=1",
	}
	if strings.Join(sent, "\n") != strings.Join(want, "\n") || len(warnings) > 0 {
		t.Errorf("%v\n%s\nwant\n%s", warnings, strings.Join(sent, "\n"), strings.Join(want, "\n"))
	}
}

func TestRecordingsThatCannotBeRead(t *testing.T) {
	a := tape(t, "a", time.Minute, "2", "2")
	if err := os.WriteFile(a.Recordings[1], []byte("1.3.6.1.2.1.2.2.1.8.1|2|1\nnonsense\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sent, warnings := play(t, a)
	if len(sent) != 2 || len(warnings) != 1 || !strings.Contains(warnings[0].Error(), "line 2") {
		t.Errorf("%q %v", sent, warnings)
	}
	a.Recordings = append(a.Recordings, "none.snmprec")
	if err := Run(t.Context(), []Playback{a}, Options{Start: start, Sent: func(notify.DrySent) {}, Warn: func(error) {}}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
