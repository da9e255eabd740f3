package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/engine"
	"trapline/internal/snmp"
)

func addDiscover(app *kingpin.Application, commands map[string]command) {
	c := app.Command("discover", "Ask a target for its SNMPv3 engine ID, which takes no credentials.")
	flags := addHostFlags(c)
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		d, err := flags.discover(ctx, logger)
		if err != nil {
			return err
		}
		fmt.Print(discovered(d))
		return nil
	}
}

func discovered(d engine.Discovery) string {
	return fmt.Sprintf("engine_id: %x # %s\nboots: %d\ntime: %d # seconds: %s\n",
		d.EngineID, snmp.DescribeEngineID(d.EngineID), d.Boots, d.Time, time.Duration(d.Time)*time.Second)
}
