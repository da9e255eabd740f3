package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/notify"
	"trapline/internal/peers"
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

// reload gives the answer to a reload with another configuration.
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

// Receivers come, change and go by a reload. What waits for one that goes is told when it comes back, and our
// engine does not start again.
func TestReceiversChangeByAReload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	nobody, _ := peers.FreeUDPAddresses(t)
	first, second := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{}), peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	with := func(receivers ...string) string { return notifying(t, dir, strings.Join(receivers, "")) }
	receiver := func(name, address string) string {
		return fmt.Sprintf("- {name: %s, address: %q, every_transition: true}\n", name, address)
	}
	r := startReloading(t, with(receiver("late", nobody)))
	_, boots, err := notify.Engine(dir, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	insist(t, r.base+"/api/v1/webhook", alertsOf(1, 1, true))
	count := func(d *peers.Snmptrapd, arc int) int {
		return strings.Count(strings.Join(told(d), "\n"), fmt.Sprintf("32473.1.0.%d|~|", arc))
	}

	r.mustReload(with(receiver("other", first.Address)))
	first.Await(t, func() bool { return count(first, 1) == 1 && count(first, 5) == 1 })
	if _, _, body := get(t, r.base+"/api/v1/outbox"); strings.Contains(body, "late") {
		t.Errorf("a receiver that is gone is listed: %s", body)
	}

	r.mustReload(with(receiver("late", second.Address), receiver("other", first.Address)))
	second.Await(t, func() bool { return count(second, 1) == 1 })

	r.mustReload(with(receiver("late", first.Address)))
	insist(t, r.base+"/api/v1/webhook", alertsOf(1, 1, false))
	first.Await(t, func() bool { return count(first, 2) == 1 })
	if count(second, 2) > 0 {
		t.Error("the address that was changed is still told")
	}
	if _, after, err := notify.Engine(dir, nil, time.Now()); err != nil || after != boots {
		t.Errorf("boots went from %d to %d, %v", boots, after, err)
	}
}

// The first receiver is told what began before it came.
func TestFirstReceiversByAReload(t *testing.T) {
	dir := t.TempDir()
	d := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	r := startReloading(t, notifying(t, dir, "  []"))
	insist(t, r.base+"/api/v1/webhook", alertsOf(1, 1, true))
	r.mustReload(notifying(t, dir, fmt.Sprintf("- {name: nms, address: %q}\n", d.Address)))
	d.Await(t, func() bool { return strings.Contains(strings.Join(d.Received(), "\n"), "32473.1.0.1|~|") })
}

func TestFirstReceiversNeedAStateDirectoryFromTheStart(t *testing.T) {
	const stateless = "auths: {public_v2: {}}\nmodules: {uptime: {get: [1.3.6.1.2.1.1.3.0]}}\n"
	dir := t.TempDir()
	r := startReloading(t, stateless)
	status, text := r.reload(notifying(t, dir, "- {name: nms, address: 127.0.0.1}\n"))
	if want := "receivers: this process was started without a state_dir: restart it to have receivers notified"; status != http.StatusInternalServerError || !strings.Contains(text, want) {
		t.Errorf("%d: %s", status, text)
	}
	if _, _, metrics := get(t, r.base+"/metrics"); !containsLine(metrics, "trapline_config_last_reload_successful 0") {
		t.Error("the metrics do not tell that the reload was refused")
	}
	r.mustReload(stateless)
}

// Whoever has nothing to tell is polled for all the same where the state directory cannot be used.
func TestAStateDirectoryThatNobodyNeeds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	n, err := openNotifier(loaded(t, notifying(t, file, "  []")), prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || n.outbox != nil || !strings.Contains(log.String(), "not a directory") {
		t.Errorf("%v, %s", err, log.String())
	}
	if _, err := openNotifier(loaded(t, notifying(t, file, "- {name: nms, address: 127.0.0.1:9}\n")), prometheus.NewRegistry(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("receivers are told by an outbox that is kept nowhere")
	}
}

func TestSettingsThatNeedAStartAreTold(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	before := notifying(t, dir, "- {name: nms, address: 127.0.0.1:9}\n")
	n, err := openNotifier(loaded(t, before), prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer n.close(n.logger)
	id := n.state.Identity.ID
	if err := n.reload(loaded(t, before)); err != nil || log.Len() > 0 {
		t.Errorf("%v, %s", err, log.String())
	}
	if err := n.reload(loaded(t, strings.Replace(before, "notifications: {", "notifications: {engine_id: 80000000046e6577, ", 1))); err != nil {
		t.Error(err)
	}
	if want := `msg="a setting has changed that takes effect with the next start" setting=notifications.engine_id`; !strings.Contains(log.String(), want) || !bytes.Equal(n.state.Identity.ID, id) {
		t.Errorf("logged\n%s\nwant %s", log.String(), want)
	}
}
