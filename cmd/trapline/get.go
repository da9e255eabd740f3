package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/engine"
	"trapline/internal/modules"
	"trapline/internal/snmp"
)

func addGet(app *kingpin.Application, commands map[string]command) {
	c := app.Command("get", "Ask a target for instances and print what it answers.")
	flags := addClientFlags(c)
	naming := addNameFlags(c)
	names := c.Arg("oid", "OIDs of instances, or their names in MIB modules.").Required().Strings()
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		oids, line, err := naming.read(*names, modules.Instances)
		if err != nil {
			return err
		}
		for _, o := range oids {
			if !o.Valid() {
				return fmt.Errorf("%s is too short for an instance: walk it", o)
			}
		}
		e, target, params, err := flags.target(ctx, logger)
		if err != nil {
			return err
		}
		defer e.Close()
		_, err = target.Poll(ctx, &engine.Plan{Get: oids, Alone: len(oids) == 1, Params: params}, func(v snmp.VarBind) { fmt.Println(line(v)) })
		return err
	}
}
