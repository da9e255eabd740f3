package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"trapline/internal/peers"
	"trapline/internal/programtest"
)

var alarmsOfMember = regexp.MustCompile(`(?m)^trapline_alarms_active (\d+)$`)

// activeOf returns how many alarms the members have that live.
func (s *site) activeOf() (n int) {
	for _, m := range s.alive() {
		text, _ := s.get(m.url() + "/metrics")
		if found := alarmsOfMember.FindStringSubmatch(text); found != nil {
			one, _ := strconv.Atoi(found[1])
			n += one
		}
	}
	return n
}

// settled reports whether each target is polled by one member, which has polled it several times.
func (s *site) settled() bool {
	const enough = 3
	if !s.polledOnce() {
		return false
	}
	for _, by := range s.polls() {
		for _, n := range by {
			if n < enough {
				return false
			}
		}
	}
	return true
}

// gaugesFile returns devices with a gauge g each, and a file that has them polled: with these receivers, settings before them, rules, and
// more settings of each target.
func gaugesFile(t *testing.T, receivers, settings, rules string, devices int, more func(i int) string) (list []*gauges, text string) {
	t.Helper()
	text = strings.Replace(programtest.Notifying(t, "", receivers), "state_dir: \n", settings, 1)
	text = strings.Replace(text, "modules: {", fmt.Sprintf("modules: {gauges: {get: [%[1]s.1], metrics: [{name: g, oid: %[1]s, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}, ", gaugeObject), 1)
	text += withRules(t, rules) + "rules: {interval: 1s}\ntargets:\n"
	for i := range devices {
		list = append(list, startGauges(t, 1))
		text += fmt.Sprintf("- {name: device-%d, address: %q, modules: [gauges]%s}\n", i, list[i].LocalAddr(), more(i))
	}
	return list, text
}

func nothingMore(int) string { return "" }

// Alarms lie in the cluster: that of a member that is killed, or leaves, is sent once, is not raised again by the next owner of
// its target, and is cleared once. Rules over several targets see all of them: nobody counts too few. Without a majority nothing is
// sent but the alarm about that.
func TestClusterAlarms(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes")
	}
	t.Parallel()
	const targets, alarms = 24, 24 + 1
	w := witnessOf(t, true)
	trapAddress, _ := peers.FreeUDPAddresses(t)
	receivers := fmt.Sprintf("- {name: w, address: %q, timeout: 2s, rate: 1000, every_transition: true}\n- {name: traps, type: trap, auth: secure, address: %q, rate: 1000}\n", w.LocalAddr(), trapAddress)
	rules := fmt.Sprintf(`{alert: High, expr: g > 50}, {alert: Sum, expr: sum(g) > 50 * %[1]d}, {alert: Few, expr: count(g) < %[1]d}`, targets)
	devices, text := gaugesFile(t, receivers, "", rules, targets, nothingMore)
	set := func(value int64) {
		for _, d := range devices {
			d.set(0, value)
		}
	}
	s := newSiteOf(t, "74", targets, text)
	s.await("each target is polled by one member", s.settled)
	s.await("the cluster is whole", func() bool { return s.status(s.members[0]).Whole })

	traps := s.snmptrapd(trapAddress)
	set(100)
	s.await("all alarms are raised", func() bool { return w.count() == alarms })
	if n := len(traps.AwaitReceived(t, alarms)); n != alarms {
		t.Errorf("snmptrapd has received %d traps of SNMPv3, want %d", n, alarms)
	}
	s.await("they lie in the cluster", func() bool { return s.activeOf() == alarms })
	s.evaluatesAlike(targets, alarms)
	killed := s.members[2]
	_ = s.stop(killed, syscall.SIGKILL)
	s.await("killed: its targets are polled again", s.settled)
	if n := s.activeOf(); n != alarms {
		t.Errorf("%d alarms are active, want %d", n, alarms)
	}
	w.want(alarms, "raise")

	set(0)
	s.await("all alarms are cleared", func() bool { return w.count() == 2*alarms })
	s.await("the cluster has none", func() bool { return s.activeOf() == 0 })
	w.want(alarms, "raise clear")

	s.start(killed)
	s.await("started again: all members poll", func() bool {
		by := map[string]bool{}
		for _, one := range s.polls() {
			for member := range one {
				by[member] = true
			}
		}
		return len(by) == len(s.members) && s.settled()
	})
	set(100)
	s.await("all alarms are raised again", func() bool { return w.count() == 3*alarms })
	before := w.repeats()
	if err := s.stop(s.members[1], syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	s.await("stopped: its targets are polled by others", s.settled)
	set(0)
	s.await("all alarms are cleared again", func() bool { return w.count() == 4*alarms })
	w.want(alarms, "raise clear raise clear")
	if n := w.repeats() - before; n > 0 {
		t.Errorf("%d events were repeated as a member left", n)
	}

	_ = s.stop(killed, syscall.SIGKILL)
	set(100)
	took := s.await("without a majority, one alarm is sent", func() bool { return w.count() > 4*alarms })
	t.Logf("the alarm about the quorum is sent %v after it is lost", took)
	if list, _ := s.get(s.alive()[0].url() + "/api/v1/alarms?q=rule%3DTraplineWithoutQuorum"); !strings.Contains(list, `"rule":"TraplineWithoutQuorum"`) {
		t.Errorf("the alarm about the quorum is not listed: %.500s", list)
	}
	s.start(killed)
	s.await("the majority is back: that alarm is cleared, and all others are raised", func() bool { return w.active() == alarms && w.count() >= 5*alarms+2 })
	if n := w.forget("raise clear"); n < 1 { // the one that starts may have one too
		t.Errorf("%d alarms about the quorum were raised and cleared", n)
	}
	w.want(alarms, "raise clear raise clear raise")
}

