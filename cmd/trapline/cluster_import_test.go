package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"trapline/internal/api"
	"trapline/internal/programtest"
)

// One process with alarms becomes a member of a cluster of three: its alarms go on there, with their acknowledgements and their age. None is
// raised or cleared for it, and whatever waits for a receiver is sent under the ID and the request-id that it had. Alone again, the
// process sends nothing of it.
func TestClusterTakesOverOneMachine(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	const network, targets, alarms = "79", 12, 12 + 1
	w := witnessOf(t, true)
	text, devices := gauged(t, w, targets, "")
	set := setAll
	s := plannedSite(t, network, targets)
	s.write(text, "")
	old := s.members[0]
	s.run(old)
	s.await("one process polls all", s.polledOnce)
	set(100, devices...)
	s.await("all alarms are raised", func() bool { return w.count() == alarms })
	s.await("they are acknowledged", func() bool { return s.waiting(old) == 0 })
	before := s.alarmsOf(old)
	acknowledged := before[slices.IndexFunc(before, func(a api.Alarm) bool { return a.Target == "device-1" })].ID
	insist(t, old.url()+"/api/v1/alarms/"+acknowledged+"/ack", `{"by": "ann", "comment": "on my way"}`)
	insist(t, old.url()+"/api/v2/silences", `{"matchers": [{"name": "alertname", "value": "None", "isRegex": false}], "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z", "createdBy": "ann", "comment": "kept"}`)
	w.silent.Store(true)
	set(0, devices[0])
	s.await("a clear is on its way", func() bool { return w.count() == alarms+1 })
	if err := s.stop(old, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.silent.Store(false)

	s.write(text, votersOf(network))
	for _, m := range s.members {
		s.start(m)
	}
	s.await("each target is polled by one member", s.settled)
	s.await("the cluster is whole", func() bool { return s.status(old).Whole })
	s.await("the alarms lie in the cluster", func() bool { return s.activeOf() == alarms-1 })
	s.await("the clear is acknowledged", func() bool { return s.waiting(s.members...) == 0 })
	if n := w.count(); n != alarms+1 {
		t.Errorf("%d events were sent, want %d", n, alarms+1)
	}
	w.sameRequests(t)
	after := map[string]api.Alarm{}
	for _, a := range s.alarmsOf(s.members[1]) {
		after[a.ID] = a
	}
	for _, was := range before {
		is, active := after[was.ID]
		switch {
		case !active && was.Target == "device-0":
		case !active || !is.Since.Equal(was.Since):
			t.Errorf("alarm %+v was %+v", is, was)
		case (is.AckedBy == "ann") != (was.ID == acknowledged):
			t.Errorf("%s of %s is acknowledged by %q", was.Rule, was.Target, is.AckedBy)
		}
	}
	if text, _ := s.get(s.members[2].url() + "/api/v2/silences"); !strings.Contains(text, `"kept"`) {
		t.Errorf("silences: %s", text)
	}

	set(0, devices...)
	s.await("all alarms are cleared", func() bool { return w.count() == 2*alarms })
	s.await("the cluster has none", func() bool { return s.activeOf() == 0 })
	w.want(alarms, "raise clear")
	if _, err := os.Stat(filepath.Join(old.state, "trapline.db.before-cluster")); err != nil {
		t.Error(err)
	}

	for _, m := range s.members {
		_ = s.stop(m, syscall.SIGKILL)
	}
	s.write(text, "")
	s.run(old)
	s.await("one process polls all again", s.settled)
	if n := s.activeOf(); n > 0 {
		t.Errorf("%d alarms are active", n)
	}
	w.want(alarms, "raise clear")
}

// gauged returns a configuration of targets with a gauge each, which others follow, and rules about it. Each of the first half of the targets has more keys.
func gauged(t *testing.T, w *witness, targets int, more string) (text string, devices []*gauges) {
	t.Helper()
	text = programtest.Notifying(t, "", fmt.Sprintf("- {name: w, address: %q, timeout: 1s, rate: 1000, every_transition: true, max_age: 1h}\n", w.LocalAddr()))
	text = strings.Replace(text, "state_dir: \n", "", 1)
	text = strings.Replace(text, "modules: {", fmt.Sprintf("modules: {gauges: {get: [%[1]s.1], metrics: [{name: g, oid: %[1]s, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}, ", gaugeObject), 1)
	text += withRules(t, `{alert: High, expr: g > 50}, {alert: Some, expr: sum(g) > 10}, {alert: Long, expr: g > 50, for: 1h}, {alert: Known, expr: g == 40, annotations: {baseline: "g == 0"}}`) + "rules: {interval: 1s}\ntargets:\n"
	for i := range targets {
		devices = append(devices, startGauges(t, 1))
		keys := ""
		if i < targets/2 {
			keys = "KEYS"
		}
		text += fmt.Sprintf("- {name: device-%d, address: %q, modules: [gauges]%s}\n", i, devices[i].LocalAddr(), keys)
	}
	return strings.ReplaceAll(text, "KEYS", more), devices
}

func setAll(value int64, some ...*gauges) {
	for _, d := range some {
		d.set(0, value)
	}
}

// waiting returns how many events wait for receivers of some members.
func (s *site) waiting(members ...*siteMember) (n int) {
	for _, m := range members {
		text, _ := s.get(m.url() + "/api/v1/outbox")
		var answer []struct{ Events []any }
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			s.t.Fatalf("%v: %s", err, text)
		}
		for _, r := range answer {
			n += len(r.Events)
		}
	}
	return n
}

