package views

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
)

func addReceivers(program *cli.Program) {
	receivers := program.App.Command("receivers", "Show who is notified, what waits for them, and change that, at a server that runs.").Alias("outbox")
	addReceiversList(program, receivers)
	addReceiversShow(program, receivers)
	addReceiversRetry(program, receivers)
	addReceiversDrop(program, receivers)
	addReceiversTest(program, receivers)
}

func addReceiversList(program *cli.Program, receivers *kingpin.CmdClause) {
	c := receivers.Command("list", "List the receivers (the default).").Default()
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		view := cli.View[[]api.Receiver]{
			Get: func(r *cli.Remote, list *[]api.Receiver) (json.RawMessage, error) {
				return r.Get(ctx, "/api/v1/receivers", nil, list)
			},
			Print: func(p *cli.Printer, _ *cli.Remote, list *[]api.Receiver) error {
				return p.Grid(receiverGrid(*list))
			},
			Note: func(list *[]api.Receiver) string {
				if len(*list) > 0 {
					return ""
				}
				return "the server has no receivers"
			},
		}
		return view.Show(server, output)
	}
}

func receiverGrid(list []api.Receiver) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{
		{Name: "state"}, {Name: "receiver"}, {Name: "kind"}, {Name: "address"}, {Name: "waiting", Right: true}, {Name: "oldest"}, {Name: "given up", Right: true},
		{Name: "acknowledged today", Right: true}, {Name: "answer time", Right: true}, {Name: "next try", Wide: true}, {Name: "reason", Wide: true}, {Name: "problem"},
	}}
	for i := range list {
		r := &list[i]
		why, problem := "", ""
		if r.Problem != nil {
			why, problem = r.Problem.Reason, r.Problem.Text
		}
		g.Add(receiverState(r.State), cli.Item{Text: r.Name, Style: cli.Bold}, cli.Item{Text: r.Kind}, cli.Item{Text: r.Address}, cli.Number(r.Waiting), cli.TimeCell(r.Oldest), cli.Number(r.GivenUp),
			cli.Item{Text: human.Grouped(r.Today), Exact: strconv.Itoa(r.Today)}, cli.Seconds(r.AnswerTime), cli.TimeCell(r.RetryAt), cli.Item{Text: why}, cli.Item{Text: problem})
	}
	return g
}

func receiverState(state string) cli.Item {
	switch state {
	case "works":
		return cli.Item{Text: state, Mark: "●", Style: cli.Good}
	case "fails":
		return cli.Item{Text: state, Mark: "▼", Style: cli.Bad}
	}
	return cli.Item{Text: state, Mark: "○", Style: cli.Faint}
}

func addReceiversShow(program *cli.Program, receivers *kingpin.CmdClause) {
	c := receivers.Command("show", "Show a receiver, and what waits for it. The exit status is 1 if it fails.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	name := cli.ReceiverArg(c, server)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		view := cli.View[api.Receiver]{
			Get: func(r *cli.Remote, one *api.Receiver) (json.RawMessage, error) {
				raw, err := r.Get(ctx, cli.ReceiverPath(*name), nil, one)
				return raw, r.SuggestReceiver(ctx, *name, err)
			},
			Print: func(p *cli.Printer, _ *cli.Remote, one *api.Receiver) error {
				if p.Format == "csv" {
					return p.Grid(queueGrid(one.Queue))
				}
				return printReceiver(p, one)
			},
			Failed: func(one *api.Receiver) bool { return one.State == "fails" },
		}
		return view.Show(server, output)
	}
}

