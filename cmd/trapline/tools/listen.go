package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"trapline/internal/access"
	"trapline/internal/cli"
	"trapline/internal/originator"
	"trapline/internal/snmp"
	"trapline/internal/statedir"
)

func addListen(program *cli.Program) {
	c := program.App.Command("listen", "Receive traps and informs of all versions at the address that is the target, acknowledge informs, and print them. With -u, also of that user of SNMPv3.")
	flags, names, stateDir := cli.AddClientFlags(c), cli.AddNameFlags(c), cli.AddStateFlag(c)
	refused := c.Flag("refused", "Print to standard error which messages are refused, and why.").Bool()
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		line, err := cli.ReceivedLine(names)
		if err != nil {
			return err
		}
		l, closed, err := openListener(flags, *stateDir)
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "listening on", l.Conn.LocalAddr())
		l.Handle = func(r *originator.Received) { printReceived(os.Stdout, r, line) }
		if *refused {
			l.Refused = func(from netip.AddrPort, why error) {
				if !errors.Is(why, originator.ErrDiscovery) {
					fmt.Fprintf(os.Stderr, "%s refused from %s: %v\n", time.Now().Format(time.TimeOnly), from, why)
				}
			}
		}
		return errors.Join(l.Run(ctx), closed())
	}
}

func openListener(flags *cli.ClientFlags, stateDir string) (l *originator.Listener, closed func() error, err error) {
	address, err := access.ParseReceiver(*flags.Host)
	if err != nil {
		return nil, nil, err
	}
	authority := &originator.Authority{AnyCommunity: *flags.Community == "", Communities: map[string]bool{*flags.Community: true}}
	l = &originator.Listener{Authority: authority}
	var state *statedir.Dir
	if *flags.User != "" {
		*flags.Version = "3"
		a, err := flags.Auth()
		if err != nil {
			return nil, nil, err
		}
		p, err := a.Principal()
		if err != nil {
			return nil, nil, err
		}
		if state, err = statedir.Open(stateDir, nil, time.Now()); err != nil {
			return nil, nil, err
		}
		authority.Users, authority.Identity = map[string]*snmp.User{p.User.Name: p.User}, state.Identity
	}
	closed = func() error {
		err := l.Conn.Close()
		if state != nil {
			err = errors.Join(err, state.Close())
		}
		return err
	}
	if l.Conn, err = net.ListenPacket(address.Network, address.HostPort()); err != nil && state != nil {
		err = errors.Join(err, state.Close())
	}
	return l, closed, err
}

// printReceived prints a line about the notification and one for each variable binding, as line has it.
func printReceived(w io.Writer, r *originator.Received, line func(snmp.VarBind) string) {
	what := "trap"
	if r.Inform {
		what = "inform"
	}
	name, version := "community", map[snmp.Version]string{snmp.V1: "v1", snmp.V2c: "v2c", snmp.V3: "v3"}[r.Version]
	if r.Version == snmp.V3 {
		name = "user"
	}
	var b strings.Builder
	b.WriteString(time.Now().Format(time.TimeOnly) + " ")
	fmt.Fprintf(&b, "%s %s from %s %s %q", version, what, r.From, name, r.Name)
	if r.Context != "" {
		fmt.Fprintf(&b, " context %q", r.Context)
	}
	if len(r.EngineID) > 0 {
		fmt.Fprintf(&b, " engine %x", r.EngineID)
	}
	if t := r.V1; t != nil {
		fmt.Fprintf(&b, " enterprise .%s agent %s generic %d specific %d uptime %d", t.Enterprise, netip.AddrFrom4(t.AgentAddress), t.Generic, t.Specific, t.Timestamp)
	}
	b.WriteByte('\n')
	for list := r.VarBinds; len(list) > 0; {
		v, rest, err := snmp.CutVarBind(list)
		if err != nil {
			fmt.Fprintf(&b, "  what follows cannot be read: %v\n", err)
			break
		}
		fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(line(v), "\n", "\\n"))
		list = rest
	}
	_, _ = io.WriteString(w, b.String())
}
