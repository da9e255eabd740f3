// Trapline polls SNMP devices in parallel and serves what it learns to Prometheus. This package is the
// wiring: one file for each subcommand, and in run.go the line from the configuration to the series.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
)

// command is what a subcommand runs once its flags are read.
type command func(ctx context.Context, logger *slog.Logger) error

// newApp makes the command line, with what each subcommand runs.
func newApp() (app *kingpin.Application, commands map[string]command, logConfig *promslog.Config) {
	app = kingpin.New("trapline", "Polls SNMP devices in parallel and serves what it learns to Prometheus.")
	app.Version(version.Print("trapline"))
	app.HelpFlag.Short('h')
	app.UsageWriter(os.Stdout)
	logConfig = &promslog.Config{}
	promslogflag.AddFlags(app, logConfig)
	commands = map[string]command{}
	for _, add := range []func(*kingpin.Application, map[string]command){
		addServe, addCheck, addGet, addWalk, addSet, addDiscover, addKey, addMIB, addGenerate, addProfile,
		addTrap, addInform, addEngine, addNotify, addOutbox, addListen, addRules, addSimulate, addDemo,
	} {
		add(app, commands)
	}
	return app, commands, logConfig
}

func main() {
	app, commands, logConfig := newApp()
	name := kingpin.MustParse(parse(app, spelledOut(os.Args[1:])))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := commands[name](ctx, promslog.New(logConfig)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
