package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"
)

// groups are the commands by their purpose. Others come last.
var groups = []struct {
	title    string
	commands []string
}{
	{"Run", []string{"serve", "demo"}},
	{"See the state of targets, alarms and receivers (asks the server at --url)", []string{"status", "targets", "target", "why", "top", "alarms", "silence", "events", "traps", "receivers", "cluster"}},
	{"Ask devices", []string{"poll", "walk", "get", "set", "discover", "profile", "record", "scan"}},
	{"Configure", []string{"init", "import", "check", "rules", "mib", "generate", "diff"}},
	{"Send and receive notifications", []string{"trap", "inform", "listen", "notify", "engine", "key"}},
	{"Simulate, and other things", []string{"simulate", "completion", "man", "help"}},
}

// examples are command lines, by command, without the name of the program.
var examples = map[string][]string{
	"serve":            {"serve", "serve --config.file=/etc/trapline/*.yml --web.listen-address=:9117"},
	"demo":             {"demo"},
	"init":             {"init 192.0.2.1", "init 192.0.2.1 --community-file=community", "init 192.0.2.1 --user=monitor --auth-password-file=auth --priv-password-file=priv"},
	"scan":             {"scan 192.0.2.0/24", "scan 10.0.0.0/16 --auth=secure,public_v2 --output=targets.yml", "scan 10.0.0.0/16 --resume --output=targets.yml", "scan --url=http://localhost:9116 -o table"},
	"import csv":       {"import csv devices.csv --output=targets.yml", "import csv devices.csv > targets.yml"},
	"import traps":     {"import traps /etc/snmp/snmptrapd.conf /etc/snmp/snmptt.conf --output=traps.yml"},
	"status":           {"status", "status --url=https://me@nms.example.net"},
	"cluster status":   {"cluster status", "cluster status -o json"},
	"cluster snapshot": {"cluster snapshot /backup/cluster-2026-11-27"},
	"cluster recover":  {"cluster recover", "cluster recover --snapshot=/backup/cluster-2026-11-27"},
	"cluster replace":  {"cluster replace poller-2 poller-4"},
	"targets accept":   {"targets accept inventory"},
	"targets lists":    {"targets lists"},
	"targets list":     {"targets", "targets --down", "targets site=berlin --sort=slow", "targets -o csv"},
	"target":           {"target core-1", "target core-1 --table=interfaces"},
	"why":              {"why core-1", "why core-1 ifHCInOctets ifName=Gi1/0/7", "why core-1 'ifOperStatus{ifIndex=\"3\"}'", "why core-1 ifHCInOctets --live"},
	"top":              {"top core-1", "top core-1 --every=5s"},
	"alarms list":      {"alarms", "alarms severity=critical site=berlin", "alarms --watch"},
	"alarms show":      {"alarms show 9f2c41d0"},
	"alarms clear":     {"alarms clear 9f2c41d0 -c 'the card was removed'"},
	"alarms ack":       {"alarms ack 9f2c41d0 -c 'on my way'", "alarms ack site=berlin -c 'power cut' --until=2h"},
	"silence add":      {"silence add target=core-1 -d 2h -c 'core upgrade'", "silence add site=berlin 'severity=~minor|warning' -d 8h -c 'works on the line'"},
	"silence list":     {"silence list", "silence list --expired"},
	"silence expire":   {"silence expire 3b2119eb-ae8d-4cc0-8104-91e0a99ec120"},
	"traps":            {"traps", "traps --unknown", "traps --refused", "traps --unknown -o csv"},
	"events":           {"events", "events --since=2h core-1", "events -f kind=raised"},
	"receivers list":   {"receivers"},
	"receivers show":   {"receivers show nms-1"},
	"receivers retry":  {"receivers retry nms-1"},
	"receivers drop":   {"receivers drop nms-1", "receivers drop nms-1 --yes"},
	"receivers test":   {"receivers test nms-1"},
	"poll":             {"poll core-1", "poll 192.0.2.1 --module=if_mib"},
	"get":              {"get core-1 sysUpTime", "get -v2c -c public 192.0.2.1 IF-MIB::ifDescr.1"},
	"set":              {"set -c private 192.0.2.1 sysContact.0 = 'noc@example.net'"},
	"walk":             {"walk core-1 ifTable", "walk -v3 -u me -l authPriv -a SHA256 -A SECRET -x AES -X SECRET 192.0.2.1", "walk core-1 --snmprec > core-1.snmprec"},
	"record":           {"record core-1 --anonymize --out core-1.snmprec"},
	"discover":         {"discover core-1", "discover 192.0.2.1"},
	"profile show":     {"profile core-1"},
	"profile draft":    {"profile draft core-1 --mibs-dir=mibs -o profiles/acme/switch.yml", "profile draft core-1.snmprec"},
	"profile test":     {"profile test profiles/acme", "profile test profiles/acme --write"},
	"check":            {"check", "check /etc/trapline/*.yml"},
	"generate":         {"generate generator.yml"},
	"rules check":      {"rules check", "rules check rules/*.yml"},
	"rules test":       {"rules test tests/*.yml"},
	"rules show":       {"rules show --target=core-1"},
	"rules replay":     {"rules replay recordings/core-1"},
	"rules try":        {"rules try 'ifOperStatus == 2 and ifAdminStatus == 1' --for=1m", "rules try 'up == 0' --targets=site=berlin"},
	"mib translate":    {"mib translate ifDescr.1", "mib translate -On IF-MIB::ifTable", "mib translate -Td linkDown"},
	"mib find":         {"mib find temperature"},
	"mib check":        {"mib check /usr/share/snmp/mibs"},
	"mib print":        {"mib print --enterprise-oid=1.3.6.1.4.1.99999 > TRAPLINE-MIB.txt"},
	"diff":             {"diff 'http://localhost:9116/snmp?target=192.0.2.1' 'http://old:9116/snmp?target=192.0.2.1'"},
	"trap":             {"trap -v2c -c public 192.0.2.9 \"\" IF-MIB::linkDown ifIndex.3 i 3"},
	"inform":           {"inform -v2c -c public 192.0.2.9 \"\" coldStart"},
	"listen":           {"listen 0.0.0.0:1162", "listen -u me -l authPriv -a SHA256 -A SECRET -x AES -X SECRET 0.0.0.0:1162"},
	"notify test":      {"notify test --to=nms-1", "notify test --to=nms-1 --url=http://localhost:9116"},
	"engine":           {"engine"},
	"key":              {"key -a SHA256 -A SECRET -e 8000000001020304"},
	"simulate":         {"simulate --device=switch=3", "simulate core-1.snmprec --loss=0.05"},
	"completion":       {"completion bash > /etc/bash_completion.d/trapline", "completion zsh > ~/.zfunc/_trapline", "completion fish > ~/.config/fish/completions/trapline.fish"},
	"man":              {"man | man -l -"},
}

