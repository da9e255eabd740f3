package tools

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/access"
	"trapline/internal/cli"
	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/internal/statedir"
	"trapline/internal/varbind"
	"trapline/mibs"
)

// trapFlags are a notification and its receivers, in the letters and the order of Net-SNMP's commands.
type trapFlags struct {
	client   *cli.ClientFlags
	command  *kingpin.CmdClause
	mibs     cli.MIBFlags
	stateDir *string
	further  *[]string
	index    *string
	mayAsk   func() bool
	words    *[]string
}

func addTrapFlags(program *cli.Program, c *kingpin.CmdClause) trapFlags {
	f := trapFlags{command: c, client: cli.AddClientFlags(c), mibs: cli.AddMIBFlags(c), stateDir: cli.AddStateFlag(c)}
	f.further = c.Flag("to", "A further receiver, with flags of its own where it differs: --to '-v 1 -c public nms-2:162'. Repeatable; receivers that differ in nothing else stand with commas between them in the place of one.").PlaceHolder("'FLAGS RECEIVER'").Strings()
	f.index = c.Flag("index", "The row that the notification is about: its OBJECTS are sent, with the values that follow or that the index has; for others the terminal is asked, and else they have usual ones. An object that follows needs no index then.").PlaceHolder("INDEX").String()
	f.mayAsk = program.MayAsk
	f.words = c.Arg("notification", "UPTIME TRAP, or with -v 1 also ENTERPRISE AGENT GENERIC SPECIFIC UPTIME, where \"\" stands for what is usual; "+
		"then OID TYPE VALUE for each variable binding, TYPE being one of i u c C t a o s x d b n F D, or = for that of the object. "+
		"Names of MIBs do as well as OIDs, and labels of enumerations as well as numbers.").Required().Strings()
	return f
}

func addTrap(program *cli.Program) {
	c := program.App.Command("trap", "Send a trap, which nobody acknowledges.")
	flags := addTrapFlags(program, c)
	clock := c.Flag("engine-boots-time", "Boots and time, as BOOTS,TIME, of the engine that -e names; without it, these are kept in --state-dir.").Short('Z').String()
	program.Commands[c.FullCommand()] = func(ctx context.Context, logger *slog.Logger) error {
		return flags.deliver(ctx, os.Stdout, func(f *trapFlags, r originator.Receiver, n *originator.Notification) (func(context.Context) (string, error), error) {
			var identity *originator.Identity
			var err error
			if r.Principal.Version == snmp.V3 {
				if identity, err = trapIdentity(r.Principal.EngineID, *clock, *f.stateDir, logger); err != nil {
					return nil, err
				}
			}
			s, err := originator.NewSender(r, identity)
			return func(ctx context.Context) (string, error) { return "sent", s.Trap(ctx, n) }, err
		})
	}
}

// trapIdentity is the engine that a trap of SNMPv3 comes from: that of -e, or our own.
func trapIdentity(id []byte, clock, stateDir string, logger *slog.Logger) (identity *originator.Identity, err error) {
	var damage *statedir.Damage
	switch {
	case clock != "":
		return parseIdentity(id, clock)
	case len(id) == 0:
		identity, err = statedir.ReadIdentity(stateDir, nil, time.Now())
	default:
		identity, damage, err = statedir.IdentityOf(stateDir, id, time.Now())
	}
	if damage != nil {
		logger.Error("damaged state", "text", damage.Text, "of", damage.Where, "moved_to", damage.Aside, "err", damage.Err)
	}
	if err != nil {
		err = fmt.Errorf("%w: a trap of SNMPv3 comes from an engine: name it by -e and -Z, or give a --state-dir that has one or can be written", err)
	}
	return identity, err
}

// parseIdentity reads the argument of -Z.
func parseIdentity(id []byte, clock string) (*originator.Identity, error) {
	if len(id) == 0 {
		return nil, errors.New("-Z wants -e, the engine ID that the boots are of")
	}
	first, second, _ := strings.Cut(clock, ",")
	boots, err := strconv.ParseInt(first, 10, 32)
	seconds, errSeconds := strconv.ParseInt(second, 10, 32)
	if err != nil || errSeconds != nil || boots < 0 || seconds < 0 {
		return nil, fmt.Errorf("-Z %s: write two numbers, BOOTS,TIME", clock)
	}
	return originator.FixedIdentity(id, int32(boots), int32(seconds), time.Now()), nil
}

// receiver is where to send to. A localized key is of the engine of -e: ours in a trap.
func (f *trapFlags) receiver() (r originator.Receiver, err error) {
	if r.Address, err = access.ParseReceiver(*f.client.Host); err != nil {
		return r, err
	}
	spec, err := f.client.Spec()
	if err != nil {
		return r, err
	}
	params, err := f.client.Params()
	if err != nil {
		return r, err
	}
	r.Source, r.Context, r.ContextEngineID = spec.Source, spec.Context, []byte(spec.ContextEngineID)
	r.Timeout, r.Retries = params.Timeout.Duration, *params.Retries
	r.Principal, err = spec.Auth.Principal()
	return r, err
}

