package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/human"
)

// sortWords are what people sort by, as the API calls it.
var sortWords = map[string]string{"slow": "-duration", "loss": "-loss", "age": "-age", "series": "-series"}

func addTargets(app *kingpin.Application, commands map[string]command) {
	c := app.Command("targets", "List the targets of the server, the worst first.")
	server, output := addServerFlags(c), addOutputFlags(c)
	down := c.Flag("down", "Only those that are down.").Bool()
	sort := c.Flag("sort", "What to begin with: slow polls, loss, age of the last poll, or many series.").Enum(slices.Sorted(maps.Keys(sortWords))...)
	limit := countOf(c.Flag("limit", "How many at most; 0 means all.").Default("0"), 0)
	text := c.Arg("query", "Words in name, address, sysName and labels; KEY=VALUE for labels, state, module, reason and auth.").Strings()
	commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		r, err := server.open()
		if err != nil {
			return err
		}
		q := api.TargetQuery{Text: strings.Join(*text, " "), Sort: sortWords[*sort], Limit: *limit}
		if *down {
			q.Text = strings.TrimSpace(q.Text + " state=down")
		}
		list, raw, err := r.targets(ctx, q)
		if err != nil {
			return err
		}
		p := output.printer()
		if done, err := p.data(raw); done || err != nil {
			return err
		}
		if len(list.Targets) == 0 {
			fmt.Fprintln(os.Stderr, noTargets(q.Text, *down))
		}
		if err := p.grid(targetGrid(list.Targets)); err != nil || !p.terminal {
			return err
		}
		fmt.Fprintln(os.Stderr, targetCounts(list.Counts))
		return nil
	}
}

func noTargets(query string, down bool) string {
	if down && query == "state=down" {
		return "no target is down"
	}
	if query == "" {
		return "the server has no targets"
	}
	return fmt.Sprintf("no target matches %q", query)
}

// targetPage is how many targets are asked for at once.
const targetPage = 1000

// Targets asks for all targets that a query selects, up to its limit. It returns them as the API writes them, too.
func (r *remote) targets(ctx context.Context, q api.TargetQuery) (list api.TargetList, raw json.RawMessage, err error) {
	var all []json.RawMessage
	for {
		page := targetPage
		if q.Limit > 0 {
			page = min(page, q.Limit-len(all))
		}
		var part struct {
			Targets []json.RawMessage `json:"targets"`
			Matched int               `json:"matched"`
			Counts  api.TargetCounts  `json:"counts"`
		}
		query := url.Values{"q": {q.Text}, "sort": {q.Sort}, "limit": {strconv.Itoa(page)}, "offset": {strconv.Itoa(len(all))}}
		if _, err := r.get(ctx, "/api/v1/targets", query, &part); err != nil {
			return list, nil, err
		}
		all = append(all, part.Targets...)
		list.Matched, list.Counts = part.Matched, part.Counts
		if len(part.Targets) == 0 || len(all) >= part.Matched || q.Limit > 0 && len(all) >= q.Limit {
			break
		}
	}
	list.Targets = make([]api.TargetSummary, len(all))
	for i, one := range all {
		if err := json.Unmarshal(one, &list.Targets[i]); err != nil {
			return list, nil, err
		}
	}
	if all == nil {
		all = []json.RawMessage{}
	}
	raw, err = json.Marshal(struct {
		Targets []json.RawMessage `json:"targets"`
		Matched int               `json:"matched"`
		Counts  api.TargetCounts  `json:"counts"`
	}{all, list.Matched, list.Counts})
	return list, raw, err
}

func targetGrid(list []api.TargetSummary) *grid {
	g := &grid{columns: []column{
		{name: "state"}, {name: "target"}, {name: "address"}, {name: "kind"}, {name: "last poll", right: true}, {name: "took", right: true},
		{name: "rtt", right: true}, {name: "loss", right: true}, {name: "series", right: true}, {name: "alarms", right: true}, {name: "baseline", wide: true, right: true},
		{name: "since", wide: true}, {name: "sysname", wide: true}, {name: "interval", wide: true, right: true}, {name: "window", wide: true, right: true},
		{name: "outcomes", wide: true}, {name: "labels", wide: true}, {name: "reason", wide: true}, {name: "problem"},
	}}
	for i := range list {
		t := &list[i]
		why, problem := "", ""
		if t.Problem != nil {
			why, problem = t.Problem.Reason, t.Problem.Text
		}
		polled := timeCell(t.LastPoll)
		if polled.text != "" {
			polled.text = human.Age(t.LastPoll)
		}
		g.add(stateCell(t.State), item{text: t.Name, style: bold}, item{text: t.Address}, item{text: t.Kind}, polled, seconds(t.Duration),
			seconds(t.RTT), item{text: human.Percent(t.Loss), exact: exact(t.Loss)}, item{text: human.Grouped(t.Series), exact: strconv.Itoa(t.Series)}, number(t.Alarms), number(t.Baseline),
			timeCell(t.Since), item{text: t.SysName}, seconds(t.Interval), item{text: human.Trimmed(t.Window, 3), exact: exact(t.Window)},
			item{text: t.Outcomes}, item{text: labelsText(t.Labels)}, item{text: why}, item{text: problem})
	}
	return g
}

// stateCell shows the state of a target.
func stateCell(s api.State) item {
	c := item{text: string(s)}
	switch s {
	case api.Up:
		c.mark, c.style = "●", good
	case api.Partial:
		c.mark, c.style = "◆", fair
	case api.Down:
		c.mark, c.style = "▼", bad
	case api.Waiting:
		c.mark, c.style = "○", faint
	}
	return c
}

// seconds is a duration, empty where there is none.
func seconds(v float64) item {
	if v == 0 {
		return item{}
	}
	return item{text: human.Span(v), exact: exact(v)}
}

// number is a count, in a table empty where it is zero.
func number(n int) item {
	if n == 0 {
		return item{exact: "0"}
	}
	return item{text: human.Grouped(n), exact: strconv.Itoa(n)}
}

func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func labelsText(labels map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, name+"="+labels[name])
	}
	return strings.Join(parts, " ")
}
