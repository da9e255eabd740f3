package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strconv"

	"github.com/alecthomas/kingpin/v2"
	"golang.org/x/term"

	"trapline/internal/api"
	"trapline/internal/human"
)

func addReceivers(app *kingpin.Application, commands map[string]command) {
	receivers := app.Command("receivers", "Show who is notified, what waits for them, and change that, at a server that runs.").Alias("outbox")
	addReceiversList(receivers, commands)
	addReceiversShow(receivers, commands)
	addReceiversRetry(receivers, commands)
	addReceiversDrop(app, receivers, commands)
	addReceiversTest(receivers, commands)
}

// receiverPath is where the API has a receiver.
func receiverPath(name string) string { return "/api/v1/receivers/" + url.PathEscape(name) }

// receiverArg is the name of a receiver of a server.
func receiverArg(c *kingpin.CmdClause, server *serverFlags) *string {
	return c.Arg("receiver", "Name of the receiver.").Required().HintAction(func() []string { return serverReceivers(server) }).String()
}

func addReceiversList(receivers *kingpin.CmdClause, commands map[string]command) {
	c := receivers.Command("list", "List the receivers (the default).").Default()
	server, output := addServerFlags(c), addOutputFlags(c)
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		var list []api.Receiver
		raw, err := r.get(ctx, "/api/v1/receivers", nil, &list)
		if err != nil {
			return err
		}
		p := output.printer()
		if done, err := p.data(raw); done || err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(os.Stderr, "the server has no receivers")
		}
		return p.grid(receiverGrid(list))
	}
}

func receiverGrid(list []api.Receiver) *grid {
	g := &grid{columns: []column{
		{name: "state"}, {name: "receiver"}, {name: "kind"}, {name: "address"}, {name: "waiting", right: true}, {name: "oldest"}, {name: "given up", right: true},
		{name: "acknowledged today", right: true}, {name: "answer time", right: true}, {name: "next try", wide: true}, {name: "reason", wide: true}, {name: "problem"},
	}}
	for i := range list {
		r := &list[i]
		why, problem := "", ""
		if r.Problem != nil {
			why, problem = r.Problem.Reason, r.Problem.Text
		}
		g.add(receiverState(r.State), item{text: r.Name, style: bold}, item{text: r.Kind}, item{text: r.Address}, number(r.Waiting), timeCell(r.Oldest), number(r.GivenUp),
			item{text: human.Grouped(r.Today), exact: strconv.Itoa(r.Today)}, seconds(r.AnswerTime), timeCell(r.RetryAt), item{text: why}, item{text: problem})
	}
	return g
}

func receiverState(state string) item {
	switch state {
	case "works":
		return item{text: state, mark: "●", style: good}
	case "fails":
		return item{text: state, mark: "▼", style: bad}
	}
	return item{text: state, mark: "○", style: faint}
}

func addReceiversShow(receivers *kingpin.CmdClause, commands map[string]command) {
	c := receivers.Command("show", "Show a receiver, and what waits for it. The exit status is 1 if it fails.")
	server, output := addServerFlags(c), addOutputFlags(c)
	name := receiverArg(c, server)
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		var one api.Receiver
		raw, err := r.get(ctx, receiverPath(*name), nil, &one)
		if err != nil {
			return r.suggestReceiver(ctx, *name, err)
		}
		p := output.printer()
		fails := failed(one.State == "fails")
		if done, err := p.data(raw); done || err != nil {
			return firstOf(err, fails)
		}
		if p.format == "csv" {
			return firstOf(p.grid(queueGrid(one.Queue)), fails)
		}
		return firstOf(p.receiver(&one), fails)
	}
}

// suggestReceiver adds the receiver that a name was probably meant to be.
func (r *remote) suggestReceiver(ctx context.Context, name string, err error) error {
	var f *failure
	if !asUnknown(err, &f) {
		return err
	}
	return usagef("no receiver %q at %s%s", name, r.base.Redacted(), didYouMean(name, r.receiverNames(ctx)))
}

func (r *remote) receiverNames(ctx context.Context) (names []string) {
	var list []api.Receiver
	if _, err := r.get(ctx, "/api/v1/receivers", nil, &list); err != nil {
		return nil
	}
	for i := range list {
		names = append(names, list[i].Name)
	}
	return names
}

