package tools

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"trapline/internal/cli"
	"trapline/internal/client"
	"trapline/internal/snmp"
	"trapline/internal/survey"
)

func addDiscover(program *cli.Program) {
	c := program.App.Command("discover", "Ask a target for its SNMPv3 engine ID, which takes no credentials.")
	flags := cli.AddTargetFlags(c)
	for _, name := range append(slices.Clone(cli.CredentialFlags), "context", "context-engine-id", "auth", "repetitions", "packets", "unconnected-udp-socket") {
		c.GetFlag(name).Hidden() // nothing comes of it
	}
	flags.Hints(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		k, err := flags.Find(ctx, flags.Client)
		if err != nil {
			return err
		}
		if k.At != nil {
			flags.Client.Host = &k.Target.Address
		}
		d, err := flags.Client.Discover(ctx, logger)
		if err != nil {
			return flags.Meant(ctx, flags.Client, otherVersion(ctx, flags.Client, err, logger))
		}
		fmt.Print(discovered(d))
		return nil
	}
}

// otherVersion is the error of a device that does not answer SNMPv3: perhaps it answers something else.
func otherVersion(ctx context.Context, f *cli.ClientFlags, err error, logger *slog.Logger) error {
	params, errParams := f.Params()
	if errParams != nil || ctx.Err() != nil {
		return err
	}
	e := client.New(client.Options{Logger: logger})
	defer e.Close()
	s := survey.NewSurveyor(e, []survey.Candidate{{Name: "public_v2", Auth: survey.PublicAuth(2)}, {Name: "public_v1", Auth: survey.PublicAuth(1)}}, params.Timeout.Duration, 0)
	if found := s.Survey(ctx, *f.Host); found.By != nil {
		return fmt.Errorf("%s answers %s, not SNMPv3", *f.Host, found.By.Describe())
	}
	return err
}

func discovered(d client.Discovery) string {
	return fmt.Sprintf("engine_id: %x # %s\nboots: %d\ntime: %d # seconds: %s\n",
		d.EngineID, snmp.DescribeEngineID(d.EngineID), d.Boots, d.Time, time.Duration(d.Time)*time.Second)
}
