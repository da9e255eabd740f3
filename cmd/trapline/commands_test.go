package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/setting"
	"trapline/internal/statedir"
)

// commandFiles are the files of the good arguments, in the working directory of the test.
var commandFiles = map[string]string{
	"good.yml": `auths: {public_v2: {}, v3: {version: 3, username: me}}
modules: {m: {get: [SNMPv2-MIB::sysUpTime], walk: [IF-MIB::ifTable]}}
state_dir: state
receivers: [{name: r, address: "127.0.45.9:1", timeout: 20ms, retries: 0}, {name: w, type: webhook, url: "http://127.0.45.9:1/"}]
targets: [{name: t, address: "127.0.45.9:1", modules: [m], timeout: 20ms, retries: 0}]
rule_files: [rules.yml]
`,
	"rules.yml":               "groups: [{name: g, rules: [{alert: Down, expr: up == 0}]}]\n",
	"test.yml":                "rule_files: [rules.yml]\ntests: [{input_series: [{series: up, values: '0 0'}], alert_rule_test: [{eval_time: 1m, alertname: Down, exp_alerts: [{}]}]}]\n",
	"ups.snmprec":             "1.3.6.1.2.1.1.3.0|67|100\n",
	"passes/t/0001.snmprec":   "1.3.6.1.2.1.1.3.0|67|100\n",
	"mibs/A-MIB.txt":          "A-MIB DEFINITIONS ::= BEGIN a OBJECT IDENTIFIER ::= { iso 3 6 1 4 1 99999 } END\n",
	"acme/acme.yml":           "modules: {acme: {measures: [{metric: hw_temperature, object: 1.3.6.1.4.1.99999.1, unit: 0.1 Cel}]}}\ndevice_profiles: {acme: {modules: [acme]}}\n",
	"acme/testdata/a.snmprec": "1.3.6.1.4.1.99999.1.1|2|415\n",
	"plain":                   "neither YAML: nor: a: MIB\n",
}

// goodArguments are for arguments by "COMMAND ARGUMENT" or ARGUMENT.
var goodArguments = map[string][]string{
	"target":                      {"127.0.45.9:1"},
	"oid":                         {"1.3.6.1.2.1.1.3.0"},
	"object":                      {"1.3.6.1.4.1.99999.1.0", "i", "1"},
	"notification":                {"", "coldStart"},
	"check file":                  {"good.yml"},
	"generate file":               {"good.yml"},
	"rules check file":            {"rules.yml"},
	"rules test file":             {"test.yml"},
	"rules replay directory":      {"passes/t"},
	"mib check directory":         {"mibs"},
	"mib translate name":          {"ifDescr.1"},
	"mib find word":               {"ifDescr"},
	"simulate recording":          {"ups.snmprec"},
	"diff first":                  {"http://127.0.45.9:1/metrics"},
	"diff second":                 {"http://127.0.45.9:1/metrics"},
	"rules try expr":              {"up == 0"},
	"receiver":                    {"r"},
	"alarms show id":              {"9f2c41d0"},
	"completion shell":            {"fish"},
	"help command":                {"get"},
	"rules replay --start":        {"2026-01-01T00:00:00Z"},
	"--config.file":               {"good.yml"},
	"--state-dir":                 {"state"},
	"--web.listen-address":        {"127.0.45.1:0"},
	"--timeout":                   {"20ms"},
	"--retries":                   {"0"},
	"--url":                       {"http://127.0.45.9:1"},
	"--to":                        {"r"},
	"trap --to":                   {"-v 1 127.0.45.9:1"},
	"inform --to":                 {"-v 3 -u 'me' 127.0.45.9:1"},
	"--enterprise-oid":            {"1.3.6.1.4.1.99999"},
	"key --auth-password":         {"correct horse"},
	"simulate --listen":           {"127.0.45.1:0"},
	"demo --devices":              {"127.0.45.1:0"},
	"profile test directory":      {"acme"},
	"profile show --profiles-dir": nil,
	"simulate --write":            nil,
	"rules test --junit":          nil,
	"demo --web.listen-address":   {"127.0.45.1:0"},
}

