package views

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/rules/expression"
)

func addWhy(program *cli.Program) {
	c := program.App.Command("why", "Say why a metric of a target is missing; without a metric, how far the device answers, which tables it has, and which metrics are missing; -o wide says where each metric comes from. The exit status is 1 if something is.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	live := c.Flag("live", "Have the server ask the device for the answer.").Bool()
	name := cli.TargetArg(c, server)
	metric := c.Arg("metric", "Name of the metric, such as ifHCInOctets, or the selector of a series, such as 'ifOperStatus{ifIndex=\"3\"}'.").HintAction(cli.ObjectNames).String()
	row := c.Arg("row", "Labels of the row, such as ifName=Gi1/0/7.").String()
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		about, err := askedFor(*name, *metric, *row)
		if err != nil {
			return err
		}
		view := cli.View[api.Why]{
			Get: func(r *cli.Remote, w *api.Why) (json.RawMessage, error) { return askWhy(ctx, r, about, *live, w) },
			Print: func(p *cli.Printer, _ *cli.Remote, w *api.Why) error {
				switch {
				case p.Format == "csv" && *metric == "":
					return p.Grid(absenceGrid(w.Missing))
				case p.Format == "csv":
					return p.Grid(stepGrid(w.Steps))
				}
				return printWhy(p, w)
			},
			Failed: isMissing,
		}
		return view.Show(server, output)
	}
}

// askedFor reads the metric in question. A metric with labels behind it names the row too, as a selector of PromQL.
func askedFor(target, metric, row string) (*api.Why, error) {
	about := &api.Why{Target: target, Metric: metric, Row: row}
	if !strings.Contains(metric, "{") {
		return about, nil
	}
	if row != "" {
		return nil, cli.Usagef("%s names a row, and so does %s: write one of them", metric, row)
	}
	name, labels, err := expression.ParseSeries(metric)
	if err != nil {
		return nil, cli.Usage(err)
	}
	var pairs []string
	for _, l := range labels {
		switch {
		case l.Name != poller.TargetLabel:
			pairs = append(pairs, l.Name+"="+strconv.Quote(l.Value))
		case l.Value != target:
			return nil, cli.Usagef("%s selects target %s, and %s is asked about: name one of them", metric, l.Value, target)
		}
	}
	about.Metric, about.Row = name, strings.Join(pairs, ",")
	return about, nil
}

// isMissing reports whether the metric in question is missing. Without a metric, an object that the device does not have or a
// filter leaves out is no fault.
func isMissing(w *api.Why) bool {
	if w.Metric != "" {
		return !w.There
	}
	return w.Reason != "" || slices.ContainsFunc(w.Missing, func(a api.Absence) bool { return a.Kind != "absent" && a.Kind != "filtered" })
}

// askWhy asks about a metric, by a request to the device where that is wanted.
func askWhy(ctx context.Context, r *cli.Remote, about *api.Why, live bool, into *api.Why) (json.RawMessage, error) {
	path, query := cli.TargetPath(about.Target)+"/why", url.Values{"metric": {about.Metric}, "row": {about.Row}}
	var raw json.RawMessage
	var err error
	if live {
		ctx, cancel := context.WithTimeout(ctx, cli.ActionTime)
		defer cancel()
		raw, err = r.Do(ctx, cli.Call{Method: http.MethodPost, Path: path, Query: query, Body: map[string]string{"metric": about.Metric, "row": about.Row}}, into)
	} else {
		raw, err = r.Get(ctx, path, query, into)
	}
	return raw, r.Suggesting(ctx, about.Target, err)
}

// printWhy writes the verdict, the steps that fail, and the remedy; with -o wide all steps.
func printWhy(p *cli.Printer, w *api.Why) error {
	fmt.Fprintln(p.Out, p.Styled(human.Visible(w.Verdict), cli.Bold))
	said := false
	for i := range w.Steps {
		s := &w.Steps[i]
		said = said || s.State == "failed" && s.Text == w.Reason
		if p.Format == "wide" {
			p.Step(s)
		} else if s.State == "failed" {
			fmt.Fprintf(p.Out, "  %s: %s\n", human.Visible(s.Name), human.Visible(s.Text))
		}
	}
	for _, text := range []string{w.Reason, w.Remedy} {
		if text != "" && (text == w.Remedy || !said) {
			fmt.Fprintf(p.Out, "  %s\n", human.Visible(text))
		}
	}
	if w.Source != nil {
		printSource(p, w.Source)
	}
	if w.Device != nil {
		if err := printDevice(p, w); err != nil {
			return err
		}
	}
	if len(w.Missing) == 0 {
		return nil
	}
	if w.Device != nil {
		fmt.Fprintln(p.Out)
	}
	return p.Grid(absenceGrid(w.Missing))
}

// printSource writes the value of a row, and where its labels come from.
func printSource(p *cli.Printer, s *api.Source) {
	fmt.Fprintln(p.Out)
	p.Field("Series", fmt.Sprintf("%s{%s} %s%s", human.Visible(s.Metric), human.Visible(s.Labels), s.Value, prefixed("; the device sent ", s.Raw)))
	p.Field("Value", human.Visible(s.Object)+", "+readWords(s.Read, s.Due))
	for _, from := range s.From {
		text := "of the index"
		if from.Object != "" {
			text = "of " + human.Visible(from.Object) + ", " + readWords(from.Read, from.Due)
		}
		p.Field("Label", human.Visible(from.Label)+" "+text)
	}
}

