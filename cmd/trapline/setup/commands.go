// Package setup has the commands that write and check the configuration.
package setup

import (
	"trapline/internal/cli"
)

// Add adds the commands.
func Add(program *cli.Program) {
	addInit(program)
	addScan(program)
	addImport(program)
	addCheck(program)
	addGenerate(program)
}
