// Package cli has the parts that the rooms of commands share: flags, exit statuses, tables, and the client of a server.
package cli

import (
	"context"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"
)

// Command is run once the flags of a subcommand are read.
type Command func(ctx context.Context, logger *slog.Logger) error

// Program is the command line, to which each room adds its commands.
type Program struct {
	App      *kingpin.Application
	Commands map[string]Command // By the full name of the subcommand
	noInput  bool
}

// NewProgram returns a command line without commands.
func NewProgram(help string) *Program {
	return &Program{App: kingpin.New("trapline", help), Commands: map[string]Command{}}
}

// AddNoInput adds the flag after which no command asks for input.
func (p *Program) AddNoInput() {
	p.App.Flag("no-input", "Ask nothing on the terminal, be it for a password, a value or a yes.").BoolVar(&p.noInput)
}

// MayAsk reports whether a command may ask for input on the terminal.
func (p *Program) MayAsk() bool { return !p.noInput }
