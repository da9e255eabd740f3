package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// An alert that Prometheus sends to all members, and Alertmanager to one, is raised once and cleared once, though the member that
// has it is killed between.
func TestClusterAlerts(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	w := witnessOf(t, true)
	text := programtest.Notifying(t, "", fmt.Sprintf("- {name: w, address: %q, timeout: 2s, every_transition: true}\n", w.LocalAddr()))
	s := newSiteOf(t, "72", 0, strings.Replace(text, "state_dir: \n", "", 1))
	s.await("the cluster is whole", func() bool { c := s.status(s.members[0]); return c.Whole && len(c.Members) == 3 })

	rules := filepath.Join(t.TempDir(), "rules.yml")
	write := func(operator string) {
		t.Helper()
		text := fmt.Sprintf("groups: [{name: test, interval: 1s, rules: [{alert: Hot, expr: 'vector(1) %s 0', labels: {severity: major, target: core-1}, annotations: {summary: it is hot}}]}]\n", operator)
		if err := os.WriteFile(rules, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(">")
	manager := peers.FreeTCPAddress(t)
	var all []string
	for _, m := range s.members {
		all = append(all, net.JoinHostPort(m.address, "9116"))
	}
	p := peers.StartPrometheus(t, fmt.Sprintf("global: {evaluation_interval: 1s}\nrule_files: [%s]\nalerting: {alertmanagers: [{static_configs: [{targets: [%s]}]}]}\n",
		rules, strings.Join(append(all, manager), ", ")), "--rules.alert.resend-delay=1s")
	s.await("it is raised", func() bool { return w.count() == 1 })

	owner := slices.IndexFunc(s.members, func(m *siteMember) bool {
		text, _ := s.get(m.url() + "/metrics")
		return strings.Contains(text, "\ntrapline_alarms_active 1\n")
	})
	if owner < 0 || s.activeOf() != 1 {
		t.Fatalf("%d alarms are active", s.activeOf())
	}
	other := s.members[(owner+1)%3]
	peers.StartAlertmanagerAt(t, manager, fmt.Sprintf("route: {receiver: w, group_wait: 100ms, group_interval: 1s, repeat_interval: 2s}\nreceivers: [{name: w, webhook_configs: [{url: 'http://%s/api/v1/webhook', send_resolved: true}]}]\n", net.JoinHostPort(other.address, "9116")))
	s.await("Alertmanager sends it, too", func() bool {
		text, _ := s.get("http://" + manager + "/metrics")
		return strings.Contains(text, "alertmanager_notifications_total{integration=\"webhook\"") && !strings.Contains(text, "alertmanager_notifications_total{integration=\"webhook\"} 0") &&
			!strings.Contains(text, "alertmanager_notifications_total{integration=\"webhook\",receiver_name=\"w\"} 0")
	})
	_ = s.stop(s.members[owner], syscall.SIGKILL)
	write("<")
	p.Reload()
	s.await("it is cleared", func() bool { return w.count() == 2 })
	s.await("no member has it", func() bool { return s.activeOf() == 0 })
	for _, m := range s.alive() {
		if text, status := s.get(m.url() + "/api/v1/alarms"); status != 200 || strings.Contains(text, "Hot") {
			t.Errorf("%s: %s", m.address, text)
		}
	}
	w.want(1, "raise clear")
}
