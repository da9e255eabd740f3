package cli

import (
	"context"
	"encoding/json"
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
	view := ReceiverTest(ctx, name)
	return view.ShowBy(server, &Printer{Format: "table", Out: os.Stdout})
}

// ReceiverTest has the server send a test to a receiver, and shows the result.
func ReceiverTest(ctx context.Context, name string) View[api.TestResult] {
	return View[api.TestResult]{
		Get: func(r *Remote, result *api.TestResult) (json.RawMessage, error) {
			raw, err := r.Post(ctx, ReceiverPath(name)+"/test", nil, result)
			return raw, r.SuggestReceiver(ctx, name, err)
		},
		Print: func(p *Printer, _ *Remote, result *api.TestResult) error {
			_, err := fmt.Fprintf(p.Out, "%s: %s\n", human.Visible(name), human.Visible(result.Text))
			return err
		},
		Failed: func(result *api.TestResult) bool { return !result.Sent || result.Problem != nil },
	}
}