// names finds the names among the arguments. The MIBs are read if there are any.
func (f *trapFlags) names() varbind.Names {
	return sync.OnceValues(func() (*mibs.Tree, error) { return f.mibs.TreeWith(nil, *f.words) })
}

// notification reads the arguments behind the receiver.
func (f *trapFlags) notification(ask varbind.Asker) (*originator.Notification, error) {
	n := &originator.Notification{}
	names, words := f.names(), *f.words
	head, read := 2, n2
	if *f.client.Version == "1" && !inTermsOfV2(words) {
		head, read = 5, n1
	}
	if len(words) < head {
		return nil, fmt.Errorf("%q: a notification of version %s begins with %d words, see --help", words, *f.client.Version, head)
	}
	if err := read(n, names, words[:head]); err != nil {
		return nil, err
	}
	var err error
	if n.VarBinds, err = names.VarBinds(words[head:]); err != nil {
		return nil, err
	}
	if *f.index != "" {
		if n.VarBinds, err = rowObjects(names, n, *f.index, ask); err != nil {
			return nil, fmt.Errorf("--index %s: %w", *f.index, err)
		}
	}
	return n, nil
}

// of returns the notification as a version has it. Words in the terms of version 2 name the fields of version 1.
func (f *trapFlags) of(version snmp.Version, n *originator.Notification) (*originator.Notification, error) {
	if version != snmp.V1 || *f.client.Version == "1" && !inTermsOfV2(*f.words) {
		return n, nil
	}
	return n.InFields()
}

// inTermsOfV2 reports whether words that follow -v 1 are UPTIME TRAP OID TYPE VALUE…, which RFC 3584 section 3.2
// describes, and not ENTERPRISE AGENT GENERIC SPECIFIC UPTIME: a trap has a name, or the word behind its OID
// is one more OID and a type. An agent has no name, and a specific trap is a number.
func inTermsOfV2(words []string) bool {
	return len(words) == 2 || len(words) > 1 && cli.IsName(words[1]) || len(words) > 4 && isType(words[3])
}

func isType(word string) bool { return len(word) == 1 && strings.Contains("iucCtaosxdbnFD=", word) }

// rowObjects adds the OBJECTS of a notification about a row.
func rowObjects(names varbind.Names, n *originator.Notification, index string, ask varbind.Asker) ([]snmp.VarBind, error) {
	_, node, err := names.Notification(n.Trap.String())
	if err != nil {
		return nil, err
	}
	if node == nil {
		return nil, fmt.Errorf("no MIB knows the notification %s: its OBJECTS are not known", n.Trap)
	}
	return names.RowObjects(node, index, n.VarBinds, ask)
}

// n2 reads UPTIME TRAP.
func n2(n *originator.Notification, names varbind.Names, words []string) (err error) {
	if n.Uptime, err = parseUptime(words[0]); err != nil {
		return err
	}
	if n.Trap, err = names.OID(words[1]); err != nil {
		return err
	}
	return originator.CheckTrap(n.Trap)
}

// n1 reads ENTERPRISE AGENT GENERIC SPECIFIC UPTIME.
func n1(n *originator.Notification, names varbind.Names, words []string) (err error) {
	if words[0] != "" {
		if n.Enterprise, err = names.OID(words[0]); err != nil {
			return err
		}
	}
	if words[1] != "" {
		if n.Agent, err = netip.ParseAddr(words[1]); err != nil || !n.Agent.Is4() {
			return fmt.Errorf("agent %q is no address of IPv4", words[1])
		}
	}
	generic, err := parseNumber(words[2], "generic-trap")
	if err != nil {
		return err
	}
	specific, err := parseNumber(words[3], "specific-trap")
	if err != nil {
		return err
	}
	if n.Enterprise == nil && snmp.GenericTrap(generic) == snmp.EnterpriseSpecific {
		return fmt.Errorf("generic-trap %d wants an enterprise", generic)
	}
	if n.Trap, err = originator.TrapOfV1(n.Enterprise, snmp.GenericTrap(generic), specific); err != nil {
		return err
	}
	n.Uptime, err = parseUptime(words[4])
	return err
}

func parseNumber(text, field string) (uint32, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > math.MaxInt32 {
		return 0, fmt.Errorf("%s %q is no whole number from 0 to %d", field, text, math.MaxInt32)
	}
	return uint32(n), nil
}

// parseUptime reads hundredths of a second; this process has just started.
func parseUptime(text string) (uint32, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("uptime %q is no whole number of hundredths of a second", text)
	}
	return uint32(n), nil
}
