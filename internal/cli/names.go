package cli

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/netsnmp"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
	"trapline/mibs"
)

// NameFlags say how objects are named, in the letters that Net-SNMP's commands use.
type NameFlags struct {
	Dirs   *[]string
	Output *string
}

// AddNameFlags adds the flags.
func AddNameFlags(c *kingpin.CmdClause) NameFlags {
	return NameFlags{
		Dirs:   c.Flag("mib-dir", mibDirHelp).Short('M').Strings(),
		Output: c.Flag("output", "How to print objects: n in numbers, s by name. Without it, as they were asked for.").Short('O').Enum("n", "s"),
	}
}

// Read returns the OIDs that names stand for, as find has it, and the function that prints a variable binding.
func (f NameFlags) Read(names []string, find finder) (oids []snmp.OID, line func(snmp.VarBind) string, err error) {
	tree, line, err := f.Printing(names)
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

// Printing returns the function that prints a variable binding, and the MIBs where these are needed: because the user wrote
// names, or wants them.
func (f NameFlags) Printing(names []string) (tree *mibs.Tree, line func(snmp.VarBind) string, err error) {
	if slices.ContainsFunc(names, IsName) || *f.Output == "s" {
		if tree, err = AllMIBs(SplitColons(*f.Dirs), names...); err != nil {
			return nil, nil, err
		}
	}
	if tree == nil || *f.Output == "n" {
		return tree, netsnmp.NumericLine, nil
	}
	return tree, func(v snmp.VarBind) string { return netsnmp.NamedLine(tree, v) }, nil
}

// IsName reports whether a text is a name of MIBs, and not an OID in numbers.
func IsName(text string) bool { return strings.ContainsFunc(text, unicode.IsLetter) }

// finder returns the OIDs that a name stands for.
type finder func(t *mibs.Tree, name string) ([]snmp.OID, error)

func oidsOf(t *mibs.Tree, name string, find finder) ([]snmp.OID, error) {
	if IsName(name) {
		return find(t, name)
	}
	o, err := snmp.ParseOID(name)
	if err != nil {
		return nil, fmt.Errorf("%q is not an OID: %w", name, err)
	}
	return []snmp.OID{o}, nil
}

// NamedBy prints variable bindings by name, as far as there are MIBs.
func NamedBy(names varbind.Names) func(snmp.VarBind) string {
	return func(v snmp.VarBind) string {
		if t, err := names(); err == nil {
			return netsnmp.NamedLine(t, v)
		}
		return netsnmp.NumericLine(v)
	}
}

// ReceivedLine returns the function that prints the variable bindings of notifications: by name, unless it shall be in numbers.
func ReceivedLine(f NameFlags) (line func(snmp.VarBind) string, err error) {
	if *f.Output == "" {
		*f.Output = "s"
	}
	_, line, err = f.Read(nil, nil)
	return line, err
}
