package main

import "github.com/alecthomas/kingpin/v2"

func addRules(app *kingpin.Application, commands map[string]command) {
	c := app.Command("rules", "Check rule files, and try what they do.")
	addRulesCheck(c, commands)
	addRulesUnittest(c, commands)
	addRulesShow(c, commands)
	addRulesReplay(c, commands)
	addRulesTry(c, commands)
}
