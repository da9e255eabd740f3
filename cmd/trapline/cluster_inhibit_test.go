package main

import (
	"fmt"
	"syscall"
	"testing"
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
	receivers := fmt.Sprintf("- {name: w, address: %q, timeout: 2s, rate: 1000, every_transition: true}\n", w.LocalAddr())
	settings := "inhibit_rules: [{source_matchers: ['alertname=\"Cause\"'], target_matchers: ['alertname=\"Effect\"']}]\n"
	rules := `{alert: Cause, expr: 'g{target="device-0"} > 50'}, {alert: Effect, expr: 'g{target!="device-0"} > 50'}`
	devices, text := gaugesFile(t, receivers, settings, rules, targets, nothingMore)
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
