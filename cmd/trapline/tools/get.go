package tools

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/modules"
	"trapline/internal/snmp"
)

func addGet(program *cli.Program) {
	c := program.App.Command("get", "Ask a target, or several with commas between them, for instances and print what they answer.")
	flags := cli.AddTargetFlags(c)
	naming := cli.AddNameFlags(c)
	sequential := addSequentialFlag(c)
	names := c.Arg("oid", "OIDs of instances, or their names in MIB modules.").Required().Strings()
	flags.Hints(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		oids, line, err := naming.Read(*names, modules.Instances)
		if err != nil {
			return cli.Usage(err)
		}
		for _, o := range oids {
			if !o.Valid() {
				return cli.Usagef("%s is too short for an instance: walk it", o)
			}
		}
		return each(ctx, flags.Client, *sequential, func(ctx context.Context, f *cli.ClientFlags, out io.Writer) error {
			k, err := flags.Find(ctx, f)
			if err != nil {
				return err
			}
			if k.At != nil {
				return getAt(ctx, &k, out, oids, naming)
			}
			e, target, params, err := f.Target(ctx, logger)
			if err != nil {
				return err
			}
			defer e.Close()
			_, err = target.Poll(ctx, &client.Plan{Get: oids, Alone: len(oids) == 1, Params: params}, func(v snmp.VarBind) { fmt.Fprintln(out, line(v)) })
			return flags.Meant(ctx, f, err)
		})
	}
}
