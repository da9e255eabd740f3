package tools

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/cli"
	"trapline/internal/originator"
	"trapline/internal/snmp"
)

// delivery is a notification for one receiver.
type delivery struct {
	receiver string // as it was written, and the version
	send     func(ctx context.Context) (result string, err error)
	result   string
	err      error
}

// preparing returns the function that sends a notification to the receiver of some flags, and returns the result.
type preparing func(f *trapFlags, r originator.Receiver, n *originator.Notification) (send func(ctx context.Context) (result string, err error), err error)

// deliver sends the notification of the flags to all their receivers at once. Of several, there is a line for each
// on out, and the command fails if one did not get it.
func (f *trapFlags) deliver(ctx context.Context, out io.Writer, prepare preparing) error {
	n, err := f.notification(f.asker(ctx))
	if err != nil {
		return cli.Usage(err)
	}
	all, err := f.receivers()
	if err != nil {
		return cli.Usage(err)
	}
	var list []*delivery
	for _, of := range all {
		r, err := of.receiver()
		if err != nil {
			return cli.Usage(err)
		}
		suited, err := f.of(r.Principal.Version, n)
		if err != nil {
			return cli.Usage(err)
		}
		d := &delivery{receiver: *of.client.Host + " (" + versionNames[r.Principal.Version] + ")"}
		d.send, d.err = prepare(of, r, suited)
		list = append(list, d)
	}
	sendAll(ctx, list)
	if len(list) == 1 {
		return list[0].err
	}
	failed := 0
	for _, d := range list {
		if d.err != nil {
			d.result = d.err.Error()
			failed++
		}
		fmt.Fprintf(out, "%s: %s\n", d.receiver, d.result)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d receivers failed", failed, len(list))
	}
	return nil
}

// versionNames are the versions as people write them.
var versionNames = map[snmp.Version]string{snmp.V1: "v1", snmp.V2c: "v2c", snmp.V3: "v3"}

// sendAll sends at once, except where preparing failed.
func sendAll(ctx context.Context, list []*delivery) {
	var ended []<-chan struct{}
	for _, d := range list {
		if d.err == nil {
			ended = append(ended, inBackground(func() struct{} {
				d.result, d.err = d.send(ctx)
				return struct{}{}
			}))
		}
	}
	for _, e := range ended {
		<-e
	}
}

// receivers are the flags of each receiver: those of the command, with commas between their hosts, and of --to.
func (f *trapFlags) receivers() (all []*trapFlags, err error) {
	hosts := strings.Split(*f.client.Host, ",")
	if slices.Contains(hosts, "") {
		return nil, fmt.Errorf("%q names an empty receiver: write HOST, or HOST,HOST", *f.client.Host)
	}
	for i := range hosts {
		client := *f.client
		client.Host = &hosts[i]
		of := *f
		of.client = &client
		all = append(all, &of)
	}
	for _, text := range *f.further {
		of := *f
		if of.client, err = f.furtherClient(text); err != nil {
			return nil, fmt.Errorf("--to %q: %w", text, err)
		}
		all = append(all, &of)
	}
	return all, nil
}

// furtherClient reads the value of --to: flags of the command, which hold where none is given, and
// where it is.
func (f *trapFlags) furtherClient(text string) (*cli.ClientFlags, error) {
	words, err := ShellWords(text)
	if err != nil {
		return nil, err
	}
	name := f.command.Model().Name
	app := kingpin.New("trapline", "").UsageWriter(io.Discard).ErrorWriter(io.Discard).Terminate(func(int) {})
	c := app.Command(name, "")
	client := cli.AddClientFlags(c)
	for _, flag := range f.command.Model().Flags {
		if own := c.GetFlag(flag.Name); own != nil && flag.Value.String() != "" {
			own.Default(flag.Value.String())
		}
	}
	if _, err := cli.Parse(app, append([]string{name}, cli.SpelledOut(words)...)); err != nil {
		return nil, err
	}
	if strings.Contains(*client.Host, ",") {
		return nil, errors.New("write one receiver in each --to")
	}
	return client, nil
}

var errOpenQuote = errors.New("a quotation mark is not closed")

// ShellWords parts a text as a shell does: at blanks, which quotation marks and backslashes protect.
func ShellWords(text string) (words []string, err error) {
	var word strings.Builder
	begun, quote, escaped := false, rune(0), false
	for _, r := range text {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			begun, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			begun, quote = true, r
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if begun {
				words = append(words, word.String())
				word.Reset()
			}
			begun = false
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	if quote != 0 || escaped {
		return nil, errOpenQuote
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}
