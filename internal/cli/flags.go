package cli

import (
	"github.com/alecthomas/kingpin/v2"

	"fmt"
	"strconv"
)

// Flagger is an application or one of its subcommands.
type Flagger interface {
	Flag(name, help string) *kingpin.FlagClause
}

// AddConfigFlags adds the flags that name the configuration.
func AddConfigFlags(f Flagger) (files *[]string, expandEnv *bool) {
	files, expandEnv = new([]string), new(bool)
	ConfigFlagsVar(f, files, expandEnv)
	return files, expandEnv
}

// ConfigFlagsVar is AddConfigFlags with variables of the caller.
func ConfigFlagsVar(f Flagger, files *[]string, expandEnv *bool) {
	f.Flag("config.file", "Path of the configuration file, or a glob of several. Repeatable. Without it: snmp.yml, or /etc/trapline/snmp.yml.").PlaceHolder("snmp.yml").StringsVar(files)
	f.Flag("config.expand-environment-variables", "Expand $NAME and ${NAME} in the credentials of auths; $$ is a $.").BoolVar(expandEnv)
}

// count is a flag that holds a whole number, least or more. kingpin's own reads "NaN" and 1e30 as numbers.
type count struct {
	value *int
	least int
}

// CountOf has a flag hold a whole number, least or more.
func CountOf(f *kingpin.FlagClause, least int) *int {
	value := new(int)
	CountVar(f, least, value)
	return value
}

// CountVar is CountOf with a variable of the caller.
func CountVar(f *kingpin.FlagClause, least int, value *int) { f.SetValue(count{value, least}) }

// Set parses the value of the flag.
func (c count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < c.least {
		return fmt.Errorf("%q is not a whole number: write one of %d or more", text, c.least)
	}
	*c.value = n
	return nil
}

func (c count) String() string { return strconv.Itoa(*c.value) }

// AddStateFlag adds the flag of the state directory of traps and informs.
func AddStateFlag(f Flagger) *string {
	return f.Flag("state-dir", "Where the engine ID and its boots are kept.").Envar("TRAPLINE_STATE_DIR").Default("/var/lib/trapline").String()
}
