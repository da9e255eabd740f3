package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"trapline"
	"trapline/internal/agent"
	"trapline/internal/app"
	"trapline/internal/cli"
	"trapline/internal/originator"
)

// demoDevices are the simulated devices of the demo and the modules that read them.
var demoDevices = []struct {
	kind    string
	count   int
	build   func(n int) *agent.Recording
	modules string
}{
	{"switch", demoSwitches, demoSwitch, "system, if_mib, entity_sensor, hrDevice"},
	{"chassis", 1, agent.LiveChassis, "system, if_mib"},
	{"ups", 1, agent.UPS, "system, if_mib, ups_mib"},
}

// One of the demo's cables is pulled each pullEvery, the first firstPull after the first poll, and back pullLength later.
// They take turns, so that no interface comes and goes often enough for an alarm of its own.
const (
	demoSwitches, demoUplinks = 6, 2
	demoPoll                  = 2 * time.Second
	firstPull                 = 2 * time.Second
	pullLength                = 4 * time.Second
	pullEvery                 = time.Minute
)

// demoSwitch is the n-th switch, from 1 on.
func demoSwitch(n int) *agent.Recording {
	var pulls []*agent.Pull
	for uplink := range demoUplinks {
		turn := time.Duration(uplink*demoSwitches + n - 1)
		pulls = append(pulls, &agent.Pull{First: firstPull + turn*pullEvery, Every: demoSwitches * demoUplinks * pullEvery, Length: pullLength})
	}
	return agent.LiveSwitch(n, "chassis-1", pulls...)
}

// pulled names the cable of the i-th pull, from 0 on.
func pulled(i int) string {
	turn := i % (demoSwitches * demoUplinks)
	return fmt.Sprintf("switch-%d Te1/1/%d", turn%demoSwitches+1, turn/demoSwitches+1)
}

// AddDemo adds the command demo.
func AddDemo(program *cli.Program) {
	c := program.App.Command("demo", "Simulate a few devices, poll them, pull a cable now and then, and show the alarms.")
	flags := AddServeFlags(c)
	first := c.Flag("devices", "Address of the first simulated device; port 0 is a free one.").Default("127.0.17.1:0").String()
	browser := c.Flag("open", "Open the pages in a browser.").Bool()
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		return demo(ctx, flags, *first, *browser, logger)
	}
}

func demo(ctx context.Context, flags *app.Options, first string, browser bool, logger *slog.Logger) error {
	dir, err := os.MkdirTemp("", "trapline-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	asked := slices.Clone(*flags.Web.WebListenAddresses)
	if err := freeWebAddress(flags.Web.WebListenAddresses); err != nil {
		return err
	}
	if err := app.FreePorts(ctx, flags.Web); err != nil {
		return err // or the events of another demo there were shown as those of this one
	}
	models, devices, err := demoNetwork(ctx, first)
	if err != nil {
		return err
	}
	show := newDemoShow("http://"+app.Browsable((*flags.Web.WebListenAddresses)[0]), len(models))
	devices.HoldClock() // the cable is pulled after the first poll, however long that takes
	show.begin = devices.StartClock
	show.moved(ctx, asked)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return errors.Join(err, devices.Close())
	}
	defer conn.Close()
	flags.Files = []string{filepath.Join(dir, "snmp.yml")}
	if err := writeDemo(dir, models, devices, conn.LocalAddr().String()); err != nil {
		return errors.Join(err, devices.Close())
	}
	receiver := &originator.Listener{Conn: conn, Authority: &originator.Authority{AnyCommunity: true}, Handle: show.received}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return devices.Run(ctx) })
	group.Go(func() error { return receiver.Run(ctx) })
	group.Go(func() error { return app.Run(ctx, flags, app.Quiet(logger)) })
	group.Go(func() error { return show.run(ctx, browser) })
	return group.Wait()
}

