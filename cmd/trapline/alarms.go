package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/human"
)

// watchInterval is how often a list that is watched is asked for.
const watchInterval = 2 * time.Second

func addAlarms(app *kingpin.Application, commands map[string]command) {
	alarms := app.Command("alarms", "List alarms, and who was notified of them.")
	addAlarmsList(alarms, commands)
	addAlarmsShow(alarms, commands)
}

func addAlarmsList(alarms *kingpin.CmdClause, commands map[string]command) {
	c := alarms.Command("list", "List active alarms, the most urgent first (the default).").Default()
	server, output := addServerFlags(c), addOutputFlags(c)
	state := c.Flag("state", "Which alarms: raised, pending or cleared.").Default("raised").Enum("raised", "pending", "cleared")
	watch := c.Flag("watch", "Go on, and print the list whenever it changes.").Bool()
	text := c.Arg("query", "Words; KEY=VALUE for labels, severity, rule, target and receiver; baseline=true for those that are not sent because they were so in the first poll.").Strings()
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		p := output.printer()
		query := url.Values{"q": {strings.Join(*text, " ")}, "state": {*state}, "limit": {"10000"}}
		print := func() ([]byte, error) {
			var list []api.Alarm
			raw, err := r.get(ctx, "/api/v1/alarms", query, &list)
			if err != nil {
				return nil, err
			}
			return raw, p.alarms(raw, list)
		}
		if *watch {
			return p.watch(ctx, print)
		}
		raw, err := print()
		if err == nil && string(bytes.TrimSpace(raw)) == "[]" {
			none := map[string]string{"raised": "no alarms", "pending": "no pending alarms", "cleared": "no cleared alarms"}[*state]
			fmt.Fprintln(os.Stderr, noneOf(none, *text))
		}
		return err
	}
}

// noneOf says that there is nothing in a list, or nothing that a query selects.
func noneOf(none string, query []string) string {
	if len(query) == 0 {
		return none
	}
	return fmt.Sprintf("%s match %q", none, strings.Join(query, " "))
}

func (p *printer) alarms(raw json.RawMessage, list []api.Alarm) error {
	if done, err := p.data(raw); done || err != nil {
		return err
	}
	return p.grid(alarmGrid(list, p.terminal && p.format == "table"))
}

// watch prints again and again, what has changed; a terminal shows the last state alone.
func (p *printer) watch(ctx context.Context, print func() ([]byte, error)) error {
	out := p.out
	defer func() { p.out = out }()
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var shown []byte
	for {
		var b bytes.Buffer
		p.out = &b
		raw, err := print()
		if err != nil {
			return err
		}
		switch {
		case p.terminal:
			fmt.Fprintf(out, "\x1b[H\x1b[2J%s  every %s, Ctrl-C ends\n", time.Now().Format(time.TimeOnly), watchInterval)
			fallthrough
		case !bytes.Equal(raw, shown):
			if _, err := b.WriteTo(out); err != nil {
				return err
			}
		}
		shown = raw
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// shortID is how much of an ID is shown where room is scarce. alarms show takes it.
const shortID = 8

func alarmGrid(list []api.Alarm, short bool) *grid {
	g := &grid{columns: []column{
		{name: "severity"}, {name: "target"}, {name: "rule"}, {name: "resource", wide: true}, {name: "value", right: true}, {name: "since"},
		{name: "id"}, {name: "notified"}, {name: "labels", wide: true}, {name: "what"},
	}}
	for i := range list {
		a := &list[i]
		id := a.ID
		if short && len(id) > shortID {
			id = id[:shortID]
		}
		g.add(severityCell(a.Severity), item{text: a.Target, style: bold}, item{text: a.Rule}, item{text: a.Resource}, item{text: a.Value}, timeCell(a.Since),
			item{text: id, exact: a.ID}, item{text: notifiedText(a)}, item{text: labelsText(a.Labels)}, item{text: a.Text})
	}
	return g
}

func severityCell(severity string) item {
	styles := map[string]style{"critical": bad, "major": bad, "minor": fair, "warning": fair}
	return item{text: severity, style: styles[severity]}
}

// notSent is said of an alarm of a baseline.
const notSent = "not sent: was so in the first poll"

// notifiedText is who was notified, in few words.
func notifiedText(a *api.Alarm) string {
	if a.Baseline {
		return notSent
	}
	var parts []string
	for _, n := range a.Notified {
		text := n.Receiver + " " + n.State
		if n.Reason != "" {
			text += " (" + strings.ReplaceAll(n.Reason, "_", " ") + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func addAlarmsShow(alarms *kingpin.CmdClause, commands map[string]command) {
	c := alarms.Command("show", "Show one alarm: its life, and what each receiver knows of it.")
	server, output := addServerFlags(c), addOutputFlags(c)
	id := c.Arg("id", "ID of the alarm, or the first digits of it.").Required().String()
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		var a api.Alarm
		raw, err := r.alarm(ctx, *id, &a)
		if err != nil {
			return err
		}
		p := output.printer()
		if done, err := p.data(raw); done || err != nil {
			return err
		}
		if p.format == "csv" {
			return p.grid(alarmGrid([]api.Alarm{a}, false))
		}
		p.alarm(&a)
		return nil
	}
}

// alarm asks for an alarm by its ID or by the beginning of it.
func (r *remote) alarm(ctx context.Context, id string, into *api.Alarm) (json.RawMessage, error) {
	raw, err := r.get(ctx, "/api/v1/alarms/"+url.PathEscape(id), nil, into)
	var f *failure
	if !asUnknown(err, &f) {
		return raw, err
	}
	var list []api.Alarm
	if _, err := r.get(ctx, "/api/v1/alarms", url.Values{"limit": {"10000"}}, &list); err != nil {
		return nil, err
	}
	var found []string
	for _, a := range list {
		if strings.HasPrefix(a.ID, id) {
			found = append(found, a.ID)
		}
	}
	switch len(found) {
	case 0:
		return nil, usagef("no alarm %s at %s. trapline alarms lists them", id, r.base.Redacted())
	case 1:
		return r.get(ctx, "/api/v1/alarms/"+url.PathEscape(found[0]), nil, into)
	}
	return nil, usagef("%d alarms begin with %s: write more digits", len(found), id)
}

// alarm writes an alarm as a list.
func (p *printer) alarm(a *api.Alarm) {
	severity := severityCell(a.Severity)
	fmt.Fprintf(p.out, "%s  %s  %s\n", p.styled(severity.text, severity.style), p.styled(human.Visible(a.Target), bold), human.Visible(a.Text))
	p.field("State", a.State)
	p.field("Rule", a.Rule)
	p.field("Resource", a.Resource)
	p.field("Value", a.Value)
	p.field("Since", human.Moment(a.Since))
	p.field("Changed", human.Moment(a.Changed))
	p.field("Cleared", human.Moment(a.Cleared))
	p.field("Labels", labelsText(a.Labels))
	p.field("ID", a.ID)
	for _, n := range a.Notified {
		p.field("Notified", n.Receiver+" "+n.Text)
	}
	if a.Baseline {
		p.field("Notified", notSent)
	}
	for i := range a.Life {
		fmt.Fprintf(p.out, "  %s\n", human.Visible(eventLine(&a.Life[i])))
	}
}
