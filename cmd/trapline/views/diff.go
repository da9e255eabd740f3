package views

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
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
		r, err := server.Open()
		if err != nil {
			return err
		}
		// The first is read before and after the second: a value that is the same then does not move.
		var scrapes [3]samples
		for i, at := range []int{0, 1, 0} {
			if scrapes[i], err = scrape(ctx, r, *urls[at]); err != nil {
				return err
			}
		}
		differences := compare(scrapes[0], scrapes[1], scrapes[2])
		p := output.Printer()
		if err := printDifferences(p, differences); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%s series and %s series: %s differences\n", human.Grouped(len(scrapes[0])), human.Grouped(len(scrapes[1])), human.Grouped(len(differences)))
		return cli.Failed(len(differences) > 0)
	}
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
	what, series, first, second string
}

// compare returns the differences, by series. After is the first exporter once more.
func compare(first, second, after samples) (list []change) {
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
	if p.Format == "json" {
		out := make([]map[string]string, len(list))
		for i, d := range list {
			out[i] = map[string]string{"what": d.what, "series": d.series, "first": d.first, "second": d.second}
		}
		raw, err := json.Marshal(out)
		if err != nil {
			return err
		}
		_, err = p.Data(raw)
		return err
	}
	g := &cli.Grid{Columns: []cli.Column{{Name: "what"}, {Name: "first", Right: true}, {Name: "second", Right: true}, {Name: "series"}}}
	for _, d := range list {
		g.Add(cli.Words(d.what, d.first, d.second, d.series)...)
	}
	if len(list) == 0 && p.Format != "csv" {
		return nil
	}
	return p.Grid(g)
}
