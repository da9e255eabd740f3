package cli

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/config"
	"trapline/internal/runtimeconfig"
)

// commandHints are the commands that the last word may begin, if one stands there: kingpin takes that for an argument
// of the default command.
func commandHints(app *kingpin.ApplicationModel, words []string) (names []string, is bool) {
	if len(words) == 0 {
		return nil, false
	}
	known, last := app.Commands, words[len(words)-1]
	for _, word := range words[:len(words)-1] {
		i := slices.IndexFunc(known, func(c *kingpin.CmdModel) bool { return c.Name == word || slices.Contains(c.Aliases, word) })
		if i < 0 {
			return nil, false
		}
		known = known[i].Commands
	}
	if len(known) == 0 || strings.HasPrefix(last, "-") {
		return nil, false
	}
	for _, c := range known {
		if strings.HasPrefix(c.Name, last) && !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names, true
}

// hintTime bounds how long a server may take while somebody waits for a completion.
const hintTime = 500 * time.Millisecond

// hinted runs a query of hints at the server of flags.
func hinted(f *ServerFlags, query func(context.Context, *Remote) []string) []string {
	r, err := f.Open()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), hintTime)
	defer cancel()
	return query(ctx, r)
}

func serverTargets(f *ServerFlags) []string {
	return hinted(f, func(ctx context.Context, r *Remote) []string { return r.targetNames(ctx) })
}

func serverReceivers(f *ServerFlags) []string {
	return hinted(f, func(ctx context.Context, r *Remote) []string { return r.receiverNames(ctx) })
}

// Hints adds the completions of flags and arguments that name something of the configuration.
func (f *TargetFlags) Hints(c *kingpin.CmdClause) {
	written := sync.OnceValue(func() *runtimeconfig.Config {
		w, err := f.Load()
		if err != nil {
			return &runtimeconfig.Config{Config: &config.Config{}}
		}
		return w
	})
	c.GetFlag("auth").HintAction(func() []string { return slices.Sorted(maps.Keys(written().Config.Auths)) })
	c.GetArg("target").HintAction(func() []string {
		ctx, cancel := context.WithTimeout(context.Background(), hintTime)
		defer cancel()
		names := append(written().TargetNames(ctx), serverTargets(f.server)...)
		slices.Sort(names)
		return slices.Compact(names)
	})
	if oid := c.GetArg("oid"); oid != nil {
		oid.HintAction(ObjectNames)
	}
	if module := c.GetFlag("module"); module != nil {
		module.HintAction(func() []string { return slices.Sorted(maps.Keys(written().Config.Modules)) })
	}
}

// ObjectNames are the names of objects that begin with the word being completed, as MODULE::NAME once it has colons.
// Without a word there are none: nobody reads them all.
func ObjectNames() []string {
	word := os.Args[len(os.Args)-1]
	if word == "" || strings.HasPrefix(word, "-") {
		return nil
	}
	tree, err := AllMIBs(nil)
	if err != nil {
		return nil
	}
	var names []string
	for n := range tree.All() {
		name := n.Name
		if strings.Contains(word, ":") {
			name = n.Module + "::" + n.Name
		}
		if strings.HasPrefix(name, word) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
