package mib

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/notify"
	"trapline/internal/snmp"
)

func addMIBPrint(program *cli.Program, mib *kingpin.CmdClause) {
	c := mib.Command("print", "Print TRAPLINE-MIB, which says what the format alarm sends.")
	enterprise := c.Flag("enterprise-oid", "What it lies below: notifications.enterprise_oid of the configuration.").Required().String()
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		o, err := snmp.ParseOID(*enterprise)
		if err == nil {
			err = notify.CheckEnterprise(o)
		}
		if err != nil {
			return fmt.Errorf("--enterprise-oid: %w", err)
		}
		fmt.Print(notify.MIB(o))
		return nil
	}
}