// documented are further values that the help of flags names.
var documented = map[string][]string{
	"--snmp-version": {"1", "2c", "3"}, "--level": {"noAuthNoPriv", "authNoPriv", "authPriv"}, "--auth-protocol": {"SHA-256", "SHA1"},
	"--priv-protocol": {"AES128", "AES-256-C"}, "--engine-id": {"0x8000000001"}, "--context-engine-id": {"80:00:00:00:01"}, "--timeout": {"0.02"},
	"--output": {"n", "s"}, "--detail": {"d", "p"}, "--mib-dir": {"mibs"}, "--module": {"m", "IF-MIB"}, "--engine-boots-time": {"1,2"}, "--type": {"linkDown"},
	"--profiles-dir": {"mibs"}, "--mibs-dir": {"mibs"}, "--device": {"switch=2"}, "--write": {"written"}, "--target": {"t"}, "--junit": {"junit.xml"},
	"--source-address": {"127.0.45.8", "127.0.45.8:0"}, "--source-interface": {"lo"},
}

// wrongArguments are given to every argument and every flag.
var wrongArguments = []string{
	"", "misspelled", "IF-MIB::ifTabel", "IF-MIB::", "iso", "-1", "99999999999999999999", "NaN", "\xff\xfe\x00", strings.Repeat("9.", 40_000),
	"nowhere/x", "plain/x", ".", "plain", "no..such..host", "127.0.45.9:1",
}

// unspeakable is in errors that were not written for people.
var unspeakable = regexp.MustCompile(`runtime error|nil pointer|interface conversion|goroutine|%!|strconv\.`)

// Every command, with every documented argument and every wrong one, ends in time without a panic. If it
// fails, it says why; and it never leaves a worse engine identity than it found.
func TestEveryCommandWithEveryArgument(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range commandFiles {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	silence(t)
	r := &commandRunner{t: t, seen: map[string]bool{}}
	r.identity = r.readIdentity()
	program, _ := newProgram()
	app, commands := program.App, program.Commands
	leaves := 0
	for _, c := range leafCommands(app.Model().Commands) {
		if c.FullCommand != "help" {
			leaves++
			r.everyArgument(c)
		}
	}
	if leaves != len(commands) {
		t.Errorf("%d commands were tried, and there are %d", leaves, len(commands))
	}
	for _, args := range [][]string{{"misspelled"}, {""}, {"--misspelled"}, {"mib"}, {"mib", "misspelled"}, {"-3k"}, {"-1"}, {"--"}, {"\xff"}} {
		r.run(nil, args)
	}
	t.Logf("%d command lines", r.runs)
}

func leafCommands(models []*kingpin.CmdModel) (leaves []*kingpin.CmdModel) {
	for _, c := range models {
		if len(c.Commands) == 0 {
			leaves = append(leaves, c)
		}
		leaves = append(leaves, leafCommands(c.Commands)...)
	}
	return leaves
}

// silence sends the output of commands to nowhere, and their input is empty.
func silence(t *testing.T) {
	in, out, errs := os.Stdin, os.Stdout, os.Stderr
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	os.Stdin, os.Stdout, os.Stderr = null, null, null
	t.Cleanup(func() {
		os.Stdin, os.Stdout, os.Stderr = in, out, errs
		_ = null.Close()
	})
}

type commandRunner struct {
	t        *testing.T
	seen     map[string]bool // flags that had every wrong value already
	identity []byte
	runs     int
}

// everyArgument varies one argument or flag at a time.
func (r *commandRunner) everyArgument(c *kingpin.CmdModel) {
	words := strings.Fields(c.FullCommand)
	flags := map[string][]string{}
	for _, f := range c.Flags {
		if good := goodFor(c, "--"+f.Name); good != nil {
			flags[f.Name] = good
		}
	}
	args := make([][]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = goodFor(c, a.Name)
	}
	line := func() []string {
		all := slices.Clone(words)
		for _, f := range c.Flags {
			for _, value := range flags[f.Name] {
				all = append(all, "--"+f.Name+"="+value)
			}
		}
		return slices.Concat(all, []string{"--"}, slices.Concat(args...))
	}
	r.run(c, line())
	r.run(c, words)
	r.run(c, append(line(), "one", "too", "many"))
	for i, a := range c.Args {
		good := args[i]
		for _, value := range wrongArguments {
			for at := range max(1, len(good)) {
				args[i] = slices.Clone(good)
				if len(good) > 0 {
					args[i][at] = value
				} else {
					args[i] = []string{value}
				}
				err := r.run(c, line())
				if !racing && slices.Contains([]string{"oid", "name", "notification"}, a.Name) && value == "IF-MIB::ifTabel" && at == len(good)-1 &&
					(err == nil || !strings.Contains(err.Error(), "did you mean ifTable?")) {
					r.t.Errorf("%q: error is %v: want a suggestion", line(), err)
				}
			}
		}
		args[i] = good
	}
	vary := func(f *kingpin.FlagModel, values []string) {
		good := flags[f.Name]
		for _, value := range values {
			flags[f.Name] = []string{value}
			r.run(c, line())
		}
		flags[f.Name] = good
	}
	for _, f := range c.Flags {
		vary(f, r.valuesFor(f))
	}
	// Those of SNMPv3 that write an engine identity.
	if !slices.Contains([]string{"trap", "inform", "listen"}, c.FullCommand) {
		return
	}
	flags["user"], flags["snmp-version"] = []string{"me"}, []string{"3"}
	r.run(c, line())
	for _, f := range c.Flags {
		if slices.Contains([]string{"engine-id", "engine-boots-time", "context-engine-id", "level", "state-dir"}, f.Name) {
			vary(f, slices.Concat(documented["--"+f.Name], wrongArguments))
		}
	}
}

func goodFor(c *kingpin.CmdModel, name string) []string {
	if good, ok := goodArguments[c.FullCommand+" "+name]; ok {
		return good
	}
	return goodArguments[name]
}

// valuesFor sets a flag that several commands share to every value once, and later to one.
func (r *commandRunner) valuesFor(f *kingpin.FlagModel) []string {
	if f.IsBoolFlag() {
		return []string{"true"}
	}
	values := slices.Concat(documented["--"+f.Name], wrongArguments)
	key := f.Name + f.Help
	if r.seen[key] {
		return values[:1]
	}
	r.seen[key] = true
	return values
}

// run runs a command line as main does. Commands that go on until they are interrupted are.
// Under the race detector it runs one of ten.
func (r *commandRunner) run(c *kingpin.CmdModel, args []string) error {
	if r.runs++; racing && r.runs%10 != 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), patience(c))
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil {
				r.t.Errorf("%.200q panics: %v\n%s", args, cause, debug.Stack())
				ended <- fmt.Errorf("panic")
			}
		}()
		ended <- runCommand(ctx, args)
	}()
	var err error
	select {
	case err = <-ended:
	case <-time.After(time.Minute):
		debug.SetTraceback("all")
		panic(fmt.Sprintf("%.200q does not end", args))
	}
	if err != nil && (strings.TrimSpace(err.Error()) == "" || unspeakable.MatchString(err.Error())) {
		r.t.Errorf("%.200q fails with %.300q", args, err)
	}
	now := r.readIdentity()
	if !bytes.Equal(now, r.identity) && !named(now, args) {
		r.t.Errorf("%.200q turns the engine identity %x into %x", args, r.identity, now)
	}
	r.identity = now
	return err
}

