package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"unicode"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/engine"
	"trapline/internal/snmp"
	"trapline/mibs"
)

func addGet(app *kingpin.Application, commands map[string]command) {
	c := app.Command("get", "Ask a target for instances and print what it answers.")
	flags := addClientFlags(c)
	names := c.Arg("oid", "OIDs of instances, or their names in the built-in MIB modules.").Required().Strings()
	commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		oids, err := parseOIDs(*names)
		if err != nil {
			return err
		}
		e, target, params, err := flags.target(ctx, logger)
		if err != nil {
			return err
		}
		defer e.Close()
		_, err = target.Poll(ctx, &engine.Plan{Get: oids, Params: params}, func(v snmp.VarBind) { fmt.Println(line(v)) })
		return err
	}
}

// parseOIDs reads numbers, and names of the built-in MIB modules.
func parseOIDs(names []string) ([]snmp.OID, error) {
	var oids []snmp.OID
	for _, name := range names {
		o, err := snmp.ParseOID(name)
		if err != nil && strings.ContainsFunc(name, unicode.IsLetter) {
			o, err = namedOID(name)
		}
		if err != nil {
			return nil, fmt.Errorf("%q is not an OID: %w", name, err)
		}
		oids = append(oids, o)
	}
	return oids, nil
}

func namedOID(name string) (snmp.OID, error) {
	t, err := readTree(nil, []string{name}, mibs.Embedded())
	if err != nil {
		return nil, err
	}
	i, err := t.Resolve(name)
	if err != nil {
		return nil, err
	}
	return i.OID(), nil
}