// snmptrapd starts one that knows the engines of all members as `trapline engine` prints them.
func (s *site) snmptrapd(address string) *peers.Snmptrapd {
	s.t.Helper()
	engine := exec.Command(s.program, "engine", "--config.file="+s.file)
	engine.Env = append(os.Environ(), "STATE_DIRECTORY="+s.members[1].state)
	lines, err := engine.Output()
	if err != nil {
		s.t.Fatal(err)
	}
	users := regexp.MustCompile(`(?m)^createUser .*$`).FindAllString(string(lines), -1)
	if len(users) != len(s.members) {
		s.t.Errorf("%d users of snmptrapd: %s", len(users), lines)
	}
	return peers.StartSnmptrapd(s.t, peers.SnmptrapdOptions{Address: address, Users: []peers.User{}, Config: "authUser log usr-sha-aes priv\n" + strings.Join(users, "\n")})
}

// evaluatesAlike compares the answers of the members about rules over the gauges of all targets, all of which are above 50.
func (s *site) evaluatesAlike(targets, alarms int) {
	s.t.Helper()
	for _, m := range s.alive() {
		for path, want := range map[string]int{"/api/v1/alerts": alarms, "/api/v1/rules": alarms, "/api/v1/rules?type=record": 0} {
			if text, status := s.get(m.url() + path); status != 200 || strings.Count(text, `"state":"firing","activeAt"`) != want {
				s.t.Errorf("%s: %s: %d %.2000s", m.address, path, status, text)
			}
		}
		for expr, want := range map[string]string{
			"g > 50":         fmt.Sprintf(`"total":%[1]d,"firing":%[1]d,"targets":%[1]d,`, targets),
			"count(g > 50)":  fmt.Sprintf(`"value":%d,`, targets),
			"count(g) == 23": `"matches":[],"total":0,`,
		} {
			r, err := http.Post(m.url()+"/api/v1/rules/try", "application/json", strings.NewReader(fmt.Sprintf(`{"expr":%q}`, expr)))
			if err != nil {
				s.t.Fatal(err)
			}
			text, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil || r.StatusCode != 200 || !strings.Contains(string(text), want) {
				s.t.Errorf("%s: try %s: %d %v %.2000s", m.address, expr, r.StatusCode, err, text)
			}
		}
		if text, status := s.get(m.url() + "/api/v1/outbox"); status != 200 || !strings.Contains(text, `"receiver":"w"`) || strings.Contains(text, "missing") {
			s.t.Errorf("%s: outbox: %d %.300s", m.address, status, text)
		}
	}
}

func (w *witness) repeats() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.repeated
}

// forget forgets the alarms that have had some events, and returns how many.
func (w *witness) forget(events string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.sent)
	maps.DeleteFunc(w.sent, func(_ string, sent []string) bool { return slices.Equal(sent, strings.Fields(events)) })
	return before - len(w.sent)
}

// want compares the events of all alarms.
func (w *witness) want(alarms int, events string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sent) != alarms {
		w.t.Errorf("%d alarms were sent, want %d", len(w.sent), alarms)
	}
	for id, sent := range w.sent {
		if !slices.Equal(sent, strings.Fields(events)) {
			w.t.Errorf("of the alarm %s were sent %v, want %s", id, sent, events)
		}
	}
}
