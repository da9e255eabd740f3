// Package mib has the command mib: translate, find, check and print.
package mib

import (
	"fmt"

	"trapline/internal/cli"
	"trapline/mibs"
)

// Add adds the command mib with its subcommands.
func Add(program *cli.Program) {
	mib := program.App.Command("mib", "Read MIB modules: the built-in ones and those of the user.")
	addMIBTranslate(program, mib)
	addMIBFind(program, mib)
	addMIBCheck(program, mib)
	addMIBPrint(program, mib)
}

// nodeLine returns a description of a node in one line.
func nodeLine(n *mibs.Node) string {
	text := fmt.Sprintf("%s::%s .%s %s", n.Module, n.Name, n.OID, n.Kind)
	for _, more := range []string{n.Syntax.Type.String(), n.Units} {
		if more != "" {
			text += ", " + more
		}
	}
	if n.Description != "" {
		text += ": " + n.Help()
	}
	return text
}
