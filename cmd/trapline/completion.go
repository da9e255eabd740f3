package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"trapline/internal/cli"
)

// completionScripts ask the program for the next words. Its answer is never evaluated: names of targets
// are anybody's.
var completionScripts = map[string]string{
	// bash takes the text before a colon for a word of its own.
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

func addCompletion(program *cli.Program) {
	c := program.App.Command("completion", "Print what a shell needs to complete commands, flags, and names of targets, receivers, auths, modules and objects.")
	shell := c.Arg("shell", "bash, zsh or fish.").Required().HintOptions("bash", "zsh", "fish").Enum(slices.Sorted(maps.Keys(completionScripts))...)
	program.Commands[c.FullCommand()] = func(context.Context, *slog.Logger) error {
		_, err := fmt.Print(completionScripts[*shell])
		return err
	}
}
