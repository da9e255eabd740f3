package tools

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"trapline/internal/cli"
	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/internal/statedir"
)

func addInform(program *cli.Program) {
	c := program.App.Command("inform", "Send an inform, and fail unless the receiver acknowledges it.")
	flags := addTrapFlags(program, c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		return flags.deliver(ctx, os.Stdout, func(f *trapFlags, r originator.Receiver, n *originator.Notification) (func(context.Context) (string, error), error) {
			var err error
			if r.Principal.Version == snmp.V3 && len(r.ContextEngineID) == 0 {
				if r.ContextEngineID, _, err = statedir.Engine(*f.stateDir, nil, time.Now()); err != nil {
					return nil, err
				}
			}
			s, err := originator.NewSender(r, nil)
			return func(ctx context.Context) (string, error) { return informed(ctx, s, n) }, err
		})
	}
}

// informed says how an inform was acknowledged.
func informed(ctx context.Context, s *originator.Sender, n *originator.Notification) (string, error) {
	receipt, err := s.Inform(ctx, n)
	text := fmt.Sprintf("acknowledged in %v", receipt.RTT.Round(100*time.Microsecond))
	if receipt.Sent > 1 {
		text += fmt.Sprintf(", sent %d times", receipt.Sent)
	}
	return text, err
}
