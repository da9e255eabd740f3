// Package rules has the command rules: check, test, show, replay and try.
package rules

import (
	"trapline/internal/cli"
)

// Add adds the command rules with its subcommands.
func Add(program *cli.Program) {
	c := program.App.Command("rules", "Check rule files, and try what they do.")
	addRulesCheck(program, c)
	addRulesUnittest(program, c)
	addRulesShow(program, c)
	addRulesReplay(program, c)
	addRulesTry(program, c)
}
