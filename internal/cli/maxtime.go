package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/human"
)

// MaxTime is a limit in time of a command that a device could keep busy for ever.
type MaxTime struct{ limit *time.Duration }

// AddMaxTime adds the flag --max-time.
func AddMaxTime(c *kingpin.CmdClause, usual string) MaxTime {
	return MaxTime{c.Flag("max-time", "End after so long, with what was read until then (0: no limit).").Default(usual).Duration()}
}

// Limit returns a context that ends with the limit.
func (m MaxTime) Limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if *m.limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, *m.limit)
}

// Reached says that the limit, not the user, ended something that ran with a context of Limit; "" if it did not.
func (m MaxTime) Reached(ctx context.Context) string {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ""
	}
	return fmt.Sprintf("it took longer than %s: give it more with --max-time", human.Span(m.limit.Seconds()))
}
