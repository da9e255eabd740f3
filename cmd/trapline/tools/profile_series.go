package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"trapline/collector"
	"trapline/internal/client"
	"trapline/internal/human"
	"trapline/internal/profile"
	"trapline/internal/series"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// printMeasures polls the modules of a choice, and writes each series of a measure: its labels, its value, and the object
// that it was made of, which rules know as __oid__. It returns what did not arrive.
func printMeasures(ctx context.Context, out io.Writer, c *profile.Choice, s collector.Session, params client.Params, tree *mibs.Tree) error {
	var failed []error
	for _, m := range c.Modules {
		settings, err := m.Module.Settings()
		if err != nil {
			failed = append(failed, err)
			continue
		}
		r := collector.Compile(m.Module.Name, settings).Collect(ctx, s, collector.Options{Params: &params, KeepIndexes: true})
		failed = append(failed, r.Err)
		for i := range r.Set.Columns {
			if column := &r.Set.Columns[i]; column.Desc.Computed {
				printColumn(out, column, tree)
			}
		}
	}
	return errors.Join(failed...)
}

func printColumn(out io.Writer, c *series.Column, tree *mibs.Tree) {
	for i, v := range c.Values {
		row := c.RowOf(i)
		labels := string(c.Table.Row(row))
		if extra := string(c.ExtraOf(i)); extra != "" {
			labels += "," + extra
		}
		fmt.Fprintf(out, "%s{%s} %s  %s\n", c.Desc.Name, human.Visible(labels), strconv.FormatFloat(v, 'g', -1, 64), oidOf(c, row, tree))
	}
}

// oidOf writes the instance that a sample came from with its name, if a MIB has one.
func oidOf(c *series.Column, row int, tree *mibs.Tree) string {
	oid := append(append(snmp.OID{}, c.Desc.Object...), c.Table.Index(row)...)
	if name := objectName(tree, oid); name != oid.String() {
		return oid.String() + " " + name
	}
	return oid.String()
}
