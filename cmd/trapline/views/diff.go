package views

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"trapline/internal/cli"
	"trapline/internal/human"
)

func addDiff(program *cli.Program) {
	c := program.App.Command("diff", "Compare the series of two exporters: names, labels, types, and the values of those that do not move. The exit status is 1 if they differ.")
	server, output := cli.AddServerFlags(c), cli.AddOutputFlags(c)
	urls := [2]*string{
		c.Arg("first", "URL of the metrics of the first, such as 'http://localhost:9116/snmp?target=192.0.2.1'.").Required().String(),
		c.Arg("second", "URL of the metrics of the second.").Required().String(),
	}
	program.Commands[c.FullCommand()] = func(ctx context.Context, _ *slog.Logger) error {
		view := cli.View[comparison]{
			Get:    func(r *cli.Remote, c *comparison) (json.RawMessage, error) { return c.read(ctx, r, *urls[0], *urls[1]) },
			Print:  func(p *cli.Printer, _ *cli.Remote, c *comparison) error { return printDifferences(p, c.differences) },
			Note:   (*comparison).counts,
			Failed: func(c *comparison) bool { return len(c.differences) > 0 },
		}
		return view.Show(server, output)
	}
}

// comparison is how the series of two exporters differ.
type comparison struct {
	series      [2]int
	differences []change
}

// read scrapes the exporters: the first before and after the second, as a value that is the same then does not move.
func (c *comparison) read(ctx context.Context, r *cli.Remote, first, second string) (json.RawMessage, error) {
	var scrapes [3]samples
	for i, address := range []string{first, second, first} {
		var err error
		if scrapes[i], err = scrape(ctx, r, address); err != nil {
			return nil, err
		}
	}
	c.series = [2]int{len(scrapes[0]), len(scrapes[1])}
	c.differences = compare(scrapes[0], scrapes[1], scrapes[2])
	return json.Marshal(c.differences)
}

func (c *comparison) counts() string {
	return fmt.Sprintf("%s series and %s series: %s differences", human.Grouped(c.series[0]), human.Grouped(c.series[1]), human.Grouped(len(c.differences)))
}

// samples are the samples of an exposition: type and value by name and labels.
type samples map[string]sample

type sample struct{ kind, value string }

// scrape reads an exposition, with the authentication of the flags.
func scrape(ctx context.Context, r *cli.Remote, address string) (samples, error) {
	u, err := cli.ServerURL(address)
	if err != nil {
		return nil, cli.Usagef("%q is not a URL: write one such as %s/metrics", address, cli.DefaultServer)
	}
	ctx, cancel := context.WithTimeout(ctx, cli.ActionTime)
	defer cancel()
	from := &cli.Remote{Base: u, HTTP: r.HTTP}
	response, err := from.Send(ctx, cli.Call{URL: u})
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body := io.LimitReader(response.Body, cli.MaxAnswer)
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(body, 300))
		return nil, fmt.Errorf("%s answers %s: %s", u.Redacted(), response.Status, human.Visible(strings.TrimSpace(string(text))))
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(body)
	if err != nil {
		return nil, fmt.Errorf("%s: no metrics as text: %w", u.Redacted(), err)
	}
	return samplesOf(families), nil
}

func samplesOf(families map[string]*dto.MetricFamily) samples {
	s := samples{}
	for _, family := range families {
		for _, m := range family.Metric {
			slices.SortFunc(m.Label, func(a, b *dto.LabelPair) int { return strings.Compare(a.GetName(), b.GetName()) })
			var b strings.Builder
			one := &dto.MetricFamily{Name: family.Name, Type: family.Type, Metric: []*dto.Metric{m}}
			if _, err := expfmt.MetricFamilyToText(&b, one); err != nil {
				continue // it has no name
			}
			for line := range strings.Lines(b.String()) {
				at := strings.LastIndexByte(line, ' ')
				if !strings.HasPrefix(line, "#") && at > 0 {
					s[line[:at]] = sample{strings.ToLower(family.GetType().String()), strings.TrimSpace(line[at:])}
				}
			}
		}
	}
	return s
}

// change is a difference between two exporters.
type change struct {
	What   string `json:"what"`
	Series string `json:"series"`
	First  string `json:"first"`
	Second string `json:"second"`
}

// compare returns the differences, by series. After is the first exporter once more.
func compare(first, second, after samples) []change {
	list := []change{}
	for _, name := range slices.Sorted(maps.Keys(first)) {
		a := first[name]
		b, there := second[name]
		switch {
		case !there:
			list = append(list, change{"only in the first", name, a.value, ""})
		case a.kind != b.kind:
			list = append(list, change{"type", name, a.kind, b.kind})
		case a.value != b.value && after[name].value == a.value:
			list = append(list, change{"value", name, a.value, b.value})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(second)) {
		if _, there := first[name]; !there {
			list = append(list, change{"only in the second", name, "", second[name].value})
		}
	}
	return list
}

// printDifferences writes a line for each.
func printDifferences(p *cli.Printer, list []change) error {
	g := &cli.Grid{Columns: []cli.Column{{Name: "what"}, {Name: "first", Right: true}, {Name: "second", Right: true}, {Name: "series"}}}
	for _, d := range list {
		g.Add(cli.Words(d.What, d.First, d.Second, d.Series)...)
	}
	if len(list) == 0 && p.Format != "csv" {
		return nil
	}
	return p.Grid(g)
}
