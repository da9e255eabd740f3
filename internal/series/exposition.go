package series

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"google.golang.org/protobuf/encoding/protowire"
)

// flushAt is the buffer size in octets at which an encoder writes.
const flushAt = 64 << 10

// Encoder writes series to w in one format. Its buffer can be reused by another encoder.
type Encoder struct {
	w      io.Writer
	format expfmt.FormatType
	scheme model.EscapingScheme
	buf    []byte
	family []byte // the protobuf family being built
	metric []byte
	err    error
}

// NewEncoder returns an encoder for a format that expfmt negotiated: text, OpenMetrics or delimited
// protobuf. All other formats are written as text.
func NewEncoder(w io.Writer, format expfmt.Format, buf []byte) *Encoder {
	return &Encoder{w: w, format: format.FormatType(), scheme: format.ToEscapingScheme(), buf: buf[:0]}
}

// Encode writes the series of groups, sorted by name.
func (e *Encoder) Encode(groups []Group) error {
	for _, refs := range byName(groups) {
		e.startFamily(refs[0].column.Desc)
		for _, r := range refs {
			if e.format == expfmt.TypeProtoDelim {
				e.protoColumn(r)
			} else {
				e.textColumn(r)
			}
		}
		if e.format == expfmt.TypeProtoDelim {
			e.buf = protowire.AppendBytes(e.buf, e.family)
		}
		e.flush(flushAt)
		if e.err != nil {
			break
		}
	}
	return e.err
}

// Close writes the end of the format and flushes the buffer. It does not close w. It returns the
// buffer for another encoder.
func (e *Encoder) Close() ([]byte, error) {
	if e.format == expfmt.TypeOpenMetrics {
		e.buf = append(e.buf, "# EOF\n"...)
	}
	e.flush(0)
	return e.buf, e.err
}

