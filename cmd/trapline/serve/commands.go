// Package serve has the commands that run until they are interrupted: the server, and simulations.
package serve

import (
	"trapline/internal/cli"
)

// Add adds the commands.
func Add(program *cli.Program) {
	addServe(program)
	AddDemo(program)
	addSimulate(program)
}
