package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/client"
	"trapline/internal/modules"
	"trapline/internal/snmp"
)

func addGet(app *kingpin.Application, commands map[string]command) {
	c := app.Command("get", "Ask a target, or several with commas between them, for instances and print what they answer.")
	flags := addTargetFlags(c)
	naming := addNameFlags(c)
	sequential := addSequentialFlag(c)
	names := c.Arg("oid", "OIDs of instances, or their names in MIB modules.").Required().Strings()
	flags.hints(c)
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		oids, line, err := naming.read(*names, modules.Instances)
		if err != nil {
			return usage(err)
		}
		for _, o := range oids {
			if !o.Valid() {
				return usagef("%s is too short for an instance: walk it", o)
			}
		}
		return flags.each(ctx, *sequential, func(ctx context.Context, f *clientFlags, out io.Writer) error {
			k, err := flags.find(ctx, f)
			if err != nil {
				return err
			}
			if k.at != nil {
				return k.get(ctx, out, oids, naming)
			}
			e, target, params, err := f.target(ctx, logger)
			if err != nil {
				return err
			}
			defer e.Close()
			_, err = target.Poll(ctx, &client.Plan{Get: oids, Alone: len(oids) == 1, Params: params}, func(v snmp.VarBind) { fmt.Fprintln(out, line(v)) })
			return flags.meant(ctx, f, err)
		})
	}
}
