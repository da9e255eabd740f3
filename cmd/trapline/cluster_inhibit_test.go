package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"trapline/internal/programtest"
)

// An alarm inhibits those of targets that other members poll, and goes on to do so after its owner is killed: they are sent once it is
// over.
func TestClusterInhibits(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	const targets = 9
	w := witnessOf(t, true)
	text := programtest.Notifying(t, "", fmt.Sprintf("- {name: w, address: %q, timeout: 2s, rate: 1000, every_transition: true}\n", w.LocalAddr()))
	text = strings.Replace(text, "state_dir: \n", "inhibit_rules: [{source_matchers: ['alertname=\"Cause\"'], target_matchers: ['alertname=\"Effect\"']}]\n", 1)
	text = strings.Replace(text, "modules: {", fmt.Sprintf("modules: {gauges: {get: [%[1]s.1], metrics: [{name: g, oid: %[1]s, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}, ", gaugeObject), 1)
	text += withRules(t, `{alert: Cause, expr: 'g{target="device-0"} > 50'}, {alert: Effect, expr: 'g{target!="device-0"} > 50'}`) + "rules: {interval: 1s}\ntargets:\n"
	devices := make([]*gauges, targets)
	for i := range devices {
		devices[i] = startGauges(t, 1)
		text += fmt.Sprintf("- {name: device-%d, address: %q, modules: [gauges]}\n", i, devices[i].LocalAddr())
	}
	s := newSiteOf(t, "63", targets, text)
	s.await("each target is polled by one member", s.settled)
	s.await("the cluster is whole", func() bool { return s.status(s.members[0]).Whole })

	devices[0].set(0, 100)
	s.await("the cause is raised", func() bool { return w.count() == 1 })
	for _, d := range devices[1:] {
		d.set(0, 100)
	}
	s.await("all alarms are active", func() bool { return s.activeOf() == targets })
	for _, m := range s.members {
		if _, polls := s.polls()["device-0"][m.address]; polls {
			_ = s.stop(m, syscall.SIGKILL)
			break
		}
	}
	s.await("its owner is killed: all targets are polled again", s.settled)
	s.await("all alarms are active still", func() bool { return s.activeOf() == targets })
	if n := w.count(); n != 1 {
		t.Errorf("%d notifications were sent, want that of the cause", n)
	}
	devices[0].set(0, 0)
	s.await("the cause is over: the others are raised", func() bool { return w.count() == 1+targets })
	for _, d := range devices {
		d.set(0, 0)
	}
	s.await("all are cleared", func() bool { return w.count() == 2*targets })
	w.want(targets, "raise clear")
}
