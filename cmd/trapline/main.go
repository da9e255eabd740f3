// Trapline polls SNMP devices in parallel and serves their metrics to Prometheus. This package is the command line, with
// one file for each command.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace/noop"

	"trapline/cmd/trapline/mib"
	"trapline/cmd/trapline/rules"
	"trapline/cmd/trapline/serve"
	"trapline/cmd/trapline/setup"
	"trapline/cmd/trapline/tools"
	"trapline/cmd/trapline/views"
	"trapline/internal/cli"
	_ "trapline/internal/gosnmpclient" // SNMP over TCP, and engine: gosnmp
)

// newProgram makes the command line with all commands.
func newProgram() (program *cli.Program, logConfig *promslog.Config) {
	program = cli.NewProgram("Polls SNMP devices, serves their metrics to Prometheus, and sends traps and informs when a rule fires.")
	program.App.Version(version.Print("trapline"))
	program.App.HelpFlag.Short('h')
	program.App.UsageWriter(os.Stdout)
	logConfig = &promslog.Config{}
	promslogflag.AddFlags(program.App, logConfig)
	program.AddNoInput()
	for _, add := range []func(*cli.Program){serve.Add, views.Add, tools.Add, setup.Add, rules.Add, mib.Add, addCompletion, addMan} {
		add(program)
	}
	addHelp(program.App)
	return program, logConfig
}

func main() { os.Exit(runMain(os.Args[1:])) }

// builtVersion is the version that the Go command stamps into the program, for one that was not built by make.
func builtVersion() string {
	info, ok := debug.ReadBuildInfo()
	if ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "devel"
}

// runMain runs a command line and returns the exit status. A second Ctrl-C ends commands that ignore the first.
func runMain(args []string) int {
	if version.Version == "" {
		version.Version = builtVersion()
	}
	// Prometheus' query engine traces each evaluation. Nothing reads the traces, and without a provider they take a tenth
	// of the time of an evaluation.
	otel.SetTracerProvider(noop.NewTracerProvider())
	program, logConfig := newProgram()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	name, err := cli.Parse(program.App, cli.SpelledOut(args))
	if err == nil {
		err = program.Commands[name](ctx, promslog.New(logConfig))
	}
	status, text := cli.ExitOf(ctx, err)
	if text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	return status
}
