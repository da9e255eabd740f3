package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/client"
	"trapline/internal/snmp"
)

func addDiscover(app *kingpin.Application, commands map[string]command) {
	c := app.Command("discover", "Ask a target for its SNMPv3 engine ID, which takes no credentials.")
	flags := addTargetFlags(c)
	for _, name := range append(slices.Clone(credentialFlags), "context", "context-engine-id", "auth", "repetitions", "packets", "unconnected-udp-socket") {
		c.GetFlag(name).Hidden() // nothing comes of it
	}
	flags.hints(c)
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		k, err := flags.find(ctx, flags.clientFlags)
		if err != nil {
			return err
		}
		if k.at != nil {
			flags.host = &k.target.Address
		}
		d, err := flags.discover(ctx, logger)
		if err != nil {
			return flags.meant(ctx, flags.clientFlags, flags.otherVersion(ctx, err, logger))
		}
		fmt.Print(discovered(d))
		return nil
	}
}

// otherVersion is the error of a device that does not answer SNMPv3: perhaps it answers something else.
func (f *hostFlags) otherVersion(ctx context.Context, err error, logger *slog.Logger) error {
	params, errParams := f.params()
	if errParams != nil || ctx.Err() != nil {
		return err
	}
	e := client.New(client.Options{Logger: logger})
	defer e.Close()
	s := newSurveyor(e, []candidate{{name: "public_v2", auth: publicAuth(2)}, {name: "public_v1", auth: publicAuth(1)}}, params.Timeout.Duration, 0)
	if found := s.survey(ctx, *f.host); found.by != nil {
		return fmt.Errorf("%s answers %s, not SNMPv3", *f.host, found.by.describe())
	}
	return err
}

func discovered(d client.Discovery) string {
	return fmt.Sprintf("engine_id: %x # %s\nboots: %d\ntime: %d # seconds: %s\n",
		d.EngineID, snmp.DescribeEngineID(d.EngineID), d.Boots, d.Time, time.Duration(d.Time)*time.Second)
}
