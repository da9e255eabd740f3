package app

import (
	"bytes"
	"cmp"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"trapline/config"
	"trapline/internal/client"
	"trapline/internal/cluster"
	"trapline/internal/listen"
	"trapline/internal/member"
	"trapline/internal/poller"
	"trapline/internal/programtest"
	"trapline/internal/relay"
	"trapline/internal/runtimeconfig"
	"trapline/internal/series"
)

func TestReferenceOfMetrics(t *testing.T) {
	r := &recorder{registry: prometheus.NewRegistry()}
	logger := slog.New(slog.DiscardHandler)
	newMetrics(r)
	client.NewMetrics(r)
	newLimits(r, &Options{})
	newReloader(nil, nil, r, logger)
	listen.New(listen.Options{Logger: logger, Registry: r})
	c := &config.Config{StateDir: t.TempDir()}
	notifier, err := openNotifier(c, nil, r, logger)
	if err != nil {
		t.Fatal(err)
	}
	defer notifier.close(logger)
	if _, err := newEvaluator(c, notifier, r, logger); err != nil {
		t.Fatal(err)
	}
	m, err := member.Open(member.Options{Settings: &cluster.Settings{Member: "127.0.66.9", Etcd: &cluster.Etcd{Endpoints: []string{"http://127.0.66.9:1"}}}, StateDir: t.TempDir(), Logger: logger,
		Running: func() *runtimeconfig.Config { return &runtimeconfig.Config{} }})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	r.MustRegister(m.Collector(), relay.New(relay.Options{}).Collector())
	ofCluster := func(m described) bool { return strings.HasPrefix(m.name, "trapline_cluster_") }
	var b bytes.Buffer
	b.WriteString("# Metrics\n\nMade by `make docs` from the program. Names that begin with `snmp_` are those of snmp_exporter.\n")
	b.WriteString("\n## About each target\n\nWith the label `target`, and in one scrape for all also the target's own labels.\n\n| metric | type | |\n|---|---|---|\n")
	for _, d := range sorted(poller.SelfDescs(), func(d *series.Desc) string { return d.Name }) {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", d.Name, typeWords[d.Type], programtest.Cell(d.Help))
	}
	b.WriteString("\n## About the process\n\n| metric | type | labels | |\n|---|---|---|---|\n")
	all := sorted(r.metrics, func(m described) string { return m.name })
	for _, m := range all {
		if !ofCluster(m) {
			b.WriteString(m.row())
		}
	}
	b.WriteString("\nBeside them there are `ALERTS` as Prometheus has it, `go_…`, `process_…` and `…_build_info`.\n")
	b.WriteString("\n## About the cluster\n\nOf each of its [members](../15-cluster.md).\n\n| metric | type | labels | |\n|---|---|---|---|\n")
	for _, m := range all {
		if ofCluster(m) {
			b.WriteString(m.row())
		}
	}
	programtest.WantReference(t, "metrics.md", b.String())
}

func sorted[T any](list []T, name func(T) string) []T {
	return slices.SortedFunc(slices.Values(list), func(a, b T) int { return strings.Compare(name(a), name(b)) })
}

// recorder registers metrics and notes how they are described.
type recorder struct {
	registry *prometheus.Registry
	metrics  []described
}

type described struct{ name, help, labels, kind string }

// row is one of a table.
func (d described) row() string {
	return fmt.Sprintf("| `%s` | %s | %s | %s |\n", d.name, d.kind, d.labels, programtest.Cell(d.help))
}

var descForm = regexp.MustCompile(`(?s)^Desc\{fqName: "(.*?)", help: (".*"), constLabels: \{.*?\}, variableLabels: \{(.*)\}\}$`)

func (r *recorder) Register(c prometheus.Collector) error {
	kinds := map[string]string{}
	for m := range collected(c) {
		var d dto.Metric
		if err := m.Write(&d); err != nil {
			return err
		}
		kinds[m.Desc().String()] = kindOf(&d)
	}
	descs := make(chan *prometheus.Desc)
	go func() {
		c.Describe(descs)
		close(descs)
	}()
	for d := range descs {
		form := descForm.FindStringSubmatch(d.String())
		if form == nil {
			return fmt.Errorf("a description of another form: %s", d)
		}
		help := ""
		if _, err := fmt.Sscanf(form[2], "%q", &help); err != nil {
			return err
		}
		r.metrics = append(r.metrics, described{form[1], help, strings.ReplaceAll(form[3], ",", ", "), cmp.Or(kinds[d.String()], kindByType(c))})
	}
	return r.registry.Register(c)
}

func collected(c prometheus.Collector) chan prometheus.Metric {
	found := make(chan prometheus.Metric)
	go func() {
		c.Collect(found)
		close(found)
	}()
	return found
}

func kindOf(d *dto.Metric) string {
	switch {
	case d.Counter != nil:
		return "counter"
	case d.Histogram != nil:
		return "histogram"
	}
	return "gauge"
}

// kindByType is the type of a metric that has no series yet.
func kindByType(c prometheus.Collector) string {
	switch c.(type) {
	case *prometheus.CounterVec:
		return "counter"
	case *prometheus.HistogramVec:
		return "histogram"
	}
	return "gauge"
}

func (r *recorder) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := r.Register(c); err != nil {
			panic(err)
		}
	}
}

func (r *recorder) Unregister(c prometheus.Collector) bool { return r.registry.Unregister(c) }

var typeWords = map[series.Type]string{series.Gauge: "gauge", series.Counter: "counter"}