// readWords says how old something is that was read.
func readWords(read, due time.Time) string {
	text := "read " + human.SinceWords(read)
	if !due.IsZero() {
		text += ", carried, due in " + human.Duration(max(time.Until(due), 0))
	}
	return text
}

// printDevice writes how far the device answers, and its tables; with -o wide its modules, and where each metric comes from.
func printDevice(p *cli.Printer, w *api.Why) error {
	d := w.Device
	fmt.Fprintln(p.Out)
	p.Field("Device", strings.Join(slices.DeleteFunc([]string{d.Address, "auth " + d.Auth, prefixed("engine ", d.EngineID)}, func(s string) bool { return s == "" }), ", "))
	for i := range d.Ladder {
		p.Step(&d.Ladder[i])
	}
	p.Field("Profile", d.Profile)
	if !w.Poll.IsZero() {
		p.Field("Poll", fmt.Sprintf("%s, took %s, %s, %s retransmitted, window %s", human.SinceWords(w.Poll), human.Span(d.Duration), human.Counted(d.Packets, "packet"), human.Percent(d.Loss), human.Trimmed(d.Window, 3)))
	}
	if len(d.Tables) > 0 {
		fmt.Fprintln(p.Out)
		if err := p.Grid(rowsGrid(d.Tables)); err != nil {
			return err
		}
	}
	if p.Format != "wide" || len(d.Metrics) == 0 {
		return nil
	}
	fmt.Fprintln(p.Out)
	if err := p.Grid(modulesGrid(d.Modules)); err != nil {
		return err
	}
	fmt.Fprintln(p.Out)
	return p.Grid(sourceGrid(d.Metrics))
}

func modulesGrid(list []api.DeviceModule) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{{Name: "module"}, {Name: "packets", Right: true}, {Name: "retransmitted", Right: true}, {Name: "values", Right: true}, {Name: "time", Right: true}}}
	for i := range list {
		m := &list[i]
		g.Add(cli.Item{Text: m.Name, Style: cli.Bold}, cli.Number(m.Packets), cli.Number(m.Retransmitted), cli.Number(m.Values), cli.Item{Text: human.Span(m.Duration)})
	}
	return g
}

func prefixed(prefix, text string) string {
	if text == "" {
		return ""
	}
	return prefix + text
}

func rowsGrid(list []api.DeviceRows) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{{Name: "table"}, {Name: "rows", Right: true}, {Name: "read"}, {Name: "state"}, {Name: "text"}}}
	for i := range list {
		t := &list[i]
		state := cli.Item{Text: t.State}
		if t.State == "partial" {
			state.Style = cli.Bad
		}
		read := cli.TimeCell(t.Read)
		if read.Text != "" {
			read.Text = human.SinceWords(t.Read)
		}
		if !t.Due.IsZero() {
			state.Text += ", due in " + human.Duration(max(time.Until(t.Due), 0))
		}
		g.Add(cli.Item{Text: t.Name, Style: cli.Bold}, cli.Number(t.Rows), read, state, cli.Item{Text: t.Text})
	}
	return g
}

func sourceGrid(list []api.Source) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{{Name: "metric"}, {Name: "module"}, {Name: "series", Right: true}, {Name: "value", Right: true}, {Name: "labels"}, {Name: "labels from"}, {Name: "object"}}}
	for i := range list {
		s := &list[i]
		g.Add(cli.Item{Text: s.Metric, Style: cli.Bold}, cli.Item{Text: s.Module}, cli.Number(s.Series), cli.Item{Text: s.Value}, cli.Item{Text: s.Labels}, cli.Item{Text: fromWords(s.From)}, cli.Item{Text: s.Object})
	}
	return g
}

// fromWords says of which objects labels are, and how old they are.
func fromWords(list []api.LabelSource) string {
	var texts []string
	for _, from := range list {
		if from.Object != "" {
			texts = append(texts, fmt.Sprintf("%s of %s, %s", from.Label, from.Object, human.SinceWords(from.Read)))
		}
	}
	return strings.Join(texts, "; ")
}

func absenceGrid(list []api.Absence) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{{Name: "kind"}, {Name: "metric"}, {Name: "module"}, {Name: "remedy", Wide: true}, {Name: "text"}}}
	for i := range list {
		a := &list[i]
		kind := cli.Item{Text: a.Kind, Style: cli.Bad}
		if a.Kind == "absent" || a.Kind == "filtered" {
			kind.Style = cli.Faint
		}
		g.Add(kind, cli.Item{Text: a.Metric, Style: cli.Bold}, cli.Item{Text: a.Module}, cli.Item{Text: a.Remedy}, cli.Item{Text: a.Text})
	}
	return g
}

func stepGrid(steps []api.Step) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{{Name: "step"}, {Name: "state"}, {Name: "text"}}}
	for _, s := range steps {
		g.Add(cli.Words(s.Name, s.State, s.Text)...)
	}
	return g
}
