package views

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
	"trapline/internal/mute"
	"trapline/internal/setting"
)

// sortWords are the values of --sort, with the API's names.
var sortWords = map[string]string{"slow": "-duration", "loss": "-loss", "age": "-age", "series": "-series"}

func addTargets(program *cli.Program) {
	targets := program.App.Command("targets", "List the targets of the server, the worst first, and the lists that they come from.")
	addTargetsList(program, targets)
	addLists(program, targets)
	addAccept(program, targets)
}

func addTargetsList(program *cli.Program, targets *kingpin.CmdClause) {
	c := targets.Command("list", "List the targets of the server, the worst first (the default).").Default()
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	down := c.Flag("down", "Only those that are down.").Bool()
	sort := c.Flag("sort", "What to begin with: slow polls, loss, age of the last poll, or many series.").Enum(slices.Sorted(maps.Keys(sortWords))...)
	limit := cli.CountOf(c.Flag("limit", "How many at most; 0 means all.").Default("0"), 0)
	text := c.Arg("matcher", "As of silences, such as site=berlin or target=~\"core-.*\": of labels, name, address, state, up, profile, vendor, module, reason and auth. Others are words in name, address, sysName and labels.").HintAction(func() []string { return matcherHints }).Strings()
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		words, err := queryOf(*text)
		if err != nil {
			return err
		}
		q := api.TargetQuery{Text: words, Sort: sortWords[*sort], Limit: *limit}
		if *down {
			q.Text = strings.TrimSpace(q.Text + " state=down")
		}
		view := cli.View[api.TargetList]{
			Get: func(r *cli.Remote, list *api.TargetList) (raw json.RawMessage, err error) {
				*list, raw, err = r.Targets(ctx, q)
				return raw, err
			},
			Print: func(p *cli.Printer, r *cli.Remote, list *api.TargetList) error {
				if len(list.Targets) == 0 {
					fmt.Fprintln(os.Stderr, noTargets(q.Text, *down)+quotesHint(*text)+labelsHint(ctx, r, *text))
				}
				if err := p.Grid(targetGrid(list.Targets)); err != nil || !p.Terminal {
					return err
				}
				fmt.Fprintln(os.Stderr, targetCounts(list.Counts))
				return nil
			},
		}
		return view.Show(server, output)
	}
}

// matcherHints begin the matchers that every target has a value for.
var matcherHints = []string{"address=", "auth=", "module=", "profile=", "reason=", "state=down", "state=partial", "state=unknown", "state=up", "state=waiting", "target=", "vendor="}

// labelsHint says which labels there are, if a matcher is of one that no target has. Of many targets only the first are looked at.
func labelsHint(ctx context.Context, r *cli.Remote, args []string) string {
	known := map[string]bool{"name": true, "up": true, "state": true}
	for _, hint := range matcherHints {
		name, _, _ := strings.Cut(hint, "=")
		known[name] = true
	}
	var labels []string
	for _, arg := range args {
		if name := strings.TrimSpace(strings.TrimRight(isMatcher.FindString(arg), "=!~")); name != "" && name != "{" && !known[name] {
			labels = append(labels, name)
		}
	}
	if len(labels) == 0 {
		return ""
	}
	all, _, err := r.Targets(ctx, api.TargetQuery{Limit: cli.TargetPage})
	if err != nil || len(all.Targets) == 0 {
		return ""
	}
	for i := range all.Targets {
		for name := range all.Targets[i].Labels {
			known[name] = true
		}
	}
	i := slices.IndexFunc(labels, func(name string) bool { return !known[name] })
	if i < 0 {
		return ""
	}
	names := slices.Sorted(maps.Keys(known))
	if question := setting.DidYouMean(labels[i], names); question != "" {
		return fmt.Sprintf(": no target has a label %s: %s", labels[i], question)
	}
	return fmt.Sprintf(": no target has a label %s: there are %s", labels[i], strings.Join(names, ", "))
}

// queryOf returns the query of words and matchers. Those in braces are taken apart as in PromQL.
func queryOf(texts []string) (string, error) {
	var list []string
	for _, text := range texts {
		if !strings.HasPrefix(text, "{") {
			list = append(list, text)
			continue
		}
		matchers, err := mute.Parse(text)
		if err != nil {
			return "", cli.Usage(err)
		}
		for _, m := range matchers {
			list = append(list, m.Name+m.Type.String()+`"`+m.Value+`"`)
		}
	}
	return strings.Join(list, " "), nil
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

func targetGrid(list []api.TargetSummary) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{
		{Name: "state"}, {Name: "target"}, {Name: "address"}, {Name: "kind"}, {Name: "last poll", Right: true}, {Name: "took", Right: true},
		{Name: "rtt", Right: true}, {Name: "loss", Right: true}, {Name: "series", Right: true}, {Name: "alarms", Right: true}, {Name: "baseline", Wide: true, Right: true},
		{Name: "since", Wide: true}, {Name: "sysname", Wide: true}, {Name: "interval", Wide: true, Right: true}, {Name: "window", Wide: true, Right: true},
		{Name: "outcomes", Wide: true}, {Name: "labels", Wide: true}, {Name: "reason", Wide: true}, {Name: "problem"},
	}}
	for i := range list {
		t := &list[i]
		why, problem := "", ""
		if t.Problem != nil {
			why, problem = t.Problem.Reason, t.Problem.Text
		}
		if t.Paused != "" {
			problem = strings.TrimSuffix("paused: "+t.Paused+"; "+problem, "; ")
		}
		polled := cli.TimeCell(t.LastPoll)
		if polled.Text != "" {
			polled.Text = human.Age(t.LastPoll)
		}
		g.Add(stateCell(t.State), cli.Item{Text: t.Name, Style: cli.Bold}, cli.Item{Text: t.Address}, cli.Item{Text: t.Kind}, polled, cli.Seconds(t.Duration),
			cli.Seconds(t.RTT), cli.Item{Text: human.Percent(t.Loss), Exact: cli.Exact(t.Loss)}, cli.Item{Text: human.Grouped(t.Series), Exact: strconv.Itoa(t.Series)}, cli.Number(t.Alarms), cli.Number(t.Baseline),
			cli.TimeCell(t.Since), cli.Item{Text: t.SysName}, cli.Seconds(t.Interval), cli.Item{Text: human.Trimmed(t.Window, 3), Exact: cli.Exact(t.Window)},
			cli.Item{Text: t.Outcomes}, cli.Item{Text: cli.LabelsText(t.Labels)}, cli.Item{Text: why}, cli.Item{Text: problem})
	}
	return g
}

// stateCell shows the state of a target.
func stateCell(s api.State) cli.Item {
	c := cli.Item{Text: string(s)}
	switch s {
	case api.Up:
		c.Mark, c.Style = "●", cli.Good
	case api.Partial:
		c.Mark, c.Style = "◆", cli.Fair
	case api.Down:
		c.Mark, c.Style = "▼", cli.Bad
	case api.Waiting:
		c.Mark, c.Style = "○", cli.Faint
	case api.Unknown:
		c.Mark, c.Style = "◇", cli.Fair
	}
	return c
}
