package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/sync/errgroup"

	"trapline"
	"trapline/internal/agent"
)

// demoDevices are the simulated devices of the demo and the modules that read them.
var demoDevices = []struct {
	kind    string
	count   int
	modules string
}{
	{"switch", 6, "system, if_mib, entity_sensor, hrDevice"},
	{"chassis", 1, "system, if_mib"},
	{"ups", 1, "system, if_mib, ups_mib"},
}

func addDemo(app *kingpin.Application, commands map[string]command) {
	c := app.Command("demo", "Simulate a few devices, poll them, and show what comes of it.")
	flags := newServeFlags(c)
	first := c.Flag("devices", "Address of the first simulated device; port 0 is a free one.").Default("127.0.17.1:0").String()
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		return demo(ctx, flags, *first, logger)
	}
}

func demo(ctx context.Context, flags *serveFlags, first string, logger *slog.Logger) error {
	dir, err := os.MkdirTemp("", "trapline-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	models, devices, err := demoNetwork(ctx, first)
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, trapline.Rules); err != nil {
		return err
	}
	*flags.files = []string{filepath.Join(dir, "snmp.yml"), filepath.Join(dir, "targets.yml")}
	for i, content := range [][]byte{trapline.DefaultConfig, demoTargets(dir, models, devices)} {
		if err := os.WriteFile((*flags.files)[i], content, 0o600); err != nil {
			return err
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return devices.Run(ctx) })
	group.Go(func() error { return run(ctx, flags, logger) })
	group.Go(func() error { return showDemo(ctx, "http://"+browsable((*flags.web.WebListenAddresses)[0]), models) })
	return group.Wait()
}

func demoNetwork(ctx context.Context, first string) ([]simulated, *agent.Server, error) {
	address, err := netip.ParseAddrPort(first)
	if err != nil {
		return nil, nil, fmt.Errorf("--devices %s: write an address and a port: %w", first, err)
	}
	var models []simulated
	for _, d := range demoDevices {
		built, err := builtin(ctx, fmt.Sprintf("%s=%d", d.kind, d.count))
		if err != nil {
			return nil, nil, err
		}
		models = append(models, built...)
	}
	devices, err := simulate(models, address, agent.Faults{})
	return models, devices, err
}

// demoTargets is the part of the configuration that names the simulated devices, and the rules about them.
func demoTargets(dir string, models []simulated, devices *agent.Server) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "global:\n  interval: 5s\nstate_dir: %q\nrule_files: [rules/*.yml]\ntargets:\n", filepath.Join(dir, "state"))
	i := 0
	for _, d := range demoDevices {
		for range d.count {
			fmt.Fprintf(&b, "- {name: %s, address: %q, modules: [%s], labels: {site: demo}}\n", models[i].name, devices.Addr(i), d.modules)
			i++
		}
	}
	return []byte(b.String())
}

// browsable turns a listen address into one that a client can ask.
func browsable(listen string) string {
	host, port, _ := strings.Cut(listen, ":")
	if host == "" || host == "0.0.0.0" {
		host = "localhost"
	}
	return host + ":" + port
}

// shown are the series that the demo prints as a taste.
var shown = []string{"sysUpTime", "ifHCInOctets{", "ifOperStatus{", "entPhySensorValue{", "snmp_scrape_duration_seconds{"}

// showDemo waits for the first pass over the first device, then says what to look at.
func showDemo(ctx context.Context, base string, models []simulated) error {
	text, err := awaitMetrics(ctx, base+"/targets/"+models[0].name+"/metrics")
	if err != nil {
		return nil //nolint:nilerr // cancelled, or served over TLS: then there is nothing to show
	}
	fmt.Printf("\n%d simulated devices are polled every 5 s. Series of %s, live:\n\n", len(models), models[0].name)
	for _, prefix := range shown {
		for l := range strings.Lines(text) {
			if strings.HasPrefix(l, prefix) {
				fmt.Print("  ", l)
				break
			}
		}
	}
	fmt.Printf(`
Open  %[1]s/
Try   curl %[1]s/metrics                              everything, with a label for the target
      curl %[1]s/targets/chassis-1/metrics            one device
      curl '%[1]s/snmp?target=ups-1&module=ups_mib'   on demand, as snmp_exporter
      curl %[1]s/api/v1/alarms                        what the rules of rules/ find, after a minute
      curl %[1]s/sd                                   service discovery for Prometheus
Stop  with Ctrl-C

`, base)
	return nil
}

func awaitMetrics(ctx context.Context, url string) (string, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return "", err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			text, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err == nil && response.StatusCode == http.StatusOK {
				return string(text), nil
			}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-tick.C:
		}
	}
}
