package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"trapline/internal/agent"
	"trapline/internal/cli"
	"trapline/internal/human"
)

func addSimulate(program *cli.Program) {
	c := program.App.Command("simulate", "Answer SNMP requests as recorded or built-in devices would, each on an address of its own.")
	listen := c.Flag("listen", "Address and port of the first device; the next ones take the addresses that follow. Up to 64 devices listen at their addresses and at no other; more share a socket, which other machines reach only if an address is not of loopback.").Default("127.0.0.1:1161").String()
	kinds := c.Flag("device", "Built-in devices: switch, chassis or ups, with =N for several. Repeatable.").PlaceHolder("KIND[=N]").Strings()
	write := c.Flag("write", "Write the devices as recordings NAME.snmprec into this directory instead.").PlaceHolder("DIR").String()
	files := c.Arg("recording", "Files in snmpsim's format (.snmprec, also .gz and .bz2).").Strings()
	var faults agent.Faults
	c.Flag("latency", "Time from request to answer.").DurationVar(&faults.Latency)
	c.Flag("jitter", "Up to so much more, at random.").DurationVar(&faults.Jitter)
	c.Flag("per-varbind", "Time that each binding takes, one after the other.").DurationVar(&faults.PerVarBind)
	c.Flag("queue", "With --per-varbind: requests that may wait; one more is lost.").IntVar(&faults.Queue)
	c.Flag("loss", "Share of requests that get no answer, from 0 to 1.").Float64Var(&faults.Loss)
	c.Flag("reorder", "Share of answers sent after the next one.").Float64Var(&faults.Reorder)
	c.Flag("truncate", "Share of answers cut off somewhere.").Float64Var(&faults.Truncate)
	c.Flag("corrupt", "Share of answers with one octet changed.").Float64Var(&faults.Corrupt)
	c.Flag("dead", "Never answer.").BoolVar(&faults.Dead)
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		models, err := gather(ctx, *kinds, *files, logger)
		if err != nil {
			return err
		}
		if *write != "" {
			return writeRecordings(models, *write)
		}
		first, err := netip.ParseAddrPort(*listen)
		if err != nil {
			return fmt.Errorf("--listen %s: write an address and a port: %w", *listen, err)
		}
		server, err := simulate(models, first, faults)
		if err != nil {
			return noSocket(err, "--listen", first)
		}
		debug.FreeOSMemory() // making thousands of devices leaves garbage, and nearly all there will be
		for i, m := range models {
			fmt.Printf("%s answers as %s (%s)\n", server.Addr(i), m.name, human.Counted(m.recording.Len(), "object"))
		}
		return server.Run(ctx)
	}
}

// simulated is a device to simulate.
type simulated struct {
	name      string
	recording *agent.Recording
}

func gather(ctx context.Context, kinds, files []string, logger *slog.Logger) ([]simulated, error) {
	var models []simulated
	if len(kinds) == 0 && len(files) == 0 {
		kinds = slices.Sorted(maps.Keys(agent.Builtin))
	}
	for _, kind := range kinds {
		built, err := builtin(ctx, kind)
		if err != nil {
			return nil, err
		}
		models = append(models, built...)
	}
	for _, file := range files {
		r, err := agent.OpenRecording(file)
		if r == nil {
			return nil, err
		}
		if err != nil {
			logger.Warn("lines of the recording were left out", "file", file, "err", err)
		}
		models = append(models, simulated{file, r})
	}
	return models, nil
}

// maxSimulated is how many devices of one kind can be asked for: each holds some 10 kB or more.
const maxSimulated = 100_000

// builtin builds the devices of KIND or KIND=N.
func builtin(ctx context.Context, s string) ([]simulated, error) {
	kind, number, several := strings.Cut(s, "=")
	build := agent.Builtin[kind]
	count := 1
	var err error
	if several {
		count, err = strconv.Atoi(number)
	}
	if build == nil || err != nil || count < 1 || count > maxSimulated {
		kinds, suggestion := slices.Sorted(maps.Keys(agent.Builtin)), ""
		if build == nil {
			suggestion = cli.DidYouMean(kind, kinds)
		}
		return nil, fmt.Errorf("--device %s: write one of %s, or KIND=N for N devices, at most %s%s", s, strings.Join(kinds, ", "), human.Grouped(maxSimulated), suggestion)
	}
	var models []simulated
	for n := 1; n <= count; n++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		models = append(models, simulated{fmt.Sprintf("%s-%d", kind, n), build(n)})
	}
	return models, nil
}

func simulate(models []simulated, first netip.AddrPort, faults agent.Faults) (*agent.Server, error) {
	devices := make([]agent.Device, 0, len(models))
	address := first.Addr()
	for i, m := range models {
		d := m.recording.Serve(netip.AddrPortFrom(address, first.Port()))
		d.Faults = faults
		d.Faults.Seed += uint64(i)
		devices = append(devices, d)
		address = address.Next()
	}
	return agent.Listen(devices...)
}

// noSocket returns the error of simulated devices that cannot listen, with an address to use instead.
func noSocket(err error, flag string, first netip.AddrPort) error {
	var op *net.OpError
	if !errors.As(err, &op) || op.Addr == nil {
		return err
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("UDP address %s is in use, by another program or another simulation. Use another port, or %s=%s for a free one", op.Addr, flag, netip.AddrPortFrom(first.Addr(), 0))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("UDP address %s is not of this machine: add it to an interface, or use %s=127.0.0.1:0", op.Addr, flag)
	}
	return err
}

func writeRecordings(models []simulated, dir string) error {
	for _, m := range models {
		f, err := os.Create(dir + "/" + m.name + ".snmprec")
		if err != nil {
			return err
		}
		if _, err := m.recording.WriteTo(f); err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
		fmt.Println(f.Name())
	}
	return nil
}
