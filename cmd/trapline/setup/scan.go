package setup

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/human"
	"trapline/internal/neighbours"
	"trapline/internal/runtimeconfig"
	"trapline/internal/scan"
	"trapline/internal/seek"
	"trapline/internal/setting"
	"trapline/internal/survey"
	"trapline/internal/sweep"
)

// scanFlags say where and how to look for devices.
type scanFlags struct {
	files                                        *[]string
	expandEnv                                    *bool
	output                                       *string
	auths, exclude, prefer, networks             *[]string
	timeout                                      *time.Duration
	retries, port, rate, subnetRate, maxFailures *int
	aliveOnly, resume                            *bool
	server                                       *cli.ServerFlags
}

func addScan(program *cli.Program) {
	c := program.App.Command("scan", "Look for devices that answer SNMP, and write targets for them. No device is locked out: engine discovery, which needs no secret, comes first, and at most two logins to a device fail in a day.")
	var f scanFlags
	f.files, f.expandEnv = cli.AddConfigFlags(c)
	f.output = c.Flag("output", "Write targets into this file, which must not exist: YAML, file_sd if its name ends in .json, or .csv. yaml, json, csv, table and - are standard output.").Short('o').PlaceHolder("FILE").String()
	f.auths = c.Flag("auth", "Entries of auths to try, in this order, with commas or repeated; without it, those of the configuration, then community public.").PlaceHolder("NAME").Strings()
	f.exclude = c.Flag("exclude", "Network or address that is sent nothing. Repeatable. The addresses of targets of the configuration are not either.").PlaceHolder("CIDR").Strings()
	f.prefer = c.Flag("prefer", "Of a device with several addresses, write one in this network. Repeatable. Otherwise its loopback's is written, else the lowest.").PlaceHolder("CIDR").Strings()
	f.rate = cli.CountOf(c.Flag("rate", "Packets a second.").Default("1000"), 1)
	f.subnetRate = cli.CountOf(c.Flag("subnet-rate", "Packets a second into one network of 24 bits.").Default("50"), 1)
	f.aliveOnly = c.Flag("alive-only", "Send communities only to devices that answer the engine discovery of SNMPv3.").Bool()
	f.maxFailures = cli.CountOf(c.Flag("max-failures", "Failed logins to a device in a day, and communities to a silent address.").Default("2"), 1)
	f.timeout = c.Flag("timeout", "How long to wait for each answer.").Short('t').Default("1s").Duration()
	f.retries = cli.CountOf(c.Flag("retries", "How often to ask again, unless that would be a failed login.").Short('r').Default("1"), 0)
	f.port = cli.CountOf(c.Flag("port", "UDP port.").Default("161"), 1)
	f.resume = c.Flag("resume", "Go on with a scan of the same networks that was interrupted.").Bool()
	f.server = cli.AddServerFlags(c)
	f.networks = c.Arg("cidr", "Networks such as 192.0.2.0/24, or addresses. With --url, nothing is sent to them: the server says which devices its lists have found, there or everywhere.").Strings()
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		switch {
		case f.server.Given():
			return f.ask(ctx)
		case len(*f.networks) == 0:
			return cli.Usagef("required argument 'cidr' not provided: write networks such as 192.0.2.0/24, or --url=URL for the devices that a server has found")
		}
		return f.run(ctx, logger)
	}
}

func (f *scanFlags) run(ctx context.Context, logger *slog.Logger) error {
	list, taken, err := f.candidates(ctx)
	if err != nil {
		return err
	}
	o, err := f.options(list, taken, logger)
	if err != nil {
		return cli.Usage(err)
	}
	s, err := scan.Open(o)
	if err != nil {
		return err
	}
	defer s.Close()
	switch {
	case *f.resume && !s.Interrupted():
		return cli.Usagef("no scan of these networks with these auths was interrupted: leave --resume out")
	case *f.resume:
		fmt.Fprintln(os.Stderr, "The scan that was interrupted goes on.")
	}
	if left := s.Untried(); len(left) > 0 {
		fmt.Fprintf(os.Stderr, "Silent addresses are not sent the communities of %s: more than --max-failures=%d could lock a device out.\n", strings.Join(left, ", "), *f.maxFailures)
	}
	stop := showScan(s, strings.Join(*f.networks, ", "))
	err = s.Run(ctx)
	stop()
	if err != nil && ctx.Err() == nil {
		return err
	}
	failed := f.report(s, list)
	if ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, "Interrupted: --resume goes on.")
		return ctx.Err()
	}
	return failed
}

// candidates returns the auths to try, and the addresses of targets.
func (f *scanFlags) candidates(ctx context.Context) ([]survey.Candidate, map[netip.Addr]bool, error) {
	list, targets, err := candidates(runtimeconfig.Files(*f.files), *f.expandEnv)
	if err != nil {
		return nil, nil, err
	}
	taken := f.taken(ctx, targets)
	if len(*f.auths) == 0 {
		return list, taken, nil
	}
	var chosen []survey.Candidate
	for _, name := range strings.Split(strings.Join(*f.auths, ","), ",") {
		i := slices.IndexFunc(list, func(c survey.Candidate) bool { return c.Name == name })
		if i < 0 {
			var names []string
			for _, c := range list {
				names = append(names, c.Name)
			}
			return nil, nil, cli.Usagef("there is no auth %q; %s", name, cmp.Or(setting.DidYouMean(name, names), "auths has "+strings.Join(names, ", ")))
		}
		chosen = append(chosen, list[i])
	}
	return chosen, taken, nil
}