// defaultListen is where the pages are, unless a flag says otherwise, and nextPorts how many ports after that of
// it are tried.
const (
	defaultListen = ":9116"
	nextPorts     = 100
)

// freeWebAddress replaces the default address, where something listens there, by the next free one. The demo is for those
// At this machine; in a container, those outside have to reach it.
func freeWebAddress(addresses *[]string) error {
	if !slices.Equal(*addresses, []string{defaultListen}) {
		return nil
	}
	host := "localhost"
	if os.Getpid() == 1 {
		host = ""
	}
	_, text, _ := strings.Cut(defaultListen, ":")
	first, err := strconv.Atoi(text)
	for port := first; err == nil && port < first+nextPorts; port++ {
		address := net.JoinHostPort(host, strconv.Itoa(port))
		// Something that listens at all addresses keeps nobody from listening at one of them.
		if free(net.JoinHostPort("", strconv.Itoa(port))) && free(address) {
			*addresses = []string{address}
			return nil
		}
	}
	return fmt.Errorf("no port from %d on is free: use --web.listen-address", first)
}

func free(address string) bool {
	l, err := net.Listen("tcp", address)
	return err == nil && l.Close() == nil
}

func demoNetwork(ctx context.Context, first string) ([]simulated, *agent.Server, error) {
	address, err := netip.ParseAddrPort(first)
	if err != nil {
		return nil, nil, fmt.Errorf("--devices %s: write an address and a port: %w", first, err)
	}
	var models []simulated
	for _, d := range demoDevices {
		for n := 1; n <= d.count; n++ {
			models = append(models, simulated{fmt.Sprintf("%s-%d", d.kind, n), d.build(n)})
		}
	}
	devices, err := simulate(models, address, agent.Faults{})
	if errors.Is(err, syscall.EADDRNOTAVAIL) && address.Addr().IsLoopback() { // of loopback, this system has one address
		devices, err = demoAtOneAddress(models)
	}
	if err != nil {
		err = noSocket(err, "--devices", address)
	}
	return models, devices, errors.Join(err, ctx.Err())
}

// demoAtOneAddress has the devices at ports of their own.
func demoAtOneAddress(models []simulated) (*agent.Server, error) {
	var list []agent.Device
	for _, m := range models {
		list = append(list, m.recording.Serve(netip.MustParseAddrPort("127.0.0.1:0")))
	}
	return agent.Listen(list...)
}

// writeDemo writes the configuration: the simulated devices, the rules that ship with the program, and the receiver.
func writeDemo(dir string, models []simulated, devices *agent.Server, receiver string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "global:\n  interval: %s\nstate_dir: %q\nrule_files: [rules/*.yml]\n", demoPoll, filepath.Join(dir, "state"))
	fmt.Fprintf(&b, "receivers:\n- {name: nms, type: inform, format: template, address: %q}\ntargets:\n", receiver)
	i := 0
	for _, d := range demoDevices {
		for range d.count {
			fmt.Fprintf(&b, "- {name: %s, address: %q, modules: [%s], labels: {site: demo}}\n", models[i].name, devices.Addr(i), d.modules)
			i++
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "snmp.yml"), []byte(b.String()), 0o600); err != nil {
		return err
	}
	return writeDemoRules(dir)
}

// writeDemoRules writes the rules that ship with the program. A minute is too long to wait for in a demo.
func writeDemoRules(dir string) error {
	return fs.WalkDir(trapline.Rules, "rules", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return errors.Join(err, os.MkdirAll(filepath.Join(dir, name), 0o700))
		}
		text, err := trapline.Rules.ReadFile(name)
		if err != nil {
			return err
		}
		if head, rule, found := bytes.Cut(text, []byte("alert: InterfaceDown\n")); found {
			rule = bytes.Replace(rule, []byte("for: 1m"), []byte("for: 0s"), 1)
			text = slices.Concat(head, []byte("alert: InterfaceDown\n"), rule)
		}
		return os.WriteFile(filepath.Join(dir, name), text, 0o600)
	})
}
