// Trapline polls SNMP devices in parallel and serves their metrics to Prometheus. This package is the command line, with
// one file for each command.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace/noop"
)

// noInputFlag has no command ask its user anything.
const noInputFlag = "no-input"

// mayAsk reports whether a command may ask its user.
func mayAsk(app *kingpin.Application) bool {
	f := app.GetFlag(noInputFlag)
	return f == nil || f.Model().Value.String() != "true"
}

// command is what a subcommand runs once its flags are read.
type command func(ctx context.Context, logger *slog.Logger) error

// newApp makes the command line, with what each subcommand runs.
func newApp() (app *kingpin.Application, commands map[string]command, logConfig *promslog.Config) {
	app = kingpin.New("trapline", "Polls SNMP devices, serves their metrics to Prometheus, and sends traps and informs when a rule fires.")
	app.Version(version.Print("trapline"))
	app.HelpFlag.Short('h')
	app.UsageWriter(os.Stdout)
	logConfig = &promslog.Config{}
	promslogflag.AddFlags(app, logConfig)
	app.Flag(noInputFlag, "Ask nothing on the terminal, be it for a password, a value or a yes.").Bool()
	commands = map[string]command{}
	for _, add := range []func(*kingpin.Application, map[string]command){
		addServe, addCheck, addGet, addWalk, addSet, addDiscover, addKey, addMIB, addGenerate, addProfile,
		addTrap, addInform, addEngine, addNotify, addReceivers, addListen, addRules, addSimulate, addDemo,
		addStatus, addTargets, addTarget, addWhy, addTop, addAlarms, addEvents, addPoll, addDiff, addCompletion, addMan,
		addInit, addScan, addImport,
	} {
		add(app, commands)
	}
	addHelp(app)
	return app, commands, logConfig
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

// runMain runs a command line and returns the exit status. A second Ctrl-C ends what does not heed the first.
func runMain(args []string) int {
	if version.Version == "" {
		version.Version = builtVersion()
	}
	// Prometheus' query engine traces each evaluation. Nothing reads the traces, and without a provider they take a tenth
	// of the time of an evaluation.
	otel.SetTracerProvider(noop.NewTracerProvider())
	app, commands, logConfig := newApp()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	name, err := parse(app, spelledOut(args))
	if err == nil {
		err = commands[name](ctx, promslog.New(logConfig))
	}
	status, text := exitOf(ctx, err)
	if text != "" {
		fmt.Fprintln(os.Stderr, text)
	}
	return status
}