// maxAsked is how many targets are asked at once for their addresses.
const maxAsked = 64

// taken returns the addresses of targets: those of the configuration, and those that they have in their own tables.
func (f *scanFlags) taken(ctx context.Context, targets []client.Spec) map[netip.Addr]bool {
	taken := map[netip.Addr]bool{}
	engine := client.New(client.Options{Logger: slog.New(slog.DiscardHandler)})
	defer func() { _ = engine.Close() }()
	params := client.Params{Timeout: setting.Duration{Duration: *f.timeout}, Retries: f.retries}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(maxAsked)
	for _, spec := range targets {
		if a, ok := seek.IPOf(spec.Address); ok {
			mu.Lock()
			taken[a] = true
			mu.Unlock()
		}
		t, err := engine.Target(spec)
		if err != nil || spec.Auth == nil {
			continue
		}
		group.Go(func() error {
			r, err := neighbours.Read(ctx, t, params, nil)
			if err != nil {
				return nil // one that is silent has the address that is configured
			}
			mu.Lock()
			defer mu.Unlock()
			for _, a := range r.Addresses {
				taken[a] = true
			}
			return nil
		})
	}
	_ = group.Wait()
	return taken
}

func (f *scanFlags) options(list []survey.Candidate, taken map[netip.Addr]bool, logger *slog.Logger) (o scan.Options, err error) {
	networks, errNetworks := sweep.ParseNetworks(*f.networks)
	exclude, errExclude := sweep.ParseNetworks(*f.exclude)
	prefer, errPrefer := sweep.ParseNetworks(*f.prefer)
	if err := errors.Join(errNetworks, errExclude, errPrefer); err != nil {
		return o, err
	}
	if *f.port > 65535 {
		return o, fmt.Errorf("port %d: write one from 1 to 65535", *f.port)
	}
	o = scan.Options{
		Of: fmt.Sprint(*f.networks, *f.exclude, *f.port), Rate: *f.rate, SubnetRate: *f.subnetRate, AliveOnly: *f.aliveOnly, MaxFailures: *f.maxFailures,
		Prefer: prefer, Port: uint16(*f.port), Timeout: *f.timeout, Retries: *f.retries, Taken: taken, Resume: *f.resume, AskSilent: true, Discover: true,
		Usable: seek.UsableName, Logger: logger,
	}
	if o.Range, err = sweep.NewRange(networks, exclude); err != nil {
		return o, err
	}
	for i := range list {
		o.Candidates = append(o.Candidates, scan.Candidate{Name: list[i].Name, Auth: list[i].Auth})
	}
	if cache, err := os.UserCacheDir(); err == nil {
		sum := sha256.Sum256([]byte(o.Of))
		o.File = filepath.Join(cache, "trapline", fmt.Sprintf("scan-%x.jsonl", sum[:8]))
		o.Others = []string{filepath.Join(cache, "trapline", "scan-*.jsonl")}
	}
	return o, nil
}

// report writes and prints the devices.
func (f *scanFlags) report(s *scan.Scan, list []survey.Candidate) error {
	devices := s.Devices()
	slices.SortFunc(devices, func(a, b scan.Device) int { return sweep.Compare(a.Address, b.Address) })
	for _, d := range s.Doubts() {
		fmt.Fprintln(os.Stderr, "warning: "+d.String())
	}
	if n := s.LeftAlone(); n > 0 {
		fmt.Fprintf(os.Stderr, "%s left alone before all auths were tried, as more failed logins could lock them\n", human.Count(n, "device was", "devices were"))
	}
	return f.write(devices, s.Engines(), list, "at "+human.Counted(s.Progress().Range, "address"))
}

// write writes and prints devices that were found somehow.
func (f *scanFlags) write(devices []scan.Device, engines []scan.Record, list []survey.Candidate, how string) error {
	format, file := outputFormat(*f.output)
	table := os.Stdout
	if file == "-" && format != "table" {
		table = os.Stderr
	}
	if len(devices)+len(engines) > 0 {
		if err := printScan(table, devices, engines, list, *f.port); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "%s found %s\n", human.Counted(len(devices), "device"), how)
	if format == "table" || *f.output == "" || len(devices) == 0 {
		return cli.Failed(len(devices)+len(engines) == 0)
	}
	text, err := formatScan(format, devices, list, *f.port)
	if err != nil {
		return err
	}
	if err := writeNew(os.Stdout, file, text); err != nil || file == "-" {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %s", file, human.Counted(len(devices), "target"))
	if format == "yaml" {
		fmt.Fprintf(os.Stderr, ". Next: trapline check %s", file)
	}
	fmt.Fprintln(os.Stderr)
	return nil
}

// outputFormat returns the format and the file that an output names.
func outputFormat(output string) (format, file string) {
	known := map[string]string{"yaml": "yaml", "yml": "yaml", "json": "json", "csv": "csv", "table": "table", "-": "yaml"}
	if format, ok := known[output]; ok {
		return format, "-"
	}
	return cmp.Or(map[string]string{".json": "json", ".csv": "csv"}[filepath.Ext(output)], "yaml"), output
}

// labelsOf returns the labels of a device in file_sd.
func labelsOf(d *scan.Device) map[string]string {
	l := seek.DeviceLabels(d)
	maps.Copy(l, map[string]string{"__trapline_name__": d.Name, "__param_auth": d.Auth})
	return l
}
