package rules

import (
	"trapline/internal/cli"
)

func Add(program *cli.Program) {
	c := program.App.Command("rules", "Check rule files, and try what they do.")
	addRulesCheck(program, c)
	addRulesUnittest(program, c)
	addRulesShow(program, c)
	addRulesReplay(program, c)
	addRulesTry(program, c)
}
