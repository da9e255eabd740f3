package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"trapline/dashboards"
	"trapline/internal/agent"
	"trapline/internal/peers"
	"trapline/internal/programtest"
)

// TestDashboardsHaveData runs every expression of the dashboards against a Prometheus for each way of scraping the
// same devices. A panel without data says why, or lies in a row that is collapsed.
func TestDashboardsHaveData(t *testing.T) {
	t.Parallel()
	peers.Require(t, "prometheus", "prometheus")
	snmptrapd := peers.StartSnmptrapd(t, peers.SnmptrapdOptions{})
	devices := programtest.StartDevices(t, "127.0.68.1:0", agent.Faults{}, agent.Switch48(1), agent.UPS(1))
	polled, one := devices.Addr(0), devices.Addr(1)
	configuration := func() string {
		path := programtest.InDir(t, map[string]string{"targets.yml": fmt.Sprintf(dashboardTargets, t.TempDir(), polled, one, snmptrapd.Address)})
		return "--config.file=" + path("targets.yml")
	}
	modules := "--config.file=" + root + "/snmp.yml"
	apart := startServerWith(t, modules, configuration(), "--no-web.targets")
	together := startServerWith(t, modules, configuration())
	onDemand := startServerWith(t, modules)
	discovered := fmt.Sprintf(`
- job_name: trapline
  static_configs: [{targets: [%[1]q]}]
- job_name: network
  http_sd_configs: [{url: "http://%[1]s/sd", refresh_interval: 1s}]
`, hostOf(apart))
	ways := []struct {
		name, by, device, scrape string
	}{
		{"service discovery", "target", "switch-1|ups-1", discovered},
		{"service discovery by instance", "instance", "switch-1|ups-1", discovered},
		{"one scrape", "target", "switch-1|ups-1", fmt.Sprintf(`
- job_name: trapline
  honor_labels: true
  static_configs: [{targets: [%q]}]
`, hostOf(together))},
		{"on demand", "target", addressesOf(polled, one), onDemandScrape(hostOf(onDemand), polled, one, true)},
		{"on demand without the label target", "instance", addressesOf(polled, one), onDemandScrape(hostOf(onDemand), polled, one, false)},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			prometheus := peers.StartPrometheus(t, "global: {scrape_interval: 2s}\nscrape_configs:"+way.scrape)
			wantData(t, prometheus, way.by, way.device, !strings.HasPrefix(way.name, "on demand"))
		})
	}
}

// dashboardTargets takes the state directory, the addresses of a switch and a UPS, and that of a receiver. The
// threshold is exceeded by ports that are down.
const dashboardTargets = `
global: {interval: 2s, labels: {site: lab}}
state_dir: %q
targets:
- {name: switch-1, address: %q, modules: [auto]}
- {name: ups-1, address: %q, modules: [auto]}
receivers: [{name: nms-1, address: %q}]
thresholds: [{name: PortNotUp, metric: "IF-MIB::ifOperStatus", above: 1, severity: major}]
`

func hostOf(base string) string { return strings.TrimPrefix(base, "http://") }

// addressesOf is an expression of PromQL for devices that are known by their addresses.
func addressesOf(all ...netip.AddrPort) string {
	var texts []string
	for _, a := range all {
		texts = append(texts, strings.ReplaceAll(a.String(), ".", `\\.`))
	}
	return strings.Join(texts, "|")
}

func onDemandScrape(trapline string, first, second netip.AddrPort, labeled bool) string {
	text := fmt.Sprintf(`
- job_name: trapline
  static_configs: [{targets: [%[1]q]}]
- job_name: snmp
  metrics_path: /snmp
  params: {module: [auto]}
  static_configs: [{targets: [%[2]q, %[3]q]}]
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {source_labels: [__param_target], target_label: instance}
  - {target_label: __address__, replacement: %[1]q}
`, trapline, first.String(), second.String())
	if labeled {
		text += "  - {source_labels: [__param_target], target_label: target}\n"
	}
	return text
}

// wantData awaits a result of every expression that must have one. Where Trapline polls, so must those about UPSes,
// and each panel that is not collapsed has some data.
func wantData(t *testing.T, prometheus *peers.Prometheus, by, device string, polls bool) {
	values := map[string]string{
		"job": ".*", "by": by, "label": "site", "value": ".*", "device": device, "interface": ".*", "alias": ".*", "instance": ".*",
		"__rate_interval": "8s", "__interval": "2s", "__range": "30s",
	}
	waiting := map[string]string{} // By place
	alarms := map[string]string{}  // of Trapline
	answers := func(text string) bool {
		samples, err := prometheus.Query(text)
		if err != nil {
			t.Fatal(err)
		}
		return len(samples) > 0
	}
	for name, d := range dashboards.All() {
		text, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		list, err := dashboards.Expressions(text, values)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range list {
			e.Text = strings.ReplaceAll(e.Text, `="`+device, `=~"`+device)
			if polls && e.Place == "Alarms" {
				alarms[fmt.Sprintf("%s, %s (%d)", name, e.Place, i)] = e.Text
			}
			switch {
			case !e.Optional || polls && aboutUPS.MatchString(e.Text):
				waiting[fmt.Sprintf("%s, %s (%d)", name, e.Place, i)] = e.Text
			case polls && !e.Collapsed && slices.Contains(alarmed, e.Place):
				waiting[fmt.Sprintf("%s, %s (%d)", name, e.Place, i)] = e.Text
			default:
				answers(e.Text) // without an error
			}
		}
	}
	chosen := fmt.Sprintf(`count(group by (%s) ({__name__=~"trapline_target_up|up", %[1]s=~%q})) == %d`, by, device, 1+strings.Count(device, "|"))
	waiting["every device, a UPS without interfaces included, can be chosen"] = strings.ReplaceAll(chosen, `\\\\`, `\\`)
	started := time.Now()
	prometheus.Process.Await(t, func() bool {
		for place, text := range waiting {
			if answers(text) {
				delete(waiting, place)
			}
		}
		return len(waiting) == 0 || time.Since(started) > 2*time.Minute
	})
	for place, text := range waiting {
		t.Errorf("%s has no data: %s", place, text)
	}
	for place, text := range alarms {
		samples, err := prometheus.Query(text)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range samples {
			if name, named := one.Metric["device"]; named && !slices.Contains(strings.Split(device, "|"), name) {
				t.Errorf("%s has alarms of %q, which is none of the devices %s", place, name, device)
			}
		}
	}
}

var (
	aboutUPS = regexp.MustCompile(`\bhw_battery`)
	// alarmed are panels and annotations that have data because an alarm is raised and sent.
	alarmed = []string{"Alarms", "Interfaces down", "Waiting", "Oldest", "Uptime", "Device", "Temperatures", "Processors", "Hottest", "Emptiest batteries", "Notifications"}
)
