package cli

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/human"
)

// ReceiverPath is where the API has a receiver.
func ReceiverPath(name string) string { return "/api/v1/receivers/" + url.PathEscape(name) }

// ReceiverArg is the name of a receiver of a server.
func ReceiverArg(c *kingpin.CmdClause, server *ServerFlags) *string {
	return c.Arg("receiver", "Name of the receiver.").Required().HintAction(func() []string { return serverReceivers(server) }).String()
}

// SuggestReceiver adds the receiver that a name was probably meant to be.
func (r *Remote) SuggestReceiver(ctx context.Context, name string, err error) error {
	var f *Failure
	if !AsUnknown(err, &f) {
		return err
	}
	return Usagef("no receiver %q at %s%s", name, r.Base.Redacted(), DidYouMean(name, r.receiverNames(ctx)))
}

func (r *Remote) receiverNames(ctx context.Context) (names []string) {
	var list []api.Receiver
	if _, err := r.Get(ctx, "/api/v1/receivers", nil, &list); err != nil {
		return nil
	}
	for i := range list {
		names = append(names, list[i].Name)
	}
	return names
}

// TestAtServer has a server send the test, which has the engine and the state to do so.
func TestAtServer(ctx context.Context, server *ServerFlags, name, notification string) error {
	if notification != "" {
		return Usagef("--type is for tests that are sent from here: leave --url out")
	}
	r, err := server.Open()
	if err != nil {
		return err
	}
	return r.TestReceiver(ctx, &Printer{Format: "table", Out: os.Stdout}, name)
}

// TestReceiver has the server send a test, and prints the result.
func (r *Remote) TestReceiver(ctx context.Context, p *Printer, name string) error {
	var result api.TestResult
	raw, err := r.Post(ctx, ReceiverPath(name)+"/test", nil, &result)
	if err != nil {
		return r.SuggestReceiver(ctx, name, err)
	}
	reached := Failed(!result.Sent || result.Problem != nil)
	done, err := p.Data(raw)
	if err != nil {
		return err
	}
	if done {
		return reached
	}
	if _, err := fmt.Fprintf(p.Out, "%s: %s\n", human.Visible(name), human.Visible(result.Text)); err != nil {
		return err
	}
	return reached
}
