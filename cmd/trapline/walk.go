package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/expfmt"

	"trapline/collector"
	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/engine"
	"trapline/internal/modules"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

func addWalk(app *kingpin.Application, commands map[string]command) {
	c := app.Command("walk", "Walk subtrees of a target and print them, or the series that a module makes of them.")
	flags := addClientFlags(c)
	naming := addNameFlags(c)
	names := c.Arg("oid", "OIDs of subtrees, or their names in MIB modules; without any, 1.3.6.1.2.1.").Strings()
	toEnd := c.Flag("to-end", "Go on to the end of the MIB.").Bool()
	record := c.Flag("snmprec", "Print a recording, for simulate and rules replay.").Bool()
	module := c.Flag("module", "Print the series that this module of the configuration would expose.").String()
	explain := c.Flag("explain", "With --module: print what becomes of each OID, and why something is missing.").Bool()
	files, expandEnv := addConfigFlags(c)
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		e, target, params, err := flags.target(ctx, logger)
		if err != nil {
			return err
		}
		defer e.Close()
		if *module != "" {
			m, err := loadModule(*files, *expandEnv, *module)
			if err != nil {
				return err
			}
			if *explain {
				return explainModule(ctx, target, m, params)
			}
			return printSeries(ctx, target, m, params)
		}
		if len(*names) == 0 {
			*names = []string{"1.3.6.1.2.1"}
		}
		oids, line, err := naming.read(*names, modules.Subtrees)
		if err != nil {
			return err
		}
		out := bufio.NewWriter(os.Stdout)
		defer out.Flush()
		print := func(v snmp.VarBind) { fmt.Fprintln(out, line(v)) }
		if *record {
			print = func(v snmp.VarBind) { _, _ = out.Write(agent.AppendLine(nil, v)) }
		}
		_, err = target.Poll(ctx, &engine.Plan{Walk: oids, Alone: len(oids) == 1, ToEnd: *toEnd, Params: params}, print)
		return err
	}
}

func loadModule(files []string, expandEnv bool, name string) (*collector.Module, error) {
	w, err := load(files, expandEnv, "")
	if err != nil {
		return nil, err
	}
	w.catalog.Shipped = config.Shipped
	m := w.catalog.Module(name)
	if m == nil {
		return nil, fmt.Errorf("the configuration has no module %q", name)
	}
	return m, nil
}

func printSeries(ctx context.Context, target collector.Session, m *collector.Module, params engine.Params) error {
	r := m.Collect(ctx, target, collector.Options{Params: params, WrapCounters: true})
	out := series.NewEncoder(os.Stdout, expfmt.NewFormat(expfmt.TypeTextPlain), nil)
	if err := out.Encode([]series.Group{{Sets: []*series.Set{r.Set}}}); err != nil {
		return err
	}
	if _, err := out.Close(); err != nil {
		return err
	}
	return r.Err
}

func explainModule(ctx context.Context, target collector.Session, m *collector.Module, params engine.Params) error {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	x := m.Explainer()
	plan := m.Plan
	plan.Params = params.Over(plan.Params)
	_, err := target.Poll(ctx, &plan, func(v snmp.VarBind) { fmt.Fprintln(out, x.Explain(v)) })
	for _, text := range x.Missing() {
		fmt.Fprintln(out, text)
	}
	for _, text := range m.Warnings {
		fmt.Fprintln(out, text)
	}
	return err
}

// tracedSession logs what goes over another session.
type tracedSession struct {
	collector.Session
	logger *slog.Logger
}

func (s *tracedSession) Poll(ctx context.Context, p *engine.Plan, yield func(snmp.VarBind)) (engine.Stats, error) {
	s.logger.Debug("asking", "get", p.Get, "walk", p.Walk)
	stats, err := s.Session.Poll(ctx, p, func(v snmp.VarBind) {
		s.logger.Debug("varbind", "oid", v.Name, "type", v.Type, "value", valueText(v))
		yield(v)
	})
	s.logger.Debug("asked", "packets", stats.Packets, "retries", stats.Retries, "varbinds", stats.VarBinds, "err", err)
	return stats, err
}