// flush writes the buffer, or discards it after an error.
func (e *Encoder) flush(above int) {
	if len(e.buf) <= above {
		return
	}
	if e.err == nil {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
}

type columnRef struct {
	labels []byte
	column *Column
}

// byName returns the non-empty columns, grouped by name.
func byName(groups []Group) [][]columnRef {
	index := map[string]int{}
	var families [][]columnRef
	for _, g := range groups {
		for _, s := range g.Sets {
			for i := range s.Columns {
				c := &s.Columns[i]
				if c.Len() == 0 {
					continue
				}
				at, ok := index[c.Desc.Name]
				if !ok {
					at = len(families)
					index[c.Desc.Name] = at
					families = append(families, nil)
				}
				families[at] = append(families[at], columnRef{g.Labels, c})
			}
		}
	}
	slices.SortFunc(families, func(a, b []columnRef) int {
		return strings.Compare(a[0].column.Desc.Name, b[0].column.Desc.Name)
	})
	return families
}

func (e *Encoder) startFamily(d *Desc) {
	name := model.EscapeName(d.Name, e.scheme)
	kind := "gauge"
	if d.Type == Counter {
		kind = "counter"
	}
	switch e.format {
	case expfmt.TypeProtoDelim:
		e.family = protoFamily(e.family[:0], name, d)
		return
	case expfmt.TypeOpenMetrics:
		// OpenMetrics requires the suffix _total for counters. A series has the same name in all
		// formats here, so other counters are of type unknown in OpenMetrics.
		if d.Type == Counter {
			if base, ok := strings.CutSuffix(name, "_total"); ok {
				name = base
			} else {
				kind = "unknown"
			}
		}
	}
	if !model.LegacyValidation.IsValidMetricName(name) {
		name = `"` + string(AppendEscaped(nil, []byte(name))) + `"`
	}
	e.buf = append(append(e.buf, "# HELP "...), name...)
	e.buf = append(e.appendHelp(append(e.buf, ' '), d.Help), '\n')
	e.buf = append(append(e.buf, "# TYPE "...), name...)
	e.buf = append(append(append(e.buf, ' '), kind...), '\n')
}

func (e *Encoder) appendHelp(b []byte, help string) []byte {
	help = strings.ToValidUTF8(help, "\uFFFD")
	for i := range len(help) {
		switch c := help[i]; {
		case c == '\\' || c == '\n' || (c == '"' && e.format == expfmt.TypeOpenMetrics):
			b = appendEscape(b, c)
		default:
			b = append(b, c)
		}
	}
	return b
}

// textColumn writes one line per sample: the common prefix, then labels and value.
func (e *Encoder) textColumn(r columnRef) {
	name := model.EscapeName(r.column.Desc.Name, e.scheme)
	head, labeled := []byte(name+"{"), false
	if !model.LegacyValidation.IsValidMetricName(name) {
		head, labeled = append(AppendEscaped([]byte(`{"`), []byte(name)), '"'), true
	}
	if len(r.labels) > 0 {
		head, labeled = appendPairs(head, r.labels, labeled), true
	}
	c, b := r.column, e.buf
	for i, v := range c.Values {
		start := len(b)
		b = append(b, head...)
		more := labeled
		if row := c.Table.Row(c.RowOf(i)); len(row) > 0 {
			b, more = appendPairs(b, row, more), true
		}
		if extra := c.ExtraOf(i); len(extra) > 0 {
			b, more = appendPairs(b, extra, more), true
		}
		if more {
			b = append(b, '}', ' ')
		} else {
			b = append(append(b[:start], name...), ' ')
		}
		b = append(appendFloat(b, v), '\n')
		if len(b) > flushAt {
			e.buf = b
			e.flush(flushAt)
			b = e.buf
		}
	}
	e.buf = b
}

func appendPairs(b, pairs []byte, comma bool) []byte {
	if comma {
		b = append(b, ',')
	}
	return append(b, pairs...)
}

// The field numbers of io.prometheus.client.MetricFamily, Metric, LabelPair, Gauge and Counter.
const (
	familyName, familyHelp, familyType, familyMetric = 1, 2, 3, 4
	metricLabel, metricGauge, metricCounter          = 1, 2, 3
	labelName, labelValue                            = 1, 2
	sampleValue                                      = 1

	protoCounter, protoGauge = 0, 1
)

func protoFamily(b []byte, name string, d *Desc) []byte {
	b = protowire.AppendString(protowire.AppendTag(b, familyName, protowire.BytesType), name)
	b = protowire.AppendTag(b, familyHelp, protowire.BytesType)
	b = protowire.AppendString(b, strings.ToValidUTF8(d.Help, "\uFFFD"))
	b = protowire.AppendTag(b, familyType, protowire.VarintType)
	if d.Type == Counter {
		return protowire.AppendVarint(b, protoCounter)
	}
	return protowire.AppendVarint(b, protoGauge)
}

func (e *Encoder) protoColumn(r columnRef) {
	c := r.column
	field := protowire.Number(metricGauge)
	if c.Desc.Type == Counter {
		field = metricCounter
	}
	for i, v := range c.Values {
		m := e.metric[:0]
		m = protoLabels(m, r.labels)
		m = protoLabels(m, c.Table.Row(c.RowOf(i)))
		m = protoLabels(m, c.ExtraOf(i))
		m = protowire.AppendTag(m, field, protowire.BytesType)
		m = append(m, 9, sampleValue<<3|byte(protowire.Fixed64Type))
		m = binary.LittleEndian.AppendUint64(m, math.Float64bits(v))
		e.metric = m
		e.family = protowire.AppendBytes(protowire.AppendTag(e.family, familyMetric, protowire.BytesType), m)
	}
}

func protoLabels(b, labels []byte) []byte {
	for len(labels) > 0 {
		name, escaped, rest := cutLabel(labels)
		b = protowire.AppendTag(b, metricLabel, protowire.BytesType)
		value := escaped
		if slices.Contains(escaped, '\\') {
			value = appendUnescaped(nil, escaped)
		}
		size := 2 + protowire.SizeBytes(len(name)) + protowire.SizeBytes(len(value))
		b = protowire.AppendVarint(b, uint64(size))
		b = protowire.AppendBytes(protowire.AppendTag(b, labelName, protowire.BytesType), name)
		b = protowire.AppendBytes(protowire.AppendTag(b, labelValue, protowire.BytesType), value)
		labels = rest
	}
	return b
}
