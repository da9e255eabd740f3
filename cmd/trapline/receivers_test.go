package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"trapline/internal/peers"
	"trapline/internal/programtest"
	"trapline/internal/statedir"
)

// reloading is a server whose configuration a test changes.
type reloading struct {
	t          *testing.T
	file, base string
}

func startReloading(t *testing.T, config string) *reloading {
	r := &reloading{t: t, file: filepath.Join(t.TempDir(), "snmp.yml")}
	r.write(config)
	r.base = startServerWith(t, "--config.file="+r.file)
	return r
}

func (r *reloading) write(config string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(config), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// reload returns the answer to a reload with another configuration.
func (r *reloading) reload(config string) (status int, text string) {
	r.t.Helper()
	r.write(config)
	response, err := http.Post(r.base+"/-/reload", "", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func (r *reloading) mustReload(config string) {
	r.t.Helper()
	if status, text := r.reload(config); status != http.StatusOK {
		r.t.Fatalf("%d: %s", status, text)
	}
}

// Receivers come, change and go by a reload. Notifications of one that goes are sent when it comes back, and our
// Engine does not start again.
func TestReceiversChangeByAReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nobody, _ := peers.FreeUDPAddresses(t)
	first, second := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{}), peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	with := func(receivers ...string) string { return programtest.Notifying(t, dir, strings.Join(receivers, "")) }
	receiver := func(name, address string) string {
		return fmt.Sprintf("- {name: %s, address: %q, every_transition: true}\n", name, address)
	}
	r := startReloading(t, with(receiver("late", nobody)))
	_, boots, err := statedir.Engine(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	insist(t, r.base+"/api/v1/webhook", alertsOf(1, 1, true))
	count := func(d *peers.Snmptrapd, arc int) int {
		return strings.Count(strings.Join(delivered(d), "\n"), fmt.Sprintf("32473.1.0.%d|~|", arc))
	}

	r.mustReload(with(receiver("other", first.Address)))
	first.Process.Await(t, func() bool { return count(first, 1) == 1 && count(first, 5) == 1 })
	if _, _, body := get(t, r.base+"/api/v1/outbox"); strings.Contains(body, "late") {
		t.Errorf("a receiver that is gone is listed: %s", body)
	}

	r.mustReload(with(receiver("late", second.Address), receiver("other", first.Address)))
	second.Process.Await(t, func() bool { return count(second, 1) == 1 })

	r.mustReload(with(receiver("late", first.Address)))
	insist(t, r.base+"/api/v1/webhook", alertsOf(1, 1, false))
	first.Process.Await(t, func() bool { return count(first, 2) == 1 })
	if count(second, 2) > 0 {
		t.Error("the address that was changed is still notified")
	}
	if _, after, err := statedir.Engine(dir, nil, time.Now()); err != nil || after != boots {
		t.Errorf("boots went from %d to %d, %v", boots, after, err)
	}
}

// The first receiver is notified of alarms that began before it came.
func TestFirstReceiversByAReload(t *testing.T) {
	dir := t.TempDir()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	r := startReloading(t, programtest.Notifying(t, dir, "  []"))
	insist(t, r.base+"/api/v1/webhook", alertsOf(1, 1, true))
	r.mustReload(programtest.Notifying(t, dir, fmt.Sprintf("- {name: nms, address: %q}\n", d.Address)))
	d.Process.Await(t, func() bool { return strings.Contains(strings.Join(d.Received(), "\n"), "32473.1.0.1|~|") })
}

// A process that began with nothing to keep has its first receivers notified once a reload adds them, and again
// after a reload without any.
func TestFirstReceiversOfAProcessWithoutState(t *testing.T) {
	const stateless = "auths: {public_v2: {}}\nmodules: {uptime: {get: [1.3.6.1.2.1.1.3.0]}}\n"
	dir := t.TempDir()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	with := programtest.Notifying(t, dir, fmt.Sprintf("- {name: nms, address: %q}\n", d.Address))
	r := startReloading(t, stateless)
	test := func(want string) {
		t.Helper()
		if got := invoke(t, "receivers", "test", "nms", "--url="+r.base); !strings.Contains(got.out+got.errs, want) {
			t.Errorf("receivers test: %d %s%s, want %q", got.status, got.out, got.errs, want)
		}
	}
	test("there are no receivers")
	if response, err := http.Post(r.base+"/api/v1/webhook", "application/json", strings.NewReader(alert(t, "Early", true, nil))); err != nil || response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("without a place to keep alerts: %v, %v", response, err)
	}
	if status, text := r.reload(strings.Replace(with, dir, "/dev/null/x", 1)); status != http.StatusInternalServerError || !strings.Contains(text, "state_dir: ") {
		t.Errorf("a state directory that cannot be used: %d, %s", status, text)
	}
	test("there are no receivers")

	r.mustReload(with)
	test("nms: acknowledged in ")
	insist(t, r.base+"/api/v1/webhook", alert(t, "First", true, nil))
	d.Process.Await(t, func() bool { return mentions(d, "32473.1.0.1|~|", `"First"`) == 1 })
	if _, _, text := get(t, r.base+"/api/v1/events"); !strings.Contains(text, "reload refused") || !strings.Contains(text, "acknowledged") {
		t.Errorf("the journal is %s", text)
	}

	r.mustReload(stateless)
	test(`no receiver "nms"`)
	insist(t, r.base+"/api/v1/webhook", alert(t, "Second", true, nil))
	r.mustReload(with)
	d.Process.Await(t, func() bool { return mentions(d, "32473.1.0.1|~|", `"Second"`) == 1 })
	insist(t, r.base+"/api/v1/webhook", alert(t, "First", false, nil))
	d.Process.Await(t, func() bool { return mentions(d, "32473.1.0.2|~|", `"First"`) == 1 })
	if n := mentions(d, "32473.1.0.1|~|", `"First"`); n != 1 {
		t.Errorf("First was raised %d times", n)
	}
}

// Rules whose alerts were kept in memory alone have receivers notified of those once a reload adds a state directory,
// and then of their ends.
func TestAlertsInMemoryAreSentOnceThereIsAPlaceToKeepThem(t *testing.T) {
	blocked := t.TempDir()
	writeFile(t, blocked, "file", "")
	t.Setenv("STATE_DIRECTORY", filepath.Join(blocked, "file"))
	d, device := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{}), startGauges(t, 2)
	device.set(0, 100)
	rules := withRules(t, `{alert: High, expr: g > 50}`)
	with := func(stateDir, receivers string) string {
		text := strings.Replace(programtest.Notifying(t, stateDir, receivers), "modules: {", fmt.Sprintf("modules: {gauges: {get: [%[1]s.1, %[1]s.2], metrics: [{name: g, oid: %[1]s, type: gauge, help: H., indexes: [{labelname: i, type: gauge}]}]}, ", gaugeObject), 1)
		return strings.Replace(text, "state_dir: \n", "", 1) + rules + fmt.Sprintf("targets: [{name: a, address: %q, modules: [gauges], interval: 1s, timeout: 900ms}]\n", device.LocalAddr())
	}
	r := startReloading(t, with("", "  []\n"))
	await(t, r.base+"/api/v1/alarms", `"rule":"High"`)
	dir := t.TempDir()
	r.mustReload(with(dir, fmt.Sprintf("- {name: nms, address: %q}\n", d.Address)))
	d.Process.Await(t, func() bool { return mentions(d, "32473.1.0.1|~|", `"High"`) == 1 })
	device.set(1, 100)
	d.Process.Await(t, func() bool { return mentions(d, "32473.1.0.1|~|", `"High"`) == 2 })
	device.set(0, 0)
	d.Process.Await(t, func() bool { return mentions(d, "32473.1.0.2|~|", `"High"`) == 1 })
	if _, _, text := get(t, r.base+"/api/v1/alarms"); strings.Count(text, `"rule":"High"`) != 1 {
		t.Errorf("open are %s", text)
	}
	if _, err := os.Stat(filepath.Join(dir, "trapline.db")); err != nil {
		t.Error(err)
	}
}

