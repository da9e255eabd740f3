package views

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trapline/internal/api"
	"trapline/internal/cli"
	"trapline/internal/human"
)

func addEvents(program *cli.Program) {
	c := program.App.Command("events", "Print what happened, the latest last: alarms raised and cleared, who was notified, targets that went down.").Alias("history")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	follow := c.Flag("follow", "Go on, and print what happens from now on.").Short('f').Bool()
	since := c.Flag("since", "How far back: a duration such as 2h, or a time as RFC 3339 has it.").PlaceHolder("TIME").String()
	limit := cli.CountOf(c.Flag("limit", "How many at most, the latest.").Short('n').Default("100"), 1)
	text := c.Arg("query", matcherHelp+"labels are those of the alarm, alertname, target, severity, resource, receiver, kind and reason. Others are words in the texts.").Strings()
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		from, err := parseSince(*since, time.Now())
		if err != nil {
			return err
		}
		query := selection(*text)
		if !from.IsZero() {
			query.Set("since", from.UTC().Format(time.RFC3339Nano))
		}
		printer := output.Printer()
		if *follow {
			r, err := server.Open()
			if err != nil {
				return err
			}
			query.Set("limit", strconv.Itoa(*limit))
			query.Set("follow", "1")
			return printEvents(ctx, r, printer, query)
		}
		more := false
		view := cli.View[[]api.Event]{
			Get: func(r *cli.Remote, list *[]api.Event) (raw json.RawMessage, err error) {
				if *list, more, err = readHistory(ctx, r, query, *limit); err != nil {
					return nil, err
				}
				return json.Marshal(*list)
			},
			Print: func(p *cli.Printer, _ *cli.Remote, list *[]api.Event) error {
				slices.Reverse(*list)
				return p.Grid(eventGrid(*list))
			},
			Note: func(list *[]api.Event) string {
				switch {
				case len(*list) == 0:
					return noneOf("no events", *text)
				case more:
					return fmt.Sprintf("the latest %s events are printed, and there are earlier ones: --limit prints more", human.Grouped(len(*list)))
				}
				return ""
			},
		}
		return view.ShowBy(server, printer)
	}
}

// matcherHelp begins the help of arguments that are matchers.
const matcherHelp = "LABEL=VALUE, LABEL!=VALUE, LABEL=~EXPRESSION or LABEL!~EXPRESSION, all of which must match; "

// isMatcher finds the arguments that are matchers: a label and an operator, or several in braces.
var isMatcher = regexp.MustCompile(`^(\{|[\pL_:][\pL\pN_:.-]*\s*(=|!=|=~|!~))`)

// selection is the query of the API for arguments: matchers, and words.
func selection(args []string) url.Values {
	query := url.Values{}
	var words []string
	for _, arg := range args {
		if isMatcher.MatchString(arg) {
			query.Add("match[]", arg)
		} else {
			words = append(words, arg)
		}
	}
	if len(words) > 0 {
		query.Set("q", strings.Join(words, " "))
	}
	return query
}

// inQuotes is a matcher with a value in quotation marks of the shell.
var inQuotes = regexp.MustCompile(`^([^=!]+(?:=|!=|=~|!~))'(.*)'$`)

// quotesHint says how to write matchers whose value has quotation marks that belong to it.
func quotesHint(args []string) string {
	for _, arg := range args {
		if m := inQuotes.FindStringSubmatch(arg); m != nil {
			return fmt.Sprintf(": the quotation marks ' belong to the value, write '%s\"%s\"'", m[1], m[2])
		}
	}
	return ""
}

// readHistory reads the latest entries of the journal, page by page, and reports whether there may be earlier ones.
func readHistory(ctx context.Context, r *cli.Remote, query url.Values, limit int) (list []api.Event, more bool, err error) {
	list = []api.Event{}
	query = maps.Clone(query)
	for {
		query.Set("limit", strconv.Itoa(limit-len(list)))
		var page api.History
		if _, err := r.Get(ctx, "/api/v1/history", query, &page); err != nil {
			return nil, false, err
		}
		list = append(list, page.Entries...)
		if page.Cursor == "" || len(list) >= limit {
			return list, page.Cursor != "", nil
		}
		query.Set("cursor", page.Cursor)
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
		return at, cli.Usagef("--since %.100q: write a duration such as 2h or 3d, or a time such as %s", text, now.UTC().Format(time.RFC3339))
	}
	return at, nil
}

// printEvents prints events as they come. JSON is one event a line.
func printEvents(ctx context.Context, r *cli.Remote, p *cli.Printer, query url.Values) error {
	header := true
	return r.Stream(ctx, cli.Call{Path: "/api/v1/history", Query: query}, func(line []byte) error {
		if p.Format == "json" {
			_, err := io.WriteString(p.Out, cli.Harmless(string(line))+"\n")
			return err
		}
		var e api.Event
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("an event is no JSON: %w", err)
		}
		if p.Format == "csv" {
			g := eventGrid([]api.Event{e})
			defer func() { header = false }()
			return p.CsvRows(g, header)
		}
		_, err := fmt.Fprintln(p.Out, styledEvent(p, &e))
		return err
	})
}

// styledEvent is eventLine in the color of its kind.
func styledEvent(p *cli.Printer, e *api.Event) string {
	return p.Styled(human.Visible(eventLine(e)), kindStyle(e.Kind))
}

// eventLine writes an event in one line, with columns of fixed widths.
func eventLine(e *api.Event) string {
	return strings.TrimRight(fmt.Sprintf("%-8s  %-12s  %-13s  %s", human.Moment(e.At), strings.ReplaceAll(e.Kind, "_", " "), e.Severity, eventText(e)), " ")
}

// eventText returns the text of an event.
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
	if words := e.Words(); words != "" {
		text += ": " + words
	}
	return strings.TrimPrefix(text, ": ")
}

func kindStyle(kind string) cli.Style {
	switch kind {
	case "raised", "given_up":
		return cli.Bad
	case "cleared", "acknowledged":
		return cli.Good
	}
	return cli.Plain
}

func eventGrid(list []api.Event) *cli.Grid {
	g := &cli.Grid{Columns: []cli.Column{
		{Name: "at"}, {Name: "kind"}, {Name: "severity"}, {Name: "target"}, {Name: "rule"}, {Name: "receiver"}, {Name: "took", Right: true}, {Name: "tries", Wide: true, Right: true},
		{Name: "resource", Wide: true}, {Name: "alarm", Wide: true}, {Name: "event", Wide: true}, {Name: "seq", Wide: true},
		{Name: "member", Wide: !slices.ContainsFunc(list, func(e api.Event) bool { return e.Member != "" })}, {Name: "text"},
	}}
	for i := range list {
		e := &list[i]
		g.Add(cli.TimeCell(e.At), cli.Item{Text: strings.ReplaceAll(e.Kind, "_", " "), Exact: e.Kind, Style: kindStyle(e.Kind)}, severityCell(e.Severity), cli.Item{Text: e.Target, Style: cli.Bold}, cli.Item{Text: e.Rule}, cli.Item{Text: e.Receiver},
			cli.Seconds(e.Millis/1000), cli.Number(e.Tries), cli.Item{Text: e.Resource}, cli.Item{Text: e.Alarm}, cli.Item{Text: e.Event}, cli.Item{Text: strconv.FormatUint(e.Seq, 10)}, cli.Item{Text: e.Member}, cli.Item{Text: e.Words()})
	}
	return g
}
