package tools

import (
	"fmt"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/access"
	"trapline/internal/cli"
	"trapline/internal/client"
)

// walkLimits say where a walk ends before its subtree does.
type walkLimits struct {
	rows, requests *int
	unordered      *bool
}

func addWalkLimits(c *kingpin.CmdClause) walkLimits {
	return walkLimits{
		rows:      cli.CountOf(c.Flag("max-rows", "End the walk of each subtree after so many objects (0: no limit).").Default("0"), 0),
		requests:  cli.CountOf(c.Flag("max-requests", "End it after so many requests (0: no limit).").Default("0"), 0),
		unordered: c.Flag("allow-nonincreasing", "Go on where OIDs do not increase, until one comes a second time. With a --max-requests no agent can go on for ever.").Bool(),
	}
}

func addSequentialFlag(c *kingpin.CmdClause) *bool {
	return c.Flag("sequential", "Ask several targets one after the other, not at the same time.").Bool()
}

// of adds the limits to parameters.
func (l walkLimits) of(p client.Params) client.Params {
	p.MaxRows, p.MaxRequests, p.AllowNonIncreasingOIDs = *l.rows, *l.requests, *l.unordered
	return p
}

// reached leaves out of an error of a walk that it ended where the user wanted, and says so on standard error.
func (l walkLimits) reached(target string, err error) error {
	list := access.Errors(err)
	for _, e := range list {
		if e.Reason != access.TooMany || e.Dropped || *l.rows+*l.requests == 0 {
			return err
		}
	}
	for _, e := range list {
		fmt.Fprintf(os.Stderr, "%s: the walk of %s ends after %s: %v\n", target, e.OID, e.Last, e.Err)
	}
	return nil
}