// named reports whether the command line sets an engine ID itself.
func named(id []byte, args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		written, given := strings.CutPrefix(arg, "--engine-id=")
		octets, err := setting.Hex(written)
		return given && err == nil && len(octets) > 0 && bytes.Equal(octets, id)
	})
}

// patience is how long a command runs that does not end by itself.
func patience(c *kingpin.CmdModel) time.Duration {
	if c != nil && slices.Contains([]string{"serve", "demo", "simulate", "listen"}, c.FullCommand) {
		return 50 * time.Millisecond
	}
	return 2 * time.Second
}

// errTerminated stands for the end of the process, after help for example.
type errTerminated int

func (e errTerminated) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func runCommand(ctx context.Context, args []string) (err error) {
	defer func() {
		cause := recover()
		if status, ok := cause.(errTerminated); ok {
			err = status
		} else if cause != nil {
			panic(cause)
		}
	}()
	program, _ := newProgram()
	app, commands := program.App, program.Commands
	app.UsageWriter(io.Discard).ErrorWriter(io.Discard).Terminate(func(status int) { panic(errTerminated(status)) })
	name, err := cli.Parse(app, cli.SpelledOut(args))
	if err != nil {
		return err
	}
	return commands[name](ctx, slog.New(slog.DiscardHandler))
}

// readIdentity returns the engine ID in the state directory, which is made if there is none.
func (r *commandRunner) readIdentity() []byte {
	id, _, err := statedir.Engine("state", nil, time.Now())
	if err != nil {
		r.t.Errorf("the engine identity: %v", err)
	}
	return id
}
