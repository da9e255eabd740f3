package views

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
)

// watchInterval is how often a list that is watched is asked for.
const watchInterval = 2 * time.Second

func addAlarms(program *cli.Program) {
	alarms := program.App.Command("alarms", "List alarms, and who was notified of them.")
	addAlarmsList(program, alarms)
	addAlarmsShow(program, alarms)
	addAlarmsAck(program, alarms)
	addAlarmsClear(program, alarms)
}

func addAlarmsList(program *cli.Program, alarms *kingpin.CmdClause) {
	c := alarms.Command("list", "List active alarms, the most urgent first (the default).").Default()
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	state := c.Flag("state", "Which alarms: raised, pending or cleared.").Default("raised").Enum("raised", "pending", "cleared")
	watch := c.Flag("watch", "Go on, and print the list whenever it changes.").Bool()
	text := c.Arg("query", matcherHelp+"labels are those of the alarm and of its target, alertname, target, severity, resource, receiver, muted, acknowledged and baseline (true or false). Others are words in the texts.").Strings()
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		query := selection(*text)
		query.Set("state", *state)
		if *state == "cleared" {
			query.Set("limit", strconv.Itoa(maxCleared))
		}
		view := cli.View[[]api.Alarm]{
			Get: func(r *cli.Remote, list *[]api.Alarm) (json.RawMessage, error) {
				return r.Get(ctx, "/api/v1/alarms", query, list)
			},
			Print: func(p *cli.Printer, _ *cli.Remote, list *[]api.Alarm) error {
				return p.Grid(alarmGrid(*list, p.Terminal && p.Format == "table"))
			},
			Note: func(list *[]api.Alarm) string { return alarmsNote(*list, *state, *text) },
		}
		if *watch {
			return view.Watch(ctx, server, output, watchInterval)
		}
		return view.Show(server, output)
	}
}

// maxCleared is how many cleared alarms the API returns at most; of the others it returns all.
const maxCleared = 10_000

// alarmsNote says that a list of alarms is empty, or that it may not be complete.
func alarmsNote(list []api.Alarm, state string, query []string) string {
	switch {
	case len(list) == 0:
		return noneOf(map[string]string{"raised": "no alarms", "pending": "no pending alarms", "cleared": "no cleared alarms"}[state], query)
	case state == "cleared" && len(list) >= maxCleared:
		return fmt.Sprintf("the latest %s cleared alarms are listed, and there may be earlier ones: name the target or the rule of those that you look for", human.Grouped(len(list)))
	}
	return ""
}

// noneOf says that there is nothing in a list, or nothing that a query selects.
func noneOf(none string, query []string) string {
	if len(query) == 0 {
		return none
	}
	return fmt.Sprintf("%s match %q%s", none, strings.Join(query, " "), quotesHint(query))
}

// shortID is how much of an ID is shown where room is scarce. alarms show takes it.
const shortID = 8

func alarmGrid(list []api.Alarm, short bool) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{
		{Name: "severity"}, {Name: "target"}, {Name: "rule"}, {Name: "resource", Wide: true}, {Name: "value", Right: true}, {Name: "since"},
		{Name: "id"}, {Name: "notified"}, {Name: "labels", Wide: true}, {Name: "what"},
	}}
	for i := range list {
		a := &list[i]
		id := a.ID
		if short && len(id) > shortID {
			id = id[:shortID]
		}
		g.Add(severityCell(a.Severity), cli.Item{Text: a.Target, Style: cli.Bold}, cli.Item{Text: a.Rule}, cli.Item{Text: a.Resource}, cli.Item{Text: a.Value}, cli.TimeCell(a.Since),
			cli.Item{Text: id, Exact: a.ID}, cli.Item{Text: notifiedText(a)}, cli.Item{Text: cli.LabelsText(a.Labels)}, cli.Item{Text: a.Text})
	}
	return g
}

func severityCell(severity string) cli.Item {
	styles := map[string]cli.Style{"critical": cli.Bad, "major": cli.Bad, "minor": cli.Fair, "warning": cli.Fair}
	return cli.Item{Text: severity, Style: styles[severity]}
}

// notSent is said of an alarm of a baseline.
const notSent = "not sent: so since it was first polled"