// receiver writes what is known about a receiver, then its queue.
func (p *printer) receiver(r *api.Receiver) error {
	state := receiverState(r.State)
	fmt.Fprintf(p.out, "%s  %s\n", p.styled(human.Visible(r.Name), bold), p.styled(p.text(state), state.style))
	p.field("Address", r.Kind+" "+r.Address)
	waiting := human.Grouped(r.Waiting)
	if since := human.Age(r.Oldest); since != "" {
		waiting += ", the oldest for " + since
	}
	p.field("Waiting", waiting)
	p.field("Given up", human.Grouped(r.GivenUp))
	p.field("Acked", fmt.Sprintf("%s today, within %s", human.Grouped(r.Today), human.Span(r.AnswerTime)))
	p.field("Last", human.Moment(r.LastAck))
	p.field("Next try", human.Moment(r.RetryAt))
	if r.Problem != nil {
		p.problem(r.Problem)
	}
	for i := range r.Ladder {
		p.step(&r.Ladder[i])
	}
	p.field("snmptrapd", r.CreateUser)
	if len(r.Queue) == 0 {
		return nil
	}
	fmt.Fprintln(p.out)
	return p.grid(queueGrid(r.Queue))
}

func queueGrid(list []api.Queued) *grid {
	g := &grid{columns: []column{
		{name: "state"}, {name: "since"}, {name: "kind"}, {name: "tries", right: true}, {name: "reason"}, {name: "event", wide: true}, {name: "alarm", wide: true}, {name: "text"},
	}}
	for i := range list {
		q := &list[i]
		state := item{text: "waits"}
		if q.GivenUp {
			state = item{text: "given up", exact: "given_up", style: bad}
		}
		g.add(state, timeCell(q.Since), item{text: q.Kind}, item{text: strconv.Itoa(q.Tries)}, item{text: q.Reason}, item{text: q.Event}, item{text: q.Alarm}, item{text: q.Text})
	}
	return g
}

func addReceiversRetry(receivers *kingpin.CmdClause, commands map[string]command) {
	c := receivers.Command("retry", "Send at once what waits for a receiver, and again what was given up.")
	server := addServerFlags(c)
	name := receiverArg(c, server)
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		_, err = r.post(ctx, receiverPath(*name)+"/retry", nil, nil)
		return r.suggestReceiver(ctx, *name, err)
	}
}

func addReceiversDrop(app *kingpin.Application, receivers *kingpin.CmdClause, commands map[string]command) {
	c := receivers.Command("drop", "Drop what waits for a receiver, and what was given up.")
	server := addServerFlags(c)
	yes := c.Flag("yes", "Do not ask.").Bool()
	name := receiverArg(c, server)
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		if !*yes {
			if err := confirm(os.Stdin, *name, !mayAsk(app)); err != nil {
				return err
			}
		}
		_, err = r.post(ctx, receiverPath(*name)+"/drop", nil, nil)
		return r.suggestReceiver(ctx, *name, err)
	}
}

// confirm has the user type the receiver's name, for what is dropped is sent to nobody.
func confirm(terminal *os.File, receiver string, never bool) error {
	if never || !term.IsTerminal(int(terminal.Fd())) {
		return usagef("what waits for %s would be dropped for good: write --yes where nobody can be asked", receiver)
	}
	fmt.Fprintf(os.Stderr, "What waits for %s is dropped for good. Type its name to go on: ", receiver)
	var typed string
	if _, _ = fmt.Fscanln(terminal, &typed); typed != receiver {
		return errors.New("nothing was dropped")
	}
	return nil
}

func addReceiversTest(receivers *kingpin.CmdClause, commands map[string]command) {
	c := receivers.Command("test", "Have the server send a test to a receiver. The exit status is 1 if it is not acknowledged.")
	server, output := addServerFlags(c), addOutputFlags(c)
	name := receiverArg(c, server)
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		return r.testReceiver(ctx, output.printer(), *name)
	}
}

// testAtServer has a server send the test, which has the engine and the state to do so.
func testAtServer(ctx context.Context, server *serverFlags, name, notification string) error {
	if notification != "" {
		return usagef("--type is for tests that are sent from here: leave --url out")
	}
	r, err := server.open()
	if err != nil {
		return err
	}
	return r.testReceiver(ctx, &printer{format: "table", out: os.Stdout}, name)
}

// testReceiver has the server send a test, and prints what became of it.
func (r *remote) testReceiver(ctx context.Context, p *printer, name string) error {
	var result api.TestResult
	raw, err := r.post(ctx, receiverPath(name)+"/test", nil, &result)
	if err != nil {
		return r.suggestReceiver(ctx, name, err)
	}
	reached := failed(!result.Sent || result.Problem != nil)
	if done, err := p.data(raw); done || err != nil {
		return firstOf(err, reached)
	}
	if _, err := fmt.Fprintf(p.out, "%s: %s\n", human.Visible(name), human.Visible(result.Text)); err != nil {
		return err
	}
	return reached
}
