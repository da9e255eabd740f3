package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/api"
	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/statedir"
)

// alertingTo starts a Prometheus that alerts by a rule file with > in the place of VALUE, and returns the function that puts
// another operator there.
func alertingTo(t *testing.T, base, rule string) (judge func(operator string)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yml")
	write := func(operator string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(strings.Replace(rule, "VALUE", operator, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(">")
	p := peers.StartPrometheus(t, fmt.Sprintf("global: {evaluation_interval: 1s}\nrule_files: [%s]\nalerting: {alertmanagers: [{static_configs: [{targets: [%s]}]}]}\n",
		file, strings.TrimPrefix(base, "http://")), "--rules.alert.resend-delay=1s")
	return func(operator string) {
		t.Helper()
		write(operator)
		p.Reload()
	}
}

// Prometheus finds an alert, we notify the receivers that it is for, one of which does not answer: trap and inform, three
// formats and versions. When the alert ends, we notify them of that.
func TestPrometheusAlertsReachReceivers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, _, err := statedir.Engine(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", id)})
	nobody, _ := peers.FreeUDPAddresses(t)
	base := startServer(t, programtest.Notifying(t, dir, strings.NewReplacer("ADDRESS", d.Address, "NOBODY", nobody).Replace(`
- {name: informs, address: "ADDRESS"}
- {name: traps, type: trap, auth: secure, address: "ADDRESS"}
- {name: disman, auth: strong, format: disman, address: "ADDRESS"}
- {name: nobody, address: "NOBODY"}
- {name: others, address: "ADDRESS", labels: {site: paris}}
`)))
	const rule = `
groups:
- name: test
  interval: 1s
  rules:
  - {alert: Hot, expr: 'vector(1) VALUE 0', labels: {severity: major, instance: 192.0.2.7, site: berlin}, annotations: {summary: it is hot}}
`
	judge := alertingTo(t, base, rule)
	d.Process.Await(t, func() bool {
		text := strings.Join(delivered(d), "\n")
		return strings.Count(text, "32473.1.0.1|~|") == 2 && strings.Count(text, "1.3.6.1.2.1.88.2.0.2|~|") == 1
	})
	if text := strings.Join(delivered(d), "\n"); !strings.Contains(text, ".1.3.6.1.4.1.32473.1.0.5|~|") || !strings.Contains(text, `.1.5.0 = STRING: "Hot"`) {
		t.Errorf("no resync, or no name of the alert, in\n%s", text)
	}
	_, _, body := get(t, base+"/api/v1/alarms")
	var answer struct{ Data []api.Alarm }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Data) != 1 || answer.Data[0].Text != "it is hot" {
		t.Errorf("%s, %v", body, err)
	}
	judge("<")
	d.Process.Await(t, func() bool {
		text := strings.Join(delivered(d), "\n")
		return strings.Count(text, "32473.1.0.2|~|") == 2 && strings.Count(text, "1.3.6.1.2.1.88.2.0.3|~|") == 1
	})
	if text := strings.Join(delivered(d), "\n"); strings.Count(text, "32473.1.0.1|~|") != 2 || strings.Contains(text, "32473.1.0.3|~|") {
		t.Errorf("received\n%s", text)
	}
	for _, want := range []string{
		`trapline_notifications_delivered_total{receiver="informs"} 3`, `trapline_notification_ack_seconds_count{receiver="disman"} 2`,
		`trapline_notifications_queued{receiver="others"} 0`, `trapline_receiver_failing{receiver="nobody"} 1`, `trapline_alarms_active 0`,
		`trapline_notifications_dead_total{reason="expired",receiver="nobody"} 0`, `trapline_notifications_dropped_total{reason="full",receiver="nobody"} 0`,
		`trapline_notifications_retransmits_total{receiver="informs"} 0`, `trapline_receiver_last_confirmed_timestamp_seconds{receiver="traps"} 1`,
	} {
		d.Process.Await(t, func() bool { // an inform is counted once its acknowledgement has arrived
			_, _, metrics := get(t, base+"/metrics")
			return containsLine(metrics, want)
		})
	}
}

// Alertmanager groups alerts and repeats them all the time: receivers are notified of each alert once, and of its
// End.
func TestAlertmanagerHandsAlertsOn(t *testing.T) {
	t.Parallel()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	base := startServer(t, programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: nms, address: %q}\n", d.Address)))
	a := peers.StartAlertmanager(t, fmt.Sprintf(`
route: {receiver: trapline, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1s}
receivers: [{name: trapline, webhook_configs: [{url: %q}]}]
`, base+"/api/v1/webhook"))
	send := func(ends string) {
		t.Helper()
		body := fmt.Sprintf(`[{"labels":{"alertname":"Hot","instance":"a"}},{"labels":{"alertname":"Hot","instance":"b"},"endsAt":%q}]`, ends)
		insist(t, a.URL+"/api/v2/alerts", body)
	}
	count := func(arc int) int {
		return strings.Count(strings.Join(delivered(d), "\n"), fmt.Sprintf("32473.1.0.%d|~|", arc))
	}
	send(time.Now().Add(time.Hour).Format(time.RFC3339))
	d.Process.Await(t, func() bool { return count(1) == 2 })
	send(time.Now().Format(time.RFC3339))
	d.Process.Await(t, func() bool { return count(2) == 1 })
	if text := strings.Join(delivered(d), "\n"); count(1) != 2 || count(3) != 0 || !strings.Contains(text, `.1.6.0 = STRING: "b"`) {
		t.Errorf("received\n%s", text)
	}
}