// Settings that a reload does not apply are reported by its answer, by the status and by a check.
func TestSettingsThatTakeEffectLaterAreReported(t *testing.T) {
	text := programtest.Notifying(t, t.TempDir(), "  []\n") + "global: {concurrency: 7}\n"
	r := startReloading(t, text)
	if status, answer := r.reload(text); status != http.StatusOK || answer != "" {
		t.Errorf("nothing has changed: %d, %q", status, answer)
	}
	changed := strings.Replace(strings.Replace(text, "concurrency: 7", "concurrency: 8", 1), "notifications: {", "notifications: {max_alarms: 77, ", 1)
	const want = "notifications.max_alarms has changed, which takes effect with the next start\nglobal.concurrency has changed, which takes effect with the next start\n"
	if status, answer := r.reload(changed); status != http.StatusOK || answer != want {
		t.Errorf("%d, %q", status, answer)
	}
	for _, line := range strings.Split(strings.TrimSpace(want), "\n") {
		_, _, status := get(t, r.base+"/api/v1/status")
		response, err := http.Post(r.base+"/api/v1/config/check", "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		check, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if !strings.Contains(status, line) || !strings.Contains(string(check), line) {
			t.Errorf("%q is missing in\n%s\n%s", line, status, check)
		}
	}
	if status, answer := r.reload(text); status != http.StatusOK || answer != "" {
		t.Errorf("as it was: %d, %q", status, answer)
	}
}