func examplesOf(command string) []string {
	lines := slices.Clone(examples[command])
	for i := range lines {
		lines[i] = "trapline " + lines[i]
	}
	return lines
}

// addHelp sets the help: that of commands begins with examples, that of the program has the commands by their purpose.
func addHelp(app *kingpin.Application) {
	app.UsageTemplate(usageTemplate)
	app.UsageFuncs(map[string]any{"examples": examplesOf, "grouped": groupedCommands})
}

// groupedCommands lists the commands with the first sentence of their help.
func groupedCommands(commands []*kingpin.CmdModel) string {
	var b strings.Builder
	named := map[string]bool{}
	list := func(title string, of []*kingpin.CmdModel) {
		if len(of) == 0 {
			return
		}
		fmt.Fprintf(&b, "%s:\n", title)
		for _, c := range of {
			first, _, _ := strings.Cut(c.Help, ". ")
			fmt.Fprintf(&b, "  %-11s %s\n", c.Name, strings.TrimSuffix(first, "."))
			named[c.Name] = true
		}
		b.WriteByte('\n')
	}
	of := func(name string) []*kingpin.CmdModel {
		i := slices.IndexFunc(commands, func(c *kingpin.CmdModel) bool { return c.Name == name })
		if i < 0 {
			return nil
		}
		return commands[i : i+1]
	}
	for _, g := range groups {
		var members []*kingpin.CmdModel
		for _, name := range g.commands {
			members = append(members, of(name)...)
		}
		list(g.title, members)
	}
	list("Others", slices.DeleteFunc(slices.Clone(commands), func(c *kingpin.CmdModel) bool { return c.Hidden || named[c.Name] }))
	return b.String()
}

const usageTemplate = `{{define "arguments"}}{{if .FlagSummary}} {{.FlagSummary}}{{end}}{{range .Args}}{{if not .Hidden}} {{if not .Required}}[{{end}}<{{.Name}}>{{if .Value|IsCumulative}}...{{end}}{{if not .Required}}]{{end}}{{end}}{{end}}{{end -}}
{{with .Context.SelectedCommand}}{{.Help|Wrap 0}}
{{with examples .FullCommand}}Examples:
{{range .}}  {{.}}
{{end}}
{{end}}{{if .Commands}}Commands:
{{range .FlattenedCommands}}{{if not .Hidden}}  {{.FullCommand}}{{template "arguments" .}}
{{.Help|Wrap 4}}{{range examples .FullCommand}}    $ {{.}}
{{end}}
{{end}}{{end}}{{else}}Usage:
  {{$.App.Name}} {{.FullCommand}}{{template "arguments" .}}

{{end}}{{else}}{{.App.Help|Wrap 0}}
Usage:
  {{.App.Name}} [<flags>] <command> [<arguments>...]
  {{.App.Name}} <command> --help

Without a command it serves. {{.App.Name}} serve --help lists the flags for that: --config.file, --web.listen-address,
--web.config.file, --web.telemetry-path, --snmp.wrap-large-counters and others.

{{grouped .App.Commands}}{{end}}{{if .Context.Args}}Arguments:
{{.Context.Args|ArgsToTwoColumns|FormatTwoColumns}}
{{end}}{{if .Context.Flags}}Flags:
{{.Context.Flags|FlagsToTwoColumns|FormatTwoColumns}}{{end}}`
