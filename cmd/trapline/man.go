package main

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"text/template"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"

	"trapline/internal/cli"
)

func addMan(program *cli.Program) {
	c := program.App.Command("man", "Print the manual page: trapline man | man -l -")
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		funcs := template.FuncMap{"roff": roff, "examples": examplesOf, "IsCumulative": isCumulative, "version": func() string { return version.Version }}
		page, err := template.New("man").Funcs(funcs).Parse(manPage)
		if err != nil {
			return err
		}
		return page.Execute(os.Stdout, program.App.Model())
	}
}

// roff escapes text that troff would take for its own.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}

func isCumulative(v kingpin.Value) bool {
	c, ok := v.(interface{ IsCumulative() bool })
	return ok && c.IsCumulative()
}

const manPage = `{{define "flags"}}{{range .Flags}}{{if not .Hidden -}}
.TP
\fB{{if .Short}}\-{{printf "%c" .Short}}, {{end}}\-\-{{roff .Name}}\fR{{if not .IsBoolFlag}}=\fI{{roff .FormatPlaceHolder}}\fR{{end}}
{{roff .HelpWithEnvar}}
{{end}}{{end}}{{end -}}
.TH TRAPLINE 1 "" "Trapline {{version | roff}}" "User Commands"
.SH NAME
trapline \- {{roff .Help}}
.SH SYNOPSIS
\fBtrapline\fR [\fIFLAGS\fR] \fICOMMAND\fR [\fIARGUMENTS\fR]
.SH DESCRIPTION
{{roff .Help}}
.SH EXIT STATUS
.TP
0
Done, or true.
.TP
1
What was asked for was not achieved: a target is down, a notification was not acknowledged, a file has errors.
.TP
2
Wrong arguments, an unknown name, or a file that cannot be read.
.TP
3
No server answers.
.TP
130
Ctrl\-C.
.SH ENVIRONMENT
.TP
TRAPLINE_URL
Where the server is, if no \-\-url says.
.TP
NO_COLOR
If set, nothing is written in colors.
.SH OPTIONS
{{template "flags" .}}.SH COMMANDS
{{range .FlattenedCommands}}{{if not .Hidden -}}
.SS {{roff .FullCommand}}{{range .Args}} {{if not .Required}}[{{end}}{{roff .Name}}{{if .Value | IsCumulative}}...{{end}}{{if not .Required}}]{{end}}{{end}}
{{roff .Help}}
{{with examples .FullCommand}}.PP
.nf
{{range .}}.RS
{{roff .}}
.RE
{{end}}.fi
{{end}}{{range .Args -}}
.TP
\fI{{roff .Name}}\fR
{{roff .HelpWithEnvar}}
{{end}}{{template "flags" .}}{{end}}{{end}}`
