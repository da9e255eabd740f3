package unittest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"

	"trapline/internal/access"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
	"trapline/mibs"
	"trapline/mibs/smi"
)

// feed makes polls of targets from the input series of a test: one at each interval. A target does not answer if none
// of its series has a sample at that time, or if its trapline_target_up is 0.
type feed struct {
	start    time.Time
	interval time.Duration
	targets  []*poller.Target
	series   map[string][]inputRow // by target
	names    varbind.Names
}

// inputRow is an input series.
type inputRow struct {
	name   string
	labels []byte // rendered, without the target's
	object *mibs.Node
	index  snmp.OID // of the object, if its labels have it
	values []parser.SequenceValue
}

func newFeed(t *test, names varbind.Names) (*feed, error) {
	f := &feed{start: t.start(), interval: time.Duration(t.Interval), series: map[string][]inputRow{}, names: names}
	for _, s := range t.InputSeries {
		l, values, err := language.ParseSeriesDesc(s.Series + " " + s.Values)
		if err != nil {
			return nil, err
		}
		target := l.Get(poller.TargetLabel)
		if target == "" {
			return nil, fmt.Errorf("the series %s has no label target: each poll is of one target", s.Series)
		}
		one := inputRow{name: l.Get(model.MetricNameLabel), values: values}
		l.Range(func(l labels.Label) {
			if l.Name != model.MetricNameLabel && l.Name != poller.TargetLabel {
				one.labels = series.AppendLabel(one.labels, 0, l.Name, []byte(l.Value))
			}
		})
		if one.object = f.object(one.name); one.object != nil {
			one.index, _, _ = names.Index(one.object, l.Map())
		}
		if f.series[target] == nil {
			rendered := series.AppendLabel(nil, 0, poller.TargetLabel, []byte(target))
			f.targets = append(f.targets, &poller.Target{Name: target, Rendered: rendered, Interval: f.interval})
		}
		f.series[target] = append(f.series[target], one)
	}
	return f, nil
}

// polls returns the polls that begin at the nth interval. A target whose series have all ended has none.
func (f *feed) polls(n int) (reports []poller.Report) {
	for _, t := range f.targets {
		list := f.series[t.Name]
		if slices.ContainsFunc(list, func(s inputRow) bool { return n < len(s.values) }) {
			reports = append(reports, f.poll(t, list, n))
		}
	}
	return reports
}

var silent = &access.Error{Reason: access.Timeout, Err: errors.New("it has no samples")}

func (f *feed) poll(t *poller.Target, list []inputRow, n int) poller.Report {
	fares, device := newSetBuilder(), newSetBuilder()
	answered, up := false, -1.0
	for _, s := range list {
		if n >= len(s.values) || s.values[n].Omitted || value.IsStaleNaN(s.values[n].Value) {
			continue
		}
		v := s.values[n].Value
		answered = true
		switch {
		case s.name == upMetric:
			up = v
		case strings.HasPrefix(s.name, ownPrefix):
			fares.add(&s, v)
		default:
			device.add(&s, v)
		}
	}
	p := &poller.Pass{Start: f.start.Add(time.Duration(n) * f.interval), Up: answered && up != 0}
	if p.Up {
		p.Sets = []*series.Set{device.set}
		up = 1
	} else {
		p.Err, p.Errors = silent, []*access.Error{silent}
		up = 0
	}
	fares.add(&inputRow{name: upMetric}, up)
	return poller.Report{Target: t, Last: p, Health: fares.set}
}

// Series whose names begin with ownPrefix are about the target, and not of it.
const (
	ownPrefix = "trapline_target_"
	upMetric  = "trapline_target_up"
)

// object returns the MIB object that has the name of a metric, or nil.
func (f *feed) object(metric string) *mibs.Node {
	if f.names == nil {
		return nil
	}
	t, err := f.names()
	if err != nil {
		return nil
	}
	if i, err := t.Resolve(metric); err == nil && len(i.Index) == 0 {
		return i.Node
	}
	return nil
}

// setBuilder makes a set of single samples.
type setBuilder struct {
	set    *series.Set
	byName map[string]int
}

func newSetBuilder() *setBuilder { return &setBuilder{&series.Set{}, map[string]int{}} }

func (b *setBuilder) add(s *inputRow, v float64) {
	at, known := b.byName[s.name]
	if !known {
		at = len(b.set.Columns)
		b.byName[s.name] = at
		b.set.Columns = append(b.set.Columns, series.Column{Desc: s.describe(), Table: &series.Table{}})
	}
	c := &b.set.Columns[at]
	if s.index != nil && (!known || c.Table.IndexEnds != nil) {
		c.Table.Indexes = append(c.Table.Indexes, s.index...)
		c.Table.IndexEnds = append(c.Table.IndexEnds, uint32(len(c.Table.Indexes)))
	} else {
		c.Table.Indexes, c.Table.IndexEnds = nil, nil
	}
	c.Table.Labels = append(c.Table.Labels, s.labels...)
	c.Table.AddRow()
	c.Values = append(c.Values, v)
}

// describe returns the description of a series, a counter if the MIB object is one.
func (s *inputRow) describe() *series.Desc {
	d := &series.Desc{Name: s.name}
	if s.object != nil {
		d.Object = s.object.OID
		if s.object.Syntax.Type == smi.Counter || s.object.Syntax.Type == smi.Counter64 {
			d.Type = series.Counter
		}
	}
	if strings.HasSuffix(s.name, "_total") {
		d.Type = series.Counter
	}
	return d
}