// printReceiver writes a receiver, then its queue.
func printReceiver(p *cli.Printer, r *api.Receiver) error {
	state := receiverState(r.State)
	fmt.Fprintf(p.Out, "%s  %s\n", p.Styled(human.Visible(r.Name), cli.Bold), p.Styled(p.Text(state), state.Style))
	p.Field("Address", r.Kind+" "+r.Address)
	waiting := human.Grouped(r.Waiting)
	if since := human.Age(r.Oldest); since != "" {
		waiting += ", the oldest for " + since
	}
	p.Field("Waiting", waiting)
	p.Field("Given up", human.Grouped(r.GivenUp))
	p.Field("Acked", fmt.Sprintf("%s today, within %s", human.Grouped(r.Today), human.Span(r.AnswerTime)))
	p.Field("Last", human.Moment(r.LastAck))
	p.Field("Next try", human.Moment(r.RetryAt))
	if r.Problem != nil {
		p.Problem(r.Problem)
	}
	for i := range r.Ladder {
		p.Step(&r.Ladder[i])
	}
	p.Field("snmptrapd", r.CreateUser)
	if len(r.Queue) == 0 {
		return nil
	}
	fmt.Fprintln(p.Out)
	return p.Grid(queueGrid(r.Queue))
}

func queueGrid(list []api.Queued) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{
		{Name: "state"}, {Name: "since"}, {Name: "kind"}, {Name: "tries", Right: true}, {Name: "reason"}, {Name: "event", Wide: true}, {Name: "alarm", Wide: true}, {Name: "text"},
	}}
	for i := range list {
		q := &list[i]
		state := cli.Item{Text: "waits"}
		if q.GivenUp {
			state = cli.Item{Text: "given up", Exact: "given_up", Style: cli.Bad}
		}
		g.Add(state, cli.TimeCell(q.Since), cli.Item{Text: q.Kind}, cli.Item{Text: strconv.Itoa(q.Tries)}, cli.Item{Text: q.Reason}, cli.Item{Text: q.Event}, cli.Item{Text: q.Alarm}, cli.Item{Text: q.Text})
	}
	return g
}

func addReceiversRetry(program *cli.Program, receivers *kingpin.CmdClause) {
	c := receivers.Command("retry", "Send at once what waits for a receiver, and again what was given up.")
	server := cli.AddServerFlags(c)
	name := cli.ReceiverArg(c, server)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.Open()
		if err != nil {
			return err
		}
		_, err = r.Post(ctx, cli.ReceiverPath(*name)+"/retry", nil, nil)
		return r.SuggestReceiver(ctx, *name, err)
	}
}

func addReceiversDrop(program *cli.Program, receivers *kingpin.CmdClause) {
	c := receivers.Command("drop", "Drop what waits for a receiver, and what was given up.")
	server := cli.AddServerFlags(c)
	yes := c.Flag("yes", "Do not ask.").Bool()
	name := cli.ReceiverArg(c, server)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.Open()
		if err != nil {
			return err
		}
		if !*yes {
			if err := confirm(os.Stdin, *name, !program.MayAsk()); err != nil {
				return err
			}
		}
		_, err = r.Post(ctx, cli.ReceiverPath(*name)+"/drop", nil, nil)
		return r.SuggestReceiver(ctx, *name, err)
	}
}

// confirm has the user type the receiver's name, for dropped notifications are sent to nobody.
func confirm(terminal *os.File, receiver string, never bool) error {
	if never || !term.IsTerminal(int(terminal.Fd())) {
		return cli.Usagef("what waits for %s would be dropped for good: write --yes where nobody can be asked", receiver)
	}
	fmt.Fprintf(os.Stderr, "What waits for %s is dropped for good. Type its name to go on: ", receiver)
	var typed string
	if _, _ = fmt.Fscanln(terminal, &typed); typed != receiver {
		return errors.New("nothing was dropped")
	}
	return nil
}

func addReceiversTest(program *cli.Program, receivers *kingpin.CmdClause) {
	c := receivers.Command("test", "Have the server send a test to a receiver. The exit status is 1 if it is not acknowledged.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	name := cli.ReceiverArg(c, server)
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		view := cli.ReceiverTest(ctx, *name)
		return view.Show(server, output)
	}
}
