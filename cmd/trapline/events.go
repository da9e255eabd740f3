package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/human"
)

func addEvents(app *kingpin.Application, commands map[string]command) {
	c := app.Command("events", "Print what happened, the latest last: alarms raised and cleared, who was notified, targets that went down.")
	server, output := addServerFlags(c), addOutputFlags(c)
	follow := c.Flag("follow", "Go on, and print what happens from now on.").Short('f').Bool()
	since := c.Flag("since", "How far back: a duration such as 2h, or a time as RFC 3339 has it.").PlaceHolder("TIME").String()
	limit := countOf(c.Flag("limit", "How many at most, the latest.").Short('n').Default("100"), 1)
	text := c.Arg("query", "Words; KEY=VALUE for kind, severity, rule, target and receiver.").Strings()
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		from, err := parseSince(*since, time.Now())
		if err != nil {
			return err
		}
		r, err := server.open()
		if err != nil {
			return err
		}
		query := url.Values{"q": {strings.Join(*text, " ")}, "limit": {strconv.Itoa(*limit)}}
		if !from.IsZero() {
			query.Set("since", from.UTC().Format(time.RFC3339))
		}
		if *follow {
			query.Set("follow", "1")
			return r.follow(ctx, output.printer(), query)
		}
		var list []api.Event
		raw, err := r.get(ctx, "/api/v1/events", query, &list)
		if err != nil {
			return err
		}
		p := output.printer()
		if done, err := p.data(raw); done || err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(os.Stderr, noneOf("no events", *text))
		}
		slices.SortFunc(list, func(a, b api.Event) int { return cmp.Compare(a.Seq, b.Seq) })
		return p.grid(eventGrid(list))
	}
}

// parseSince reads a duration before now, or a time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usagef("--since %.100q: write a duration such as 2h or 3d, or a time such as %s", text, now.UTC().Format(time.RFC3339))
	}
	return at, nil
}

// follow prints events as they come. JSON is one event a line.
func (r *remote) follow(ctx context.Context, p *printer, query url.Values) error {
	header := true
	return r.stream(ctx, http.MethodGet, "/api/v1/events", query, nil, func(line []byte) error {
		if p.format == "json" {
			_, err := io.WriteString(p.out, harmless(string(line))+"\n")
			return err
		}
		var e api.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("an event is no JSON: %w", err)
		}
		if p.format == "csv" {
			g := eventGrid([]api.Event{e})
			defer func() { header = false }()
			return p.csvRows(g, header)
		}
		_, err := fmt.Fprintln(p.out, p.eventLine(&e))
		return err
	})
}

// eventLine writes an event in one line, with columns of fixed widths.
func (p *printer) eventLine(e *api.Event) string {
	return p.styled(human.Visible(eventLine(e)), kindStyle(e.Kind))
}

func eventLine(e *api.Event) string {
	return strings.TrimRight(fmt.Sprintf("%-8s  %-12s  %-13s  %s", human.Moment(e.At), strings.ReplaceAll(e.Kind, "_", " "), e.Severity, eventText(e)), " ")
}

// eventText says what an event is about.
func eventText(e *api.Event) string {
	var parts []string
	resource := e.Resource
	if e.Text != "" || e.Receiver != "" {
		resource = "" // the text names it, or that of the raise before
	}
	for _, part := range []string{e.Target, e.Rule, e.Receiver, resource} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if e.Millis > 0 {
		parts = append(parts, human.Span(e.Millis/1000))
	}
	if e.Tries > 1 {
		parts = append(parts, fmt.Sprintf("%d tries", e.Tries))
	}
	text := strings.Join(parts, " ")
	if e.Text != "" {
		text += ": " + e.Text
	}
	return strings.TrimPrefix(text, ": ")
}

func kindStyle(kind string) style {
	switch kind {
	case "raised", "given_up":
		return bad
	case "cleared", "acknowledged":
		return good
	}
	return plain
}

func eventGrid(list []api.Event) *grid {
	g := &grid{columns: []column{
		{name: "at"}, {name: "kind"}, {name: "severity"}, {name: "target"}, {name: "rule"}, {name: "receiver"}, {name: "took", right: true}, {name: "tries", wide: true, right: true},
		{name: "resource", wide: true}, {name: "alarm", wide: true}, {name: "event", wide: true}, {name: "seq", wide: true}, {name: "text"},
	}}
	for i := range list {
		e := &list[i]
		g.add(timeCell(e.At), item{text: strings.ReplaceAll(e.Kind, "_", " "), exact: e.Kind, style: kindStyle(e.Kind)}, severityCell(e.Severity), item{text: e.Target, style: bold}, item{text: e.Rule}, item{text: e.Receiver},
			seconds(e.Millis/1000), number(e.Tries), item{text: e.Resource}, item{text: e.Alarm}, item{text: e.Event}, item{text: strconv.FormatUint(e.Seq, 10)}, item{text: e.Text})
	}
	return g
}
