package main

import (
	"fmt"
	"syscall"
	"testing"
)

// A device that is down mutes the alarms of those behind it that other members poll, and goes on to do so after its owner is killed.
func TestClusterOutages(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	const targets = 9
	w := witnessOf(t, true)
	receivers := fmt.Sprintf("- {name: w, address: %q, timeout: 2s, rate: 1000, every_transition: true}\n", w.LocalAddr())
	devices, text := gaugesFile(t, receivers, "topology: {hold: 2s}\n", `{alert: DeviceDown, expr: 'trapline_target_up == 0'}`, targets, func(i int) string {
		parents := ""
		if i > 0 {
			parents = fmt.Sprintf(", parents: [device-%d]", (i-1)/2)
		}
		return ", timeout: 200ms, retries: 0" + parents
	})
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
