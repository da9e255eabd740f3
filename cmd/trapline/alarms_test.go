package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/statedir"
)

// alert is one in the form of Alertmanager's webhook.
func alert(t *testing.T, name string, firing bool, annotations map[string]string) string {
	t.Helper()
	status := map[bool]string{true: "firing", false: "resolved"}[firing]
	body, err := json.Marshal(map[string]any{"version": "4", "alerts": []any{
		map[string]any{"status": status, "labels": map[string]string{"alertname": name}, "annotations": annotations},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// delivered returns the notifications that arrived. An inform whose acknowledgement comes late on a busy machine is sent
// again, from the same port and with the same octets: that is the same notification.
func delivered(d *peers.Snmptrapd) (lines []string) {
	seen := map[string]bool{}
	for _, line := range d.Received() {
		if !seen[line] {
			seen[line] = true
			lines = append(lines, line)
		}
	}
	return lines
}

// mentions counts the notifications that have a text in them and another.
func mentions(d *peers.Snmptrapd, texts ...string) (n int) {
	for _, line := range delivered(d) {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			n++
		}
	}
	return n
}

// Receivers of all versions, by traps and informs, over IPv4 and IPv6, are notified of each alarm that is for them. One that
// never answers keeps nothing from the others.
func TestReceiversOfAllKinds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, _, err := statedir.Engine(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	options := peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", id)}
	first, second := peers.StartSnmptrapd(t, options), peers.StartSnmptrapd(t, options)
	six := second.Address
	if second.Address6 != "" {
		six = "udp6:" + second.Address6
	}
	silent := newHole(t)
	base := startServer(t, programtest.Notifying(t, dir, strings.NewReplacer("FIRST", first.Address, "SECOND", second.Address, "SIX", six, "SILENT", silent.address).Replace(`
- {name: v1, type: trap, auth: old, address: "FIRST"}
- {name: v2c, type: trap, address: "FIRST", tags: [core, berlin]}
- {name: v3, type: trap, auth: secure, address: "FIRST"}
- {name: six, address: "SIX"}
- {name: strong, auth: strong, address: "SECOND", tags: [core]}
- {name: silent, address: "SILENT", timeout: 50ms, tags: [core]}
`)))
	post := func(name string, annotations map[string]string) {
		t.Helper()
		insist(t, base+"/api/v1/webhook", alert(t, name, true, annotations))
	}
	second.Process.Await(t, func() bool { return silent.asked.Load() > 0 }) // it is notified of our start
	post("Everybody", nil)
	post("Core", map[string]string{"trap_tags": "core"})
	post("Named", map[string]string{"trap_receivers": "six, silent", "trap_tags": "berlin"})
	for _, receiver := range []string{"v1", "v2c", "v3", "six", "strong"} {
		await(t, base+"/metrics", fmt.Sprintf(`trapline_notifications_queued{receiver=%q} 0`, receiver))
	}
	for _, test := range []struct {
		to    *peers.Snmptrapd
		as    string
		names []string
	}{
		{first, "v=0 ", []string{"Everybody"}},
		{first, "v=1 ", []string{"Everybody", "Core", "Named"}},
		{first, "user=usr-sha-aes ", []string{"Everybody"}},
		{second, "v=1 ", []string{"Everybody", "Named"}},
		{second, "user=usr-sha512-aes256 ", []string{"Everybody", "Core"}},
	} {
		for _, name := range []string{"Everybody", "Core", "Named"} {
			want := 0
			if slices.Contains(test.names, name) {
				want = 1
			}
			raise := `.1.5.0 = STRING: "` + name + `"`
			if want > 0 {
				test.to.Process.Await(t, func() bool { return mentions(test.to, test.as, raise) >= want })
			}
			if got := mentions(test.to, test.as, raise); got != want {
				t.Errorf("%s was notified %d times of %s", name, got, test.as)
			}
		}
	}
	await(t, base+"/metrics", `trapline_receiver_failing{receiver="silent"} 1`)
}

func configFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snmp.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// startBinary runs the program with a configuration until it is ended, and waits until it serves.
func startBinary(t *testing.T, binary, config string) (p *peers.Process, base string) {
	t.Helper()
	address := peers.FreeTCPAddress(t)
	base = "http://" + address
	p = peers.Start(t, nil, binary, "--config.file="+configFile(t, config), "--web.listen-address="+address)
	awaitReady(t, p, base)
	return p, base
}

// An inform to a receiver that does not answer is sent once it does: by the same process, and by the next one.
func TestInformsWaitForTheirReceiver(t *testing.T) {
	t.Parallel()
	address, _ := peers.FreeUDPAddresses(t)
	binary := program(t)
	config := programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: nms, address: %q, timeout: 20s}\n", address))
	process, base := startBinary(t, binary, config)
	insist(t, base+"/api/v1/webhook", alert(t, "Early", true, nil))
	await(t, base+"/metrics", `trapline_receiver_failing{receiver="nms"} 1`)
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{Address: address})
	d.Process.Await(t, func() bool { return mentions(d, "1.0.1|~|", `"Early"`) > 0 })
	await(t, base+"/metrics", `trapline_notifications_queued{receiver="nms"} 0`)
	d.Process.Stop()
	insist(t, base+"/api/v1/webhook", alert(t, "Late", true, nil))
	await(t, base+"/metrics", `trapline_receiver_failing{receiver="nms"} 1`)
	process.Kill()
	d.Start(t)
	_, base = startBinary(t, binary, config)
	d.Process.Await(t, func() bool { return mentions(d, "1.0.1|~|", `"Late"`) > 0 })
	await(t, base+"/metrics", `trapline_notifications_queued{receiver="nms"} 0`)
	if mentions(d, `"Early"`) > 0 || mentions(d, `"Late"`) != 1 {
		t.Errorf("received\n%s", strings.Join(delivered(d), "\n"))
	}
}

// A receiver drops the traps of an engine whose boots and time it believes to be further on, and takes them
// again once the engine has started again, whatever ended it.
func TestTrapsArriveAfterKills(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, _, err := statedir.Engine(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{SenderEngineID: fmt.Sprintf("%x", id)})
	binary := program(t)
	config := programtest.Notifying(t, dir, strings.ReplaceAll("- {name: secure, type: trap, auth: secure, address: ADDRESS}\n- {name: plain, address: ADDRESS}\n", "ADDRESS", d.Address))
	const secure = "user=usr-sha-aes "
	for life := range 2 {
		process, base := startBinary(t, binary, config)
		notify := func(name string) {
			t.Helper()
			insist(t, base+"/api/v1/webhook", alert(t, name, true, nil))
			d.Process.Await(t, func() bool { return mentions(d, "user=public ", `"`+name+`"`) > 0 })
			await(t, base+"/metrics", `trapline_notifications_queued{receiver="secure"} 0`)
		}
		taken, dropped := fmt.Sprintf("Taken%d", life), fmt.Sprintf("Dropped%d", life)
		notify(taken)
		d.Process.Await(t, func() bool { return mentions(d, secure, `"`+taken+`"`) > 0 })
		_, boots, err := statedir.Engine(dir, nil, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		args := slices.Concat([]string{"-v3", "-u", "usr-sha-aes", "-l", "authPriv", "-a", "SHA", "-A", peers.AuthPassphrase, "-x", "AES", "-X", peers.PrivPassphrase},
			peers.NetSNMPEngine(id, boots, 100000), []string{d.Address, fmt.Sprint(70 + life), "1.3.6.1.6.3.1.1.5.1"})
		peers.NetSNMP(t, "snmptrap", args...)
		d.Process.Await(t, func() bool { return mentions(d, secure, fmt.Sprintf(".1.3.0 = %d|~|", 70+life)) > 0 })
		notify(dropped)
		if life == 0 {
			if out, err := exec.Command(binary, "serve", "--config.file="+configFile(t, config), "--web.listen-address="+peers.FreeTCPAddress(t)).CombinedOutput(); err == nil ||
				!strings.Contains(string(out), "state directory "+dir+": another process uses it: each needs one of its own") {
				t.Errorf("a second process: %v\n%s", err, out)
			}
		}
		process.Kill()
	}
	for name, want := range map[string]int{"Taken0": 1, "Dropped0": 0, "Taken1": 1, "Dropped1": 0} {
		if got := mentions(d, secure, `"`+name+`"`); got != want {
			t.Errorf("%s was received %d times", name, got)
		}
	}
}

// A rule of Prometheus names the notification to send, and says with the labels and the value of its alert
// its content.
func TestRulesOfPrometheusNameTheirNotification(t *testing.T) {
	t.Parallel()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	base := startServer(t, programtest.Notifying(t, t.TempDir(), fmt.Sprintf("- {name: nms, format: template, address: %q}\n", d.Address)))
	const rule = `
groups:
- name: test
  interval: 1s
  rules:
  - alert: PortDown
    expr: 'label_replace(vector(2), "ifName", "Gi0/3", "", "") VALUE 0'
    labels: {severity: major, instance: 192.0.2.7, ifIndex: "3"}
    annotations:
      trap_notification: IF-MIB::linkDown
      trap_varbinds: |
        ifAdminStatus = up
        ifOperStatus = {{ $value }}
        ifName = {{ $labels.ifName }}
        sysContact.0 STRING = "value {{ printf "%.1f" $value }}"
      trap_clear_varbinds: ifOperStatus = up
`
	judge := alertingTo(t, base, rule)
	const tail = `.1.3.6.1.2.1.31.1.1.1.1.3 = STRING: "Gi0/3"|~|.1.3.6.1.2.1.1.4.0 = STRING: "value 2.0"|~|.1.3.6.1.6.3.18.1.3.0 = IpAddress: 192.0.2.7`
	for _, test := range []struct{ value, notification, status string }{{">", "3", "2"}, {"<", "4", "1"}} {
		judge(test.value)
		d.Process.Await(t, func() bool { return mentions(d, "= OID: .1.3.6.1.6.3.1.1.5."+test.notification) > 0 })
		want := "OID: .1.3.6.1.6.3.1.1.5." + test.notification + "|~|.1.3.6.1.2.1.2.2.1.1.3 = INTEGER: 3|~|.1.3.6.1.2.1.2.2.1.7.3 = INTEGER: 1|~|.1.3.6.1.2.1.2.2.1.8.3 = INTEGER: " + test.status + "|~|" + tail
		if mentions(d, want) != 1 {
			t.Errorf("want %s; received\n%s", want, strings.Join(delivered(d), "\n"))
		}
	}
}
