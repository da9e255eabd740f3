package main

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/netsnmp"
	"trapline/internal/snmp"
	"trapline/mibs"
)

// nameFlags say how objects are named, in the letters that Net-SNMP's commands use.
type nameFlags struct {
	dirs   *[]string
	output *string
}

func addNameFlags(c *kingpin.CmdClause) nameFlags {
	return nameFlags{
		dirs:   c.Flag("mib-dir", mibDirHelp).Short('M').Strings(),
		output: c.Flag("output", "How to print objects: n in numbers, s by name. Without it, as they were asked for.").Short('O').Enum("n", "s"),
	}
}

// read returns the OIDs that names stand for, as find has it, and what prints a variable binding.
func (f nameFlags) read(names []string, find finder) (oids []snmp.OID, line func(snmp.VarBind) string, err error) {
	tree, line, err := f.printing(names)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		found, err := oidsOf(tree, name, find)
		if err != nil {
			return nil, nil, err
		}
		oids = append(oids, found...)
	}
	return oids, line, nil
}

// printing returns what prints a variable binding, and the MIBs where these are needed: because the user wrote
// names, or wants them.
func (f nameFlags) printing(names []string) (tree *mibs.Tree, line func(snmp.VarBind) string, err error) {
	if slices.ContainsFunc(names, isName) || *f.output == "s" {
		if tree, err = allMIBs(splitColons(*f.dirs), names...); err != nil {
			return nil, nil, err
		}
	}
	if tree == nil || *f.output == "n" {
		return tree, netsnmp.NumericLine, nil
	}
	return tree, func(v snmp.VarBind) string { return netsnmp.NamedLine(tree, v) }, nil
}

// isName reports whether a text is a name of MIBs, and not an OID in numbers.
func isName(text string) bool { return strings.ContainsFunc(text, unicode.IsLetter) }

// finder returns the OIDs that a name stands for.
type finder func(t *mibs.Tree, name string) ([]snmp.OID, error)

func oidsOf(t *mibs.Tree, name string, find finder) ([]snmp.OID, error) {
	if isName(name) {
		return find(t, name)
	}
	o, err := snmp.ParseOID(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not an OID: %w", name, err)
	}
	return []snmp.OID{o}, nil
}
