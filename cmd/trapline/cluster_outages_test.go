package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"trapline/internal/programtest"
)

// A device that is down mutes the alarms of those behind it that other members poll, and goes on to do so after its owner is killed.
func TestClusterOutages(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	const targets = 9
	w := witnessOf(t, true)
	text := programtest.Notifying(t, "", fmt.Sprintf("- {name: w, address: %q, timeout: 2s, rate: 1000, every_transition: true}\n", w.LocalAddr()))
	text = strings.Replace(text, "state_dir: \n", "topology: {hold: 2s}\n", 1)
	text = strings.Replace(text, "modules: {", fmt.Sprintf("modules: {gauges: {get: [%[1]s.1], metrics: [{name: g, oid: %[1]s, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}, ", gaugeObject), 1)
	text += withRules(t, `{alert: DeviceDown, expr: 'trapline_target_up == 0'}`) + "rules: {interval: 1s}\ntargets:\n"
	devices := make([]*gauges, targets)
	for i := range devices {
		devices[i] = startGauges(t, 1)
		parents := ""
		if i > 0 {
			parents = fmt.Sprintf(", parents: [device-%d]", (i-1)/2)
		}
		text += fmt.Sprintf("- {name: device-%d, address: %q, modules: [gauges], timeout: 200ms, retries: 0%s}\n", i, devices[i].LocalAddr(), parents)
	}
	s := newSiteOf(t, "62", targets, text)
	s.await("each target is polled by one member", s.settled)
	s.await("the cluster is whole", func() bool { return s.status(s.members[0]).Whole })

	for _, d := range devices[1:] { // as it looks like if all fail at the same time
		d.mu.Lock()
	}
	devices[0].mu.Lock()
	s.await("all alarms are active, one is sent", func() bool { return s.activeOf() == targets && w.count() == 1 })
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
	devices[0].mu.Unlock()
	s.await("the cause answers: it is cleared, and those that are causes now are raised", func() bool { return w.count() == 4 })
	for _, d := range devices[1:] {
		d.mu.Unlock()
	}
	s.await("all are cleared", func() bool { return w.count() == 6 && s.activeOf() == 0 })
	w.want(3, "raise clear")
}
