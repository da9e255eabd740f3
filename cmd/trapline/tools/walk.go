package tools

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"

	"trapline/collector"
	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/modules"
	"trapline/internal/runtimeconfig"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// walkFlags are the objects that a walk reads, its limits, and its form of output.
type walkFlags struct {
	target     *cli.TargetFlags
	naming     cli.NameFlags
	names      *[]string
	limits     walkLimits
	sequential *bool
	toEnd      *bool
	record     *bool
	explain    *bool
	module     *string
}

func addWalk(program *cli.Program) {
	c := program.App.Command("walk", "Walk subtrees of a target, or of several with commas between them, and print them, or the series that a module makes of them.")
	f := &walkFlags{target: cli.AddTargetFlags(c), naming: cli.AddNameFlags(c), limits: addWalkLimits(c), sequential: addSequentialFlag(c)}
	f.names = c.Arg("oid", "OIDs of subtrees, or their names in MIB modules; without any, 1.3.6.1.2.1.").Strings()
	f.toEnd = c.Flag("to-end", "Go on to the end of the MIB.").Bool()
	f.record = c.Flag("snmprec", "Print a recording, for simulate and rules replay.").Bool()
	f.module = c.Flag("module", "Print the series that this module of the configuration would expose.").String()
	f.explain = c.Flag("explain", "With --module: print what becomes of each OID, and why something is missing.").Bool()
	f.target.Hints(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		print, err := f.printing()
		if err != nil {
			return err
		}
		return each(ctx, f.target.Client, *f.sequential, func(ctx context.Context, of *cli.ClientFlags, out io.Writer) error {
			name := *of.Host
			k, err := f.target.Find(ctx, of)
			if err != nil {
				return err
			}
			if k.At != nil {
				return walkAt(ctx, &k, out, f)
			}
			e, target, params, err := of.Target(ctx, logger)
			if err != nil {
				return err
			}
			defer e.Close()
			return f.target.Meant(ctx, of, print(ctx, &walkedTarget{name, target, f.limits.of(params)}, out))
		})
	}
}

// walkedTarget is a target that is walked.
type walkedTarget struct {
	name   string
	target collector.Session
	params client.Params
}

// printing reads the flags that hold for all targets, and returns the function that walks one and prints it.
func (f *walkFlags) printing() (func(context.Context, *walkedTarget, io.Writer) error, error) {
	if *f.module != "" {
		m, err := loadModule(*f.target.Files, *f.target.ExpandEnv, *f.module)
		if err != nil {
			return nil, err
		}
		if *f.explain {
			return func(ctx context.Context, w *walkedTarget, out io.Writer) error {
				return explainModule(ctx, out, w.target, m, w.params)
			}, nil
		}
		return func(ctx context.Context, w *walkedTarget, out io.Writer) error {
			return printSeries(ctx, out, w.target, m, w.params)
		}, nil
	}
	if len(*f.names) == 0 {
		*f.names = []string{"1.3.6.1.2.1"}
	}
	oids, line, err := f.naming.Read(*f.names, modules.Subtrees)
	if err != nil {
		return nil, cli.Usage(err)
	}
	return func(ctx context.Context, w *walkedTarget, out io.Writer) error {
		buffered := bufio.NewWriter(out)
		print := func(v snmp.VarBind) { fmt.Fprintln(buffered, line(v)) }
		if *f.record {
			print = func(v snmp.VarBind) { _, _ = buffered.Write(agent.AppendLine(nil, v)) }
		}
		bar := cli.NewProgressBeside("objects", -1)
		defer bar.End()
		plan := client.Plan{Walk: oids, Alone: len(oids) == 1, ToEnd: *f.toEnd, Params: w.params}
		stats, err := w.target.Poll(ctx, &plan, func(v snmp.VarBind) {
			print(v)
			bar.Add(1)
		})
		if err := buffered.Flush(); err != nil {
			return err
		}
		if err == nil && stats.VarBinds == 0 {
			fmt.Fprintf(os.Stderr, "%s has no objects below %s, or does not show them\n", w.name, strings.Join(*f.names, ", "))
		}
		return f.limits.reached(w.name, err)
	}, nil
}

func loadModule(files []string, expandEnv bool, name string) (*collector.Module, error) {
	w, err := runtimeconfig.Load(files, expandEnv, "")
	if err != nil {
		return nil, err
	}
	w.Catalog.Shipped = config.Shipped
	m := w.Catalog.Module(name)
	if m == nil {
		return nil, cli.Usagef("the configuration has no module %q%s", name, cli.DidYouMean(name, slices.Sorted(maps.Keys(w.Catalog.Modules))))
	}
	return m, nil
}

func printSeries(ctx context.Context, w io.Writer, target collector.Session, m *collector.Module, params client.Params) error {
	params = params.WithDefaults(m.Plan.Params)
	r := m.Collect(ctx, target, collector.Options{Params: &params, WrapCounters: true})
	out := series.NewEncoder(w, expfmt.NewFormat(expfmt.TypeTextPlain), nil)
	if err := out.Encode([]series.Group{{Sets: []*series.Set{r.Set}}}); err != nil {
		return err
	}
	if _, err := out.Close(); err != nil {
		return err
	}
	return r.Err
}

func explainModule(ctx context.Context, w io.Writer, target collector.Session, m *collector.Module, params client.Params) error {
	out := bufio.NewWriter(w)
	defer out.Flush()
	x := m.Explainer()
	plan := m.Plan
	plan.Params = params.WithDefaults(plan.Params)
	_, err := target.Poll(ctx, &plan, func(v snmp.VarBind) { fmt.Fprintln(out, x.Explain(v)) })
	for _, text := range x.Missing() {
		fmt.Fprintln(out, text)
	}
	for _, text := range m.Warnings {
		fmt.Fprintln(out, text)
	}
	return err
}
