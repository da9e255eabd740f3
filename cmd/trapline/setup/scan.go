package setup

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/human"
	"trapline/internal/runtimeconfig"
	"trapline/internal/snmp"
	"trapline/internal/survey"
)

// The bounds of a scan: how many addresses it asks, and how many of them at once.
const maxScanned, scanConcurrency = 1 << 16, 256

func addScan(program *cli.Program) {
	c := program.App.Command("scan", "Look for devices that answer SNMP, and write targets for them.")
	files, expandEnv := cli.AddConfigFlags(c)
	output := c.Flag("output", "Write targets into this file, which must not exist; - is standard output.").Short('o').PlaceHolder("FILE").String()
	timeout := c.Flag("timeout", "How long to wait for each answer.").Short('t').Default("1s").Duration()
	retries := cli.CountOf(c.Flag("retries", "How often to ask again.").Short('r').Default("1"), 0)
	port := cli.CountOf(c.Flag("port", "UDP port.").Default("161"), 1)
	ranges := c.Arg("cidr", "Networks such as 192.0.2.0/24, or addresses.").Required().Strings()
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		addresses, err := expandRanges(*ranges)
		if err != nil {
			return cli.Usage(err)
		}
		list, err := candidates(runtimeconfig.Files(*files), *expandEnv)
		if err != nil {
			return err
		}
		e := client.New(client.Options{Logger: logger})
		defer e.Close()
		found := scan(ctx, survey.NewSurveyor(e, list, *timeout, *retries), addresses, *port)
		if ctx.Err() != nil && len(found) == 0 {
			return ctx.Err()
		}
		return reportScan(found, len(addresses), *output)
	}
}

// expandRanges lists the addresses of networks, without those of IPv4 networks themselves and their broadcast.
func expandRanges(ranges []string) (list []netip.Addr, err error) {
	for _, text := range ranges {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			address, errAddress := netip.ParseAddr(text)
			if errAddress != nil {
				return nil, fmt.Errorf("%q is no network: write an address and how many of its bits are the network's, such as 192.0.2.0/24", text)
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		network = network.Masked()
		bits := network.Addr().BitLen() - network.Bits()
		if bits > 16 || len(list)+1<<bits > maxScanned {
			return nil, fmt.Errorf("%s: more than %d addresses: scan smaller networks", text, maxScanned)
		}
		first := len(list)
		for a := network.Addr(); a.IsValid() && network.Contains(a); a = a.Next() {
			list = append(list, a)
		}
		if bits > 1 && network.Addr().Is4() {
			list = slices.Delete(list, first, first+1)[:len(list)-2]
		}
	}
	return list, nil
}

// scan asks all addresses, many at once, and returns those that answer in the order of the addresses.
func scan(ctx context.Context, s *survey.Surveyor, addresses []netip.Addr, port int) []survey.Surveyed {
	found := make([]survey.Surveyed, len(addresses))
	places := make(chan struct{}, scanConcurrency)
	shown := cli.NewProgress("addresses", len(addresses))
	defer shown.End()
	var asking sync.WaitGroup
	var mu sync.Mutex
	for i, a := range addresses {
		select {
		case <-ctx.Done():
		case places <- struct{}{}:
			asking.Go(func() {
				found[i] = s.Survey(ctx, scanned(a, port))
				mu.Lock()
				shown.Add(1)
				mu.Unlock()
				<-places
			})
		}
	}
	asking.Wait()
	return slices.DeleteFunc(found, func(f survey.Surveyed) bool { return !f.Answers() })
}

// scanned is how an address is written as that of a target.
func scanned(a netip.Addr, port int) string {
	if port == 161 {
		return a.String()
	}
	return netip.AddrPortFrom(a, uint16(port)).String()
}

func reportScan(found []survey.Surveyed, asked int, output string) error {
	table := os.Stdout
	if output == "-" {
		table = os.Stderr
	}
	if len(found) > 0 {
		if err := printScan(table, found); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "%d of %s answered\n", len(found), human.Counted(asked, "address"))
	usable := slices.DeleteFunc(slices.Clone(found), func(f survey.Surveyed) bool { return f.By == nil })
	if output == "" || len(usable) == 0 {
		return cli.Failed(len(found) == 0)
	}
	if err := writeNew(os.Stdout, output, initialYAML("scan", usable)); err != nil || output == "-" {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: %s. Next: trapline check %[1]s\n", output, human.Counted(len(usable), "target"))
	return nil
}

func printScan(out io.Writer, found []survey.Surveyed) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ADDRESS\tNAME\tANSWERS\tTOOK\tDESCRIPTION")
	for i := range found {
		f := &found[i]
		answers, took := "", ""
		switch {
		case f.By != nil:
			answers, took = f.By.Describe(), f.Took.Round(100*time.Microsecond).String()
		case f.Err != nil:
			answers = "it refuses: " + f.Err.Error()
		case f.Engine != nil:
			answers = fmt.Sprintf("v3, whose users are not known (engine %x, %s)", f.Engine.EngineID, snmp.DescribeEngineID(f.Engine.EngineID))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", f.Address, cmp.Or(oneLine(f.Name), "-"), oneLine(answers), cmp.Or(took, "-"), oneLine(f.Descr))
	}
	return w.Flush()
}
