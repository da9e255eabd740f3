package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/statedir"
)

// withRules writes a rule file and returns the line of the configuration that names it.
func withRules(t testing.TB, rules string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte("groups: [{name: test, rules: [\n"+rules+"\n]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("rule_files: [%s]\n", file)
}

const knobModule = `  knob: {get: [1.3.6.1.4.1.8072.9999.9999.1.0], metrics: [{name: knob, oid: 1.3.6.1.4.1.8072.9999.9999.1, type: gauge, help: Turn it.}]}
`

// knobbed is a configuration that polls the knob of an snmpd each second.
func knobbed(t testing.TB, dir, address, receivers, rules string) string {
	t.Helper()
	text := strings.Replace(programtest.Notifying(t, dir, receivers), "modules: {uptime: {get: [1.3.6.1.2.1.1.3.0]}}\n", "modules:\n"+knobModule, 1)
	return text + fmt.Sprintf("targets: [{name: device, address: %q, modules: [knob], interval: 1s}]\n", address) + withRules(t, rules)
}

func turn(t testing.TB, s *peers.Snmpd, value int) {
	t.Helper()
	peers.NetSNMP(t, "snmpset", "-v2c", "-cprivate", s.Address, peers.Knob, "i", strconv.Itoa(value))
}

// A device crosses a threshold: receivers are notified once, by traps and informs of every version, and once
// when it is back.
func TestPeersAThresholdIsSentOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, _, err := statedir.Engine(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	device := peers.StartSnmpd(t, peers.SnmpdOptions{})
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", id)})
	receivers := strings.ReplaceAll(`
- {name: v2-inform, address: "ADDRESS"}
- {name: v3-inform, auth: secure, address: "ADDRESS"}
- {name: v3-trap, type: trap, auth: strong, address: "ADDRESS"}
- {name: v1-trap, type: trap, auth: public_v1, address: "ADDRESS"}
`, "ADDRESS", d.Address)
	text := knobbed(t, dir, device.Address, receivers, `{alert: High, expr: knob > 50, labels: {severity: major}, annotations: {summary: "the knob of {{ $labels.target }} is at {{ $value }}"}}`)
	base := startServer(t, strings.Replace(text, "auths:\n", "auths:\n  public_v1: {version: 1}\n", 1))
	counts := func() (raises, clears int) {
		text := strings.Join(delivered(d), "\n")
		return strings.Count(text, ".1.3.6.1.4.1.32473.1.0.1|~|") + strings.Count(text, "gen=6 spec=.1 "),
			strings.Count(text, ".1.3.6.1.4.1.32473.1.0.2|~|") + strings.Count(text, "gen=6 spec=.2 ")
	}
	awaitMatch(t, base+"/metrics", `trapline_rules_evaluations_total [1-9]`)
	for round := 1; round <= 2; round++ {
		turn(t, device, 60)
		d.Process.Await(t, func() bool { raises, _ := counts(); return raises == 4*round })
		turn(t, device, 10+round)
		d.Process.Await(t, func() bool { _, clears := counts(); return clears == 4*round })
	}
	evaluated := awaitMatch(t, base+"/metrics", `trapline_notifications_queued\{receiver="v3-inform"\} 0`)
	if !strings.Contains(evaluated, "trapline_alarms_active 0") {
		t.Error("the alarm is active still")
	}
	received := strings.Join(delivered(d), "\n")
	if raises, clears := counts(); raises != 8 || clears != 8 || !strings.Contains(received, "the knob of device is at 60") ||
		!strings.Contains(received, ".1.3.6.1.4.1.8072.9999.9999.1.0") {
		t.Errorf("%d raises and %d clears:\n%s", raises, clears, received)
	}
}

const linkModule = `  links:
    get: [1.3.6.1.2.1.2.2.1.1.7, 1.3.6.1.2.1.2.2.1.7.7, 1.3.6.1.2.1.2.2.1.8.7]
    metrics:
    - {name: ifIndex, oid: 1.3.6.1.2.1.2.2.1.1, type: gauge, help: H., indexes: [{labelname: ifIndex, type: gauge}]}
    - {name: ifAdminStatus, oid: 1.3.6.1.2.1.2.2.1.7, type: gauge, help: H., indexes: [{labelname: ifIndex, type: gauge}]}
    - {name: ifOperStatus, oid: 1.3.6.1.2.1.2.2.1.8, type: gauge, help: H., indexes: [{labelname: ifIndex, type: gauge}]}
`

// A notification of a MIB has its OBJECTS, with the values of the row in the last poll; those of its end too.
// The process is killed in between.
func TestPeersLinkDownAndUp(t *testing.T) {
	t.Parallel()
	const oper = "1.3.6.1.2.1.2.2.1.8.7"
	device := peers.StartSnmpd(t, peers.SnmpdOptions{Config: `override -rw .1.3.6.1.2.1.2.2.1.1.7 integer 7
override -rw .1.3.6.1.2.1.2.2.1.7.7 integer 1
override -rw .` + oper + " integer 1\n"})
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	const rule = `{alert: LinkDown, expr: "ifOperStatus == 2 and on (target, ifIndex) ifAdminStatus == 1", annotations: {trap_notification: "IF-MIB::linkDown"}}`
	text := knobbed(t, t.TempDir(), device.Address, fmt.Sprintf("- {name: nms, format: template, address: %q}\n", d.Address), rule)
	text = strings.Replace(strings.Replace(text, knobModule, linkModule, 1), "[knob]", "[links]", 1)
	file, address := filepath.Join(t.TempDir(), "snmp.yml"), peers.FreeTCPAddress(t)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := program(t)
	set := func(status string) {
		peers.NetSNMP(t, "snmpset", "-v2c", "-cprivate", device.Address, oper, "i", status)
	}
	const down, up = "1.3.6.1.6.3.1.1.5.3|~|", "1.3.6.1.6.3.1.1.5.4|~|"
	count := func(what string) int { return strings.Count(strings.Join(delivered(d), "\n"), what) }
	start := func() *peers.Process {
		p := peers.Start(t, nil, binary, "--config.file="+file, "--web.listen-address="+address)
		p.Await(t, func() bool {
			response, err := http.Get("http://" + address + "/api/v1/rules")
			if err != nil {
				return false
			}
			defer response.Body.Close()
			text, _ := io.ReadAll(response.Body)
			return strings.Contains(string(text), `"health":"ok"`)
		})
		return p
	}
	p := start()
	kill := func() { // once the acknowledgement is stored: otherwise the notification is sent again
		awaitMatch(t, "http://"+address+"/metrics", `trapline_notifications_queued\{receiver="nms"\} 0`)
		p.Kill()
	}
	set("2")
	d.Process.Await(t, func() bool { return count(down) == 1 })
	kill()
	p = start()
	set("1")
	d.Process.Await(t, func() bool { return count(up) == 1 })
	kill()
	p = start()
	set("2")
	d.Process.Await(t, func() bool { return count(down) == 2 })
	p.Stop()
	received := strings.Join(delivered(d), "\n")
	if count(down) != 2 || count(up) != 1 {
		t.Errorf("received\n%s", received)
	}
	const objects = ".1.3.6.1.2.1.2.2.1.1.7 = INTEGER: 7|~|.1.3.6.1.2.1.2.2.1.7.7 = INTEGER: 1|~|.1.3.6.1.2.1.2.2.1.8.7 = INTEGER: "
	for _, want := range []string{down + objects + "2", up + objects + "1"} {
		if !strings.Contains(received, want) {
			t.Errorf("there is no %s in\n%s", want, received)
		}
	}
}

// Without receivers and without a state directory, alerts are series still.
func TestPeersRulesAlone(t *testing.T) {
	t.Parallel()
	device := peers.StartSnmpd(t, peers.SnmpdOptions{})
	base := startServer(t, fmt.Sprintf("auths: {public_v2: {}}\nmodules:\n%stargets: [{name: device, address: %q, modules: [knob], interval: 1s}]\n", knobModule, device.Address)+
		withRules(t, `{alert: Low, expr: knob < 50}`))
	await(t, base+"/metrics", `ALERTS{alertname="Low",alertstate="firing",target="device"} 1`)
	turn(t, device, 60)
	device.Process.Await(t, func() bool {
		_, _, text := get(t, base+"/metrics")
		return !strings.Contains(text, "ALERTS{")
	})
	if status, _, _ := get(t, base+"/api/v1/query?query=knob"); status != http.StatusNotFound {
		t.Errorf("a query that was not allowed is answered with %d", status)
	}
	if status, _, body := get(t, base+"/api/v1/rules"); status != http.StatusOK || !strings.Contains(body, `"name":"Low"`) {
		t.Errorf("%d, %s", status, body)
	}
}

// After a reload, rules that have not changed go on, and the alarms of those that are gone are over. One with
// mistakes changes nothing.
func TestPeersRulesAreReloaded(t *testing.T) {
	t.Parallel()
	device := peers.StartSnmpd(t, peers.SnmpdOptions{})
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	text := knobbed(t, t.TempDir(), device.Address, fmt.Sprintf("- {name: nms, address: %q}\n", d.Address), `{alert: Low, expr: knob < 50}, {alert: Lower, expr: knob < 40}`)
	base := startServer(t, text)
	count := func(arc int) int {
		return strings.Count(strings.Join(delivered(d), "\n"), fmt.Sprintf("32473.1.0.%d|~|", arc))
	}
	d.Process.Await(t, func() bool { return count(1) == 2 })
	file := text[strings.LastIndex(text, "[")+1 : strings.LastIndex(text, "]")]
	reload := func(rules string) int {
		t.Helper()
		if err := os.WriteFile(file, []byte("groups: [{name: test, rules: ["+rules+"]}]"), 0o600); err != nil {
			t.Fatal(err)
		}
		response, err := http.Post(base+"/-/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	if got := reload(`{alert: Low, expr: knob <}`); got != http.StatusInternalServerError {
		t.Errorf("a reload of a mistake is answered with %d", got)
	}
	if got := reload(`{alert: Low, expr: knob < 50}`); got != http.StatusOK {
		t.Errorf("a reload is answered with %d", got)
	}
	d.Process.Await(t, func() bool { return count(2) == 1 })
	turn(t, device, 60)
	d.Process.Await(t, func() bool { return count(2) == 2 })
	if count(1) != 2 || count(3) != 0 {
		t.Errorf("received\n%s", strings.Join(delivered(d), "\n"))
	}
}
