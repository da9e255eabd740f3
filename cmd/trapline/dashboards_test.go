package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/dashboards"
	"trapline/internal/peers"
)

// TestDashboardsHaveData runs every expression of the dashboards against a Prometheus that scrapes the
// demo's devices as Grafana's user would set it up.
func TestDashboardsHaveData(t *testing.T) {
	t.Parallel()
	peers.Require(t, "prometheus", "prometheus")
	address := startDemo(t)
	prometheus := peers.StartPrometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
- job_name: trapline
  static_configs: [{targets: ["%[1]s"]}]
- job_name: network
  http_sd_configs: [{url: "http://%[1]s/sd", refresh_interval: 1s}]
`, address))
	waiting := expressionsOfAll(t)
	started := time.Now()
	prometheus.Await(t, func() bool {
		for key, e := range waiting {
			if samples, err := prometheus.Query(e.Text); err != nil {
				t.Fatalf("%s: %v", key, err)
			} else if len(samples) > 0 {
				delete(waiting, key)
			}
		}
		return len(waiting) == 0 || time.Since(started) > 150*time.Second
	})
	for key, e := range waiting {
		t.Errorf("%s has no data: %s", key, e.Text)
	}
}

const anyDevice = "switch-1|chassis-1|ups-1"

// expressionsOfAll gives the expressions by where they stand. A panel about a device has data if one
// of the demo's devices gives it some.
func expressionsOfAll(t *testing.T) map[string]dashboards.Expression {
	t.Helper()
	all := map[string]dashboards.Expression{}
	for name, d := range dashboards.All() {
		text, err := d.JSON()
		if err != nil {
			t.Fatal(err)
		}
		list, err := dashboards.Expressions(text, map[string]string{
			"instance": anyDevice, "interface": ".*", "__rate_interval": "4s", "__interval": "1s", "__range": "30s",
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range list {
			if !e.Event {
				e.Text = strings.ReplaceAll(e.Text, `="`+anyDevice, `=~"`+anyDevice)
				all[fmt.Sprintf("%s, %s (%d)", name, e.Place, i)] = e
			}
		}
	}
	return all
}

// startDemo runs `trapline demo` and gives its address.
func startDemo(t *testing.T) string {
	t.Helper()
	address := peers.FreeTCPAddress(t)
	app := kingpin.New("trapline", "")
	commands := map[string]command{}
	addDemo(app, commands)
	name, err := app.Parse([]string{"demo", "--no-web.targets", "--web.listen-address=" + address})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- commands[name](ctx, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return address
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatal(err)
		case <-tick.C:
		}
	}
}
