package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/notify"
)

// addOutbox asks the server that runs: the state directory is its alone.
func addOutbox(app *kingpin.Application, commands map[string]command) {
	c := app.Command("outbox", "Show and change what waits for receivers, at a server that runs.")
	base := c.Flag("url", "Where the server is.").Default("http://localhost:9116").String()
	list := c.Command("list", "Print what waits for receivers, and what was given up.")
	commands[list.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		body, err := ask(ctx, http.MethodGet, *base+"/api/v1/outbox")
		if err != nil {
			return err
		}
		var waiting []notify.Waiting
		if err := json.Unmarshal(body, &waiting); err != nil {
			return fmt.Errorf("%s: %w", *base, err)
		}
		printWaiting(os.Stdout, waiting)
		return nil
	}
	retry := c.Command("retry", "Send a receiver at once what waits for it, and again what was given up.")
	retried := retry.Arg("receiver", "Name of the receiver.").Required().String()
	commands[retry.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		_, err := ask(ctx, http.MethodPost, *base+"/api/v1/outbox/"+url.PathEscape(*retried)+"/retry")
		return err
	}
	drop := c.Command("drop", "Forget what waits for a receiver, and what was given up.")
	dropped := drop.Arg("receiver", "Name of the receiver.").Required().String()
	yes := drop.Flag("yes", "Do not ask.").Bool()
	commands[drop.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		if !*yes {
			if err := confirm(os.Stdin, *dropped); err != nil {
				return err
			}
		}
		_, err := ask(ctx, http.MethodPost, *base+"/api/v1/outbox/"+url.PathEscape(*dropped)+"/drop")
		return err
	}
}

// confirm has the user type the receiver's name, for what is forgotten is told to nobody.
func confirm(terminal *os.File, receiver string) error {
	info, err := terminal.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return fmt.Errorf("what waits for %s is forgotten for good: write --yes where nobody can be asked", receiver)
	}
	fmt.Fprintf(os.Stderr, "What waits for %s is forgotten for good. Type its name to go on: ", receiver)
	var typed string
	if _, _ = fmt.Fscanln(terminal, &typed); typed != receiver {
		return errors.New("nothing was forgotten")
	}
	return nil
}

func ask(ctx context.Context, method, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s: %s", address, response.Status, strings.TrimSpace(string(body)))
	}
	return body, err
}

func printWaiting(out io.Writer, list []notify.Waiting) {
	for _, w := range list {
		state := "works"
		if w.Failing {
			state = "fails, next try at " + w.RetryAt.Format(time.RFC3339)
		}
		fmt.Fprintf(out, "%s: %d waiting, %d given up; %s\n", w.Receiver, len(w.Events), len(w.Dead), state)
		for _, e := range w.Events {
			printEvent(out, "  ", &e)
		}
		for _, d := range w.Dead {
			printEvent(out, "  given up at "+d.At.Format(time.RFC3339)+" ("+d.Why+") ", &d.Event)
		}
	}
}

func printEvent(out io.Writer, before string, e *notify.Event) {
	fmt.Fprintf(out, "%s%s %s %s %s %s %q\n", before, e.At.Format(time.RFC3339), e.ID, e.Kind, e.Alarm.Rule, e.Alarm.Target, e.Alarm.Summary)
}