func (s *site) alarmsOf(m *siteMember) []api.Alarm {
	text, _ := s.get(m.url() + "/api/v1/alarms")
	var answer struct{ Data []api.Alarm }
	if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Data) == 0 {
		s.t.Fatalf("%v: %s", err, text)
	}
	return answer.Data
}

// sameRequests checks that each event has one request-id.
func (w *witness) sameRequests(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for event, ids := range w.requests {
		if len(ids) > 1 {
			t.Errorf("event %s has the request-ids %v", event, ids)
		}
	}
}

// The zone of targets with alarms changes in the file of all members, while one is killed, and once more while they are restarted one after the
// other: members of the other zone poll the targets, and the alarms follow. None is raised again, and each is cleared once. So do the rows that
// baselines know, when the targets have other names.
func TestClusterAlarmsFollowZones(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	const network, targets, alarms = "70", 12, 12 + 1
	w := witnessOf(t, true)
	text, devices := gauged(t, w, targets, "KEYS")
	s := plannedSite(t, network, targets)
	berlin := s.members[2]
	berlin.file = s.file + ".berlin.yml"
	write := func(keys string) {
		s.write(strings.ReplaceAll(text, "KEYS", keys), votersOf(network))
		file, err := os.ReadFile(s.file)
		if err == nil {
			err = os.WriteFile(berlin.file, []byte(strings.Replace(string(file), "cluster:\n", "cluster:\n  zone: berlin\n", 1)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	pollsBerlin := func(first, end int) bool {
		all := s.polls()
		for i := range targets {
			if _, polled := all[fmt.Sprint("device-", i)][berlin.address]; polled != (first <= i && i < end) {
				return false
			}
		}
		return s.settled()
	}
	write("")
	for _, m := range s.members {
		s.start(m)
	}
	s.await("the members without a zone poll all", func() bool { return pollsBerlin(0, 0) })
	setAll(100, devices...)
	s.await("all alarms are raised", func() bool { return w.count() == alarms })
	write(", zone: berlin")
	for _, m := range s.members {
		_ = m.command.Process.Signal(syscall.SIGHUP)
	}
	_ = s.stop(s.members[1], syscall.SIGKILL)
	s.start(s.members[1])
	s.await("the targets of the zone are polled there", func() bool { return pollsBerlin(0, targets/2) })
	s.await("the alarms follow", func() bool { return s.alarmsAt(berlin) == targets/2 })
	s.await("each target is polled by one member", s.settled)
	write("")
	for _, m := range s.members {
		if err := s.stop(m, syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		s.start(m)
		s.await("the member is ready", func() bool { _, code := s.get(m.url() + "/-/ready"); return code == http.StatusOK })
	}
	s.await("the targets are polled by the others again", func() bool { return pollsBerlin(0, 0) })
	s.await("the alarms are back", func() bool { return s.alarmsAt(s.members[0])+s.alarmsAt(s.members[1]) == alarms })
	w.want(alarms, "raise")
	setAll(0, devices...)
	s.await("all alarms are cleared", func() bool { return w.count() == 2*alarms })
	w.want(alarms, "raise clear")

	for _, m := range s.members {
		if err := s.stop(m, syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	setAll(40, devices...)
	text = strings.ReplaceAll(text, "device-", "other-")
	write("")
	for _, m := range s.members {
		s.start(m)
	}
	s.await("the rows are known of targets that have another name", func() bool { return w.active() == targets+1 })
}

// alarmsAt returns how many alarms a member has itself.
func (s *site) alarmsAt(m *siteMember) int {
	text, _ := s.get(m.url() + "/metrics")
	found := alarmsOfMember.FindStringSubmatch(text)
	if found == nil {
		return -1
	}
	n, _ := strconv.Atoi(found[1])
	return n
}
