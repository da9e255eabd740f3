// Package views has the commands that show the answers of a server.
package views

import (
	"trapline/internal/cli"
)

// Add adds the commands.
func Add(program *cli.Program) {
	addStatus(program)
	addTargets(program)
	addTarget(program)
	addWhy(program)
	addTop(program)
	addAlarms(program)
	addEvents(program)
	addSilences(program)
	addTraps(program)
	addReceivers(program)
	addDiff(program)
	addCluster(program)
}
