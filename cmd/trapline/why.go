package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
)

func addWhy(app *kingpin.Application, commands map[string]command) {
	c := app.Command("why", "Say why a metric of a target is missing; without a metric, what of the target is missing. The exit status is 1 if something is.")
	server, output := addServerFlags(c), addOutputFlags(c)
	live := c.Flag("live", "Have the server ask the device for the answer.").Bool()
	name := targetArg(c, server)
	metric := c.Arg("metric", "Name of the metric, such as ifHCInOctets.").HintAction(objectNames).String()
	row := c.Arg("row", "Labels of the row, such as ifName=Gi1/0/7.").String()
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		p := output.printer()
		if *metric == "" && !*live {
			return r.whatIsMissing(ctx, p, *name)
		}
		var w api.Why
		raw, err := r.why(ctx, &api.Why{Target: *name, Metric: *metric, Row: *row}, *live, &w)
		if err != nil {
			return err
		}
		missing := failed(slices.ContainsFunc(w.Steps, func(s api.Step) bool { return s.State == "failed" }))
		if done, err := p.data(raw); done || err != nil {
			return firstOf(err, missing)
		}
		if p.format == "csv" {
			return firstOf(p.grid(stepGrid(w.Steps)), missing)
		}
		p.why(&w)
		return missing
	}
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
func (p *printer) why(w *api.Why) {
	fmt.Fprintln(p.out, p.styled(visible(w.Verdict), bold))
	if w.Reason != "" && w.Reason != w.Verdict {
		fmt.Fprintf(p.out, "  %s\n", visible(w.Reason))
	}
	for i := range w.Steps {
		if p.format == "wide" {
			p.step(&w.Steps[i])
		} else if s := &w.Steps[i]; s.State == "failed" {
			fmt.Fprintf(p.out, "  %s: %s\n", visible(s.Name), visible(s.Text))
		}
	}
	if w.Remedy != "" {
		fmt.Fprintf(p.out, "  %s\n", visible(w.Remedy))
	}
}

func stepGrid(steps []api.Step) *grid {
	g := &grid{columns: []column{{name: "step"}, {name: "state"}, {name: "text"}}}
	for _, s := range steps {
		g.add(words(s.Name, s.State, s.Text)...)
	}
	return g
}

// whatIsMissing prints the problems of the last poll: what is absent or partial.
func (r *remote) whatIsMissing(ctx context.Context, p *printer, name string) error {
	var t api.Target
	raw, err := r.target(ctx, name, &t)
	if err != nil {
		return err
	}
	missing := failed(t.State == api.Down || len(t.Problems) > 0)
	if p.format == "json" {
		var of struct {
			Problems json.RawMessage `json:"problems"`
		}
		if err := json.Unmarshal(raw, &of); err != nil {
			return err
		}
		_, err := p.data(of.Problems)
		return firstOf(err, missing)
	}
	if p.format == "csv" {
		return firstOf(p.grid(problemGrid(t.Problems)), missing)
	}
	if missing == nil {
		_, err := fmt.Fprintf(p.out, "%s: nothing is missing. %s\n", visible(t.Name), lastPoll(&t.TargetSummary))
		return err
	}
	p.problems(&t)
	for i := range t.Ladder {
		p.step(&t.Ladder[i])
	}
	return missing
}

func problemGrid(problems []api.Problem) *grid {
	g := &grid{columns: []column{{name: "reason"}, {name: "table"}, {name: "last"}, {name: "text"}, {name: "remedy"}}}
	for _, p := range problems {
		g.add(words(p.Reason, p.Table, p.Last, p.Text, p.Remedy)...)
	}
	return g
}
