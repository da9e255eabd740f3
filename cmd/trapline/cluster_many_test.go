package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"trapline/internal/programtest"
)

// A hundred thousand alarms are raised at once, and cleared at once: the first is committed within a minute, the second within two. The lead
// of the engine stays where it is, its database has less than a gigabyte, and each alarm is sent once raised and once cleared (bar 15).
func TestClusterManyAlarms(t *testing.T) {
	if os.Getenv("TRAPLINE_SOAK") == "" {
		t.Skip("some minutes of commits")
	}
	const (
		targets, rows = 100, 1000
		alarms        = targets * rows
		rate          = 1000
		patience      = 15 * time.Minute
	)
	w := witnessOf(t, true)
	devices := make([]*gauges, targets)
	var gets []string
	for i := range rows {
		gets = append(gets, fmt.Sprintf("%s.%d", gaugeObject, i+1))
	}
	text := programtest.Notifying(t, "", fmt.Sprintf("- {name: w, address: %q, timeout: 5s, rate: %d, every_transition: true}\n", w.LocalAddr(), rate))
	text = strings.Replace(text, "state_dir: \n", "", 1)
	text = strings.Replace(text, "modules: {", fmt.Sprintf("modules: {gauges: {get: [%s], metrics: [{name: g, oid: %s, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}, ",
		strings.Join(gets, ", "), gaugeObject), 1)
	text += withRules(t, `{alert: High, expr: g > 50}`) + "targets:\n"
	for i := range devices {
		devices[i] = startGauges(t, rows)
		text += fmt.Sprintf("- {name: device-%d, address: %q, modules: [gauges], interval: 10s}\n", i, devices[i].LocalAddr())
	}
	set := func(value int64) {
		for _, d := range devices {
			for i := range rows {
				d.set(i, value)
			}
		}
	}
	s := newSiteOf(t, "64", targets, text)
	s.await("each target is polled by one member, some times", s.settled)
	s.await("the cluster is whole", func() bool { c := s.status(s.members[0]); return c.Whole && c.Leader != "" })
	leader := s.status(s.members[0]).Leader
	t.Logf("before: %s", s.sizes())

	for _, turn := range []struct {
		is     string
		value  int64
		active int
		events int
		most   time.Duration
	}{{"raised", 100, alarms, alarms, time.Minute}, {"cleared", 0, 0, 2 * alarms, 2 * time.Minute}} {
		set(turn.value)
		took := s.awaitWithin(patience, "all are "+turn.is+", and that is committed", func() bool { return s.activeOf() == turn.active })
		t.Logf("%s: %s", turn.is, s.sizes())
		if took > turn.most {
			t.Errorf("it took %v until all were %s", took, turn.is)
		}
		s.awaitWithin(patience, "all transitions are sent", func() bool { return w.count() == turn.events })
		t.Logf("all are sent: %s", s.sizes())
		if now := s.status(s.members[0]).Leader; now != leader {
			t.Errorf("%s leads the engine, which %s did", now, leader)
		}
	}
	w.want(alarms, "raise clear")
	for _, m := range s.members {
		if size := m.database(); size > 1<<30 {
			t.Errorf("the database of %s has %d MB", m.address, size>>20)
		}
	}
	t.Logf("%d events were sent again", w.repeats())
}

// database returns how many octets the database of the engine has on the disk of a member.
func (m *siteMember) database() (size int64) {
	_ = filepath.WalkDir(filepath.Join(m.state, "cluster"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "db" {
			if info, err := d.Info(); err == nil {
				size = info.Size()
			}
		}
		return nil
	})
	return size
}

var resident = regexp.MustCompile(`(?m)^Vm(?:RSS|HWM):\s+(\d+) kB`)

// sizes says how much memory the members take, and took at most, and how large their databases are.
func (s *site) sizes() string {
	var all []string
	for _, m := range s.alive() {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", m.command.Process.Pid))
		var megabytes []int
		for _, found := range resident.FindAllStringSubmatch(string(text), -1) {
			n, _ := strconv.Atoi(found[1])
			megabytes = append(megabytes, n>>10)
		}
		all = append(all, fmt.Sprintf("most and resident %d MB, database %d MB", megabytes, m.database()>>20))
	}
	return strings.Join(all, "; ")
}