// quietParts are why an alarm is quiet.
func quietParts(a *api.Alarm) (parts []string) {
	for _, reason := range a.Mutes {
		if kind, id, ok := strings.Cut(reason, " "); ok && kind == "silence" && len(id) > shortID {
			reason = kind + " " + id[:shortID]
		}
		parts = append(parts, "muted by "+reason)
	}
	if a.AckedBy != "" {
		parts = append(parts, "acknowledged by "+a.AckedBy)
	}
	return parts
}

// notifiedText is who was notified, in few words.
func notifiedText(a *api.Alarm) string {
	if a.Baseline {
		return notSent
	}
	parts := quietParts(a)
	for _, n := range a.Notified {
		text := n.Receiver + " " + n.State
		if n.Reason != "" {
			text += " (" + strings.ReplaceAll(n.Reason, "_", " ") + ")"
		} else if why, ok := strings.CutPrefix(n.Text, n.State+", "); ok {
			text += " (" + why + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func addAlarmsShow(program *cli.Program, alarms *kingpin.CmdClause) {
	c := alarms.Command("show", "Show one alarm: its life, and what each receiver knows of it.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	id := c.Arg("id", "ID of the alarm, or the first digits of it.").Required().String()
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		view := cli.View[api.Alarm]{
			Get: func(r *cli.Remote, a *api.Alarm) (json.RawMessage, error) { return findAlarm(ctx, r, *id, a) },
			Print: func(p *cli.Printer, _ *cli.Remote, a *api.Alarm) error {
				if p.Format == "csv" {
					return p.Grid(alarmGrid([]api.Alarm{*a}, false))
				}
				printAlarm(p, a)
				return nil
			},
		}
		return view.Show(server, output)
	}
}

// findAlarm asks for an alarm by its ID or by the beginning of it.
func findAlarm(ctx context.Context, r *cli.Remote, id string, into *api.Alarm) (json.RawMessage, error) {
	raw, err := r.Get(ctx, "/api/v1/alarms/"+url.PathEscape(id), nil, into)
	var f *cli.Failure
	if !cli.AsUnknown(err, &f) {
		return raw, err
	}
	var list []api.Alarm
	if _, err := r.Get(ctx, "/api/v1/alarms", nil, &list); err != nil {
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
		return nil, cli.Usagef("no alarm %s at %s. trapline alarms lists them", id, r.Base.Redacted())
	case 1:
		return r.Get(ctx, "/api/v1/alarms/"+url.PathEscape(found[0]), nil, into)
	}
	return nil, cli.Usagef("%d alarms begin with %s: write more digits", len(found), id)
}

// printAlarm writes an alarm as a list.
func printAlarm(p *cli.Printer, a *api.Alarm) {
	severity := severityCell(a.Severity)
	fmt.Fprintf(p.Out, "%s  %s  %s\n", p.Styled(severity.Text, severity.Style), p.Styled(human.Visible(a.Target), cli.Bold), human.Visible(a.Text))
	p.Field("State", a.State)
	p.Field("Rule", a.Rule)
	p.Field("Resource", a.Resource)
	p.Field("Value", a.Value)
	p.Field("Since", human.Moment(a.Since))
	p.Field("Changed", human.Moment(a.Changed))
	p.Field("Cleared", human.Moment(a.Cleared))
	p.Field("Labels", cli.LabelsText(a.Labels))
	p.Field("ID", a.ID)
	for _, reason := range a.Mutes {
		p.Field("Muted", "by "+reason)
	}
	if a.AckedBy != "" {
		by := "by " + a.AckedBy + " " + human.Moment(a.AckedAt)
		if !a.AckedUntil.IsZero() {
			by += " until " + human.Moment(a.AckedUntil)
		}
		if a.AckedSticky {
			by += ", also when it gets worse"
		}
		p.Field("Acknowledged", strings.TrimSuffix(by+": "+a.AckComment, ": "))
	}
	for _, n := range a.Notified {
		p.Field("Notified", n.Receiver+" "+n.Text)
	}
	if a.Baseline {
		p.Field("Notified", notSent)
	}
	for i := range a.Life {
		fmt.Fprintf(p.Out, "  %s\n", human.Visible(eventLine(&a.Life[i])))
	}
}
