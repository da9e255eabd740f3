package main

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

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/human"
	"trapline/internal/poller"
	"trapline/internal/rules"
)

func addWhy(app *kingpin.Application, commands map[string]command) {
	c := app.Command("why", "Say why a metric of a target is missing; without a metric, what of the target is missing. The exit status is 1 if something is.")
	server, output := addServerFlags(c), addOutputFlags(c)
	live := c.Flag("live", "Have the server ask the device for the answer.").Bool()
	name := targetArg(c, server)
	metric := c.Arg("metric", "Name of the metric, such as ifHCInOctets, or the selector of a series, such as 'ifOperStatus{ifIndex=\"3\"}'.").HintAction(objectNames).String()
	row := c.Arg("row", "Labels of the row, such as ifName=Gi1/0/7.").String()
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		about, err := askedFor(*name, *metric, *row)
		if err != nil {
			return err
		}
		r, err := server.open()
		if err != nil {
			return err
		}
		p := output.printer()
		var w api.Why
		raw, err := r.why(ctx, about, *live, &w)
		if err != nil {
			return err
		}
		missing := failed(isMissing(&w))
		if done, err := p.data(raw); done || err != nil {
			return firstOf(err, missing)
		}
		if p.format == "csv" && *metric == "" {
			return firstOf(p.grid(absenceGrid(w.Missing)), missing)
		}
		if p.format == "csv" {
			return firstOf(p.grid(stepGrid(w.Steps)), missing)
		}
		return firstOf(p.why(&w), missing)
	}
}

// askedFor reads what is asked about. A metric with labels behind it names the row too, as a selector of PromQL.
func askedFor(target, metric, row string) (*api.Why, error) {
	about := &api.Why{Target: target, Metric: metric, Row: row}
	if !strings.Contains(metric, "{") {
		return about, nil
	}
	if row != "" {
		return nil, usagef("%s names a row, and so does %s: write one of them", metric, row)
	}
	name, labels, err := rules.ParseSeries(metric)
	if err != nil {
		return nil, usage(err)
	}
	var pairs []string
	for _, l := range labels {
		switch {
		case l.Name != poller.TargetLabel:
			pairs = append(pairs, l.Name+"="+strconv.Quote(l.Value))
		case l.Value != target:
			return nil, usagef("%s selects target %s, and %s is asked about: name one of them", metric, l.Value, target)
		}
	}
	about.Metric, about.Row = name, strings.Join(pairs, ",")
	return about, nil
}

// isMissing reports whether what was asked about is not there. Without a metric, what the device does not have or a
// filter leaves out is no fault.
func isMissing(w *api.Why) bool {
	if w.Metric != "" {
		return !w.There
	}
	return w.Reason != "" || slices.ContainsFunc(w.Missing, func(a api.Absence) bool { return a.Kind != "absent" && a.Kind != "filtered" })
}

// why asks about a metric, by a request to the device where that is wanted.
func (r *remote) why(ctx context.Context, about *api.Why, live bool, into *api.Why) (json.RawMessage, error) {
	path, query := targetPath(about.Target)+"/why", url.Values{"metric": {about.Metric}, "row": {about.Row}}
	var raw json.RawMessage
	var err error
	if live {
		u := r.base.JoinPath(path)
		u.RawQuery = query.Encode()
		ctx, cancel := context.WithTimeout(ctx, actionTime)
		defer cancel()
		raw, err = r.decoded(ctx, http.MethodPost, u, map[string]string{"metric": about.Metric, "row": about.Row}, into)
	} else {
		raw, err = r.get(ctx, path, query, into)
	}
	return raw, r.suggesting(ctx, about.Target, err)
}

// why writes the verdict, the steps that fail, and what to do; with -o wide all steps.
func (p *printer) why(w *api.Why) error {
	fmt.Fprintln(p.out, p.styled(human.Visible(w.Verdict), bold))
	said := false
	for i := range w.Steps {
		s := &w.Steps[i]
		said = said || s.State == "failed" && s.Text == w.Reason
		if p.format == "wide" {
			p.step(s)
		} else if s.State == "failed" {
			fmt.Fprintf(p.out, "  %s: %s\n", human.Visible(s.Name), human.Visible(s.Text))
		}
	}
	for _, text := range []string{w.Reason, w.Remedy} {
		if text != "" && (text == w.Remedy || !said) {
			fmt.Fprintf(p.out, "  %s\n", human.Visible(text))
		}
	}
	if len(w.Missing) == 0 {
		return nil
	}
	return p.grid(absenceGrid(w.Missing))
}

func absenceGrid(list []api.Absence) *grid {
	g := &grid{columns: []column{{name: "kind"}, {name: "metric"}, {name: "module"}, {name: "remedy", wide: true}, {name: "text"}}}
	for i := range list {
		a := &list[i]
		kind := item{text: a.Kind, style: bad}
		if a.Kind == "absent" || a.Kind == "filtered" {
			kind.style = faint
		}
		g.add(kind, item{text: a.Metric, style: bold}, item{text: a.Module}, item{text: a.Remedy}, item{text: a.Text})
	}
	return g
}

func stepGrid(steps []api.Step) *grid {
	g := &grid{columns: []column{{name: "step"}, {name: "state"}, {name: "text"}}}
	for _, s := range steps {
		g.add(words(s.Name, s.State, s.Text)...)
	}
	return g
}
