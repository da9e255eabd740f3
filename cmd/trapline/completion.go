package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/config"
)

// completionScripts ask the program for what may come next. What it answers is never evaluated: names of targets
// are anybody's.
var completionScripts = map[string]string{
	// bash takes what stands before a colon for a word of its own.
	"bash": `_trapline() {
    local line=${COMP_LINE:0:COMP_POINT} words word before
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    word=${words[${#words[@]}-1]} before=
    [[ $word == *:* ]] && before=${word%"${word##*:}"}
    COMPREPLY=()
    while IFS= read -r option; do
        [[ $option == "$word"* && -n $option ]] && COMPREPLY+=("$(printf %q "${option#"$before"}")")
    done < <("${words[0]}" --completion-bash "${words[@]:1}" 2>/dev/null; echo)
}
complete -o default -F _trapline trapline
`,
	"zsh": `#compdef trapline
_trapline() {
    local -a options
    options=("${(@f)$("${words[1]}" --completion-bash "${(@)words[2,$CURRENT]}" 2>/dev/null)}")
    compadd -a options || _files
}
if [[ ${funcstack[1]} == _trapline ]]; then _trapline "$@"; else compdef _trapline trapline; fi
`,
	"fish": `function __trapline_options
    set -l words (commandline -opc) (commandline -ct)
    command $words[1] --completion-bash $words[2..-1] 2>/dev/null
end
complete -c trapline -n 'count (__trapline_options) >/dev/null' -f -a '(__trapline_options)'
`,
}

func addCompletion(app *kingpin.Application, commands map[string]command) {
	c := app.Command("completion", "Print what a shell needs to complete commands, flags, and names of targets, receivers, auths, modules and objects.")
	shell := c.Arg("shell", "bash, zsh or fish.").Required().HintOptions("bash", "zsh", "fish").Enum(slices.Sorted(maps.Keys(completionScripts))...)
	commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		_, err := fmt.Print(completionScripts[*shell])
		return err
	}
}

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
func hinted(f *serverFlags, query func(context.Context, *remote) []string) []string {
	r, err := f.open()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), hintTime)
	defer cancel()
	return query(ctx, r)
}

func serverTargets(f *serverFlags) []string {
	return hinted(f, func(ctx context.Context, r *remote) []string { return r.targetNames(ctx) })
}

func serverReceivers(f *serverFlags) []string {
	return hinted(f, func(ctx context.Context, r *remote) []string { return r.receiverNames(ctx) })
}

// hints adds the completions of flags and arguments that name something of the configuration.
func (f *targetFlags) hints(c *kingpin.CmdClause) {
	written := sync.OnceValue(func() *config.Config {
		w, err := f.world()
		if err != nil {
			return &config.Config{}
		}
		return w.Config
	})
	c.GetFlag("auth").HintAction(func() []string { return slices.Sorted(maps.Keys(written().Auths)) })
	c.GetArg("target").HintAction(func() []string {
		var names []string
		for i := range written().Targets {
			names = append(names, written().Targets[i].Name)
		}
		names = append(names, serverTargets(f.server)...)
		slices.Sort(names)
		return slices.Compact(names)
	})
	if oid := c.GetArg("oid"); oid != nil {
		oid.HintAction(objectNames)
	}
	if module := c.GetFlag("module"); module != nil {
		module.HintAction(func() []string { return slices.Sorted(maps.Keys(written().Modules)) })
	}
}

// objectNames are the names of objects that begin with the word being completed, as MODULE::NAME once it has colons.
// Without a word there are none: nobody reads them all.
func objectNames() []string {
	word := os.Args[len(os.Args)-1]
	if word == "" || strings.HasPrefix(word, "-") {
		return nil
	}
	tree, err := allMIBs(nil)
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
