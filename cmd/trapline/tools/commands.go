// Package tools has the commands that talk to devices and receivers themselves.
package tools

import (
	"trapline/internal/cli"
)

// Add adds the commands.
func Add(program *cli.Program) {
	addGet(program)
	addWalk(program)
	addRecord(program)
	addSet(program)
	addDiscover(program)
	addPoll(program)
	addProfile(program)
	addTrap(program)
	addInform(program)
	addListen(program)
	addNotify(program)
	addEngine(program)
	addKey(program)
	addCluster(program)
}
