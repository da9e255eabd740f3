package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/catalog"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// rowQuery is the row that is asked for.
type rowQuery struct {
	labels map[string]string
	index  string // in numbers
	text   string
}

// parseRow reads label=value, several with commas between them, values with or without quotes; or an index.
func parseRow(text string) rowQuery {
	q := rowQuery{text: strings.Trim(strings.TrimSpace(text), "{}")}
	if q.text == "" || !strings.Contains(q.text, "=") {
		q.index = strings.TrimPrefix(q.text, ".")
		return q
	}
	q.labels = map[string]string{}
	rest := q.text
	for rest != "" {
		name, value, _ := strings.Cut(rest, "=")
		value = strings.TrimSpace(value)
		if after, quoted := strings.CutPrefix(value, `"`); quoted {
			value, rest, _ = strings.Cut(after, `"`)
			rest = strings.TrimLeft(rest, ", ")
		} else {
			value, rest, _ = strings.Cut(value, ",")
		}
		q.labels[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return q
}

// all reports whether no row was named.
func (q *rowQuery) all() bool { return q.text == "" }

// is reports whether a row, with its rendered labels and its index, which may be nil, is the one.
func (q *rowQuery) is(index snmp.OID, labels ...[]byte) bool {
	if q.all() {
		return true
	}
	if q.labels == nil {
		return index != nil && string(snmp.AppendIndexText(nil, index)) == q.index || q.index != "" && index == nil && hasValue(q.index, labels)
	}
	left := len(q.labels)
	for _, part := range labels {
		for name, value := range series.Labels(part) {
			if want, asked := q.labels[name]; asked && want == value {
				left--
			}
		}
	}
	return left == 0
}

// hasValue reports whether a label has a value, where the index of the row is not known.
func hasValue(value string, labels [][]byte) bool {
	for _, part := range labels {
		for _, v := range series.Labels(part) {
			if v == value {
				return true
			}
		}
	}
	return false
}

// inPoll counts the samples of a metric in the last poll.
type inPoll struct {
	all   int    // rows
	shown int    // of them, those that were asked for
	value string // of the first of these
}

// lookFor counts the samples of a metric in a poll.
func lookFor(p *poller.Pass, metric string, q *rowQuery) (f inPoll) {
	if p == nil {
		return f
	}
	for _, set := range p.Sets {
		for i := range set.Columns {
			if c := &set.Columns[i]; c.Desc.Name == metric {
				f.add(c, q)
			}
		}
	}
	return f
}

func (f *inPoll) add(c *series.Column, q *rowQuery) {
	last := -1
	for i, v := range c.Values {
		row := c.RowOf(i)
		if row != last {
			f.all++
		}
		if q.is(c.Table.Index(row), c.Table.Row(row), c.ExtraOf(i)) {
			if row != last {
				f.shown++
			}
			if f.value == "" || v == 1 && c.ExtraEnds != nil { // of states, the one that holds
				f.value = valueOf(c, i)
			}
		}
		last = row
	}
}

func valueOf(c *series.Column, i int) string {
	for name, value := range series.Labels(c.ExtraOf(i)) {
		return fmt.Sprintf("%s=%q", name, value)
	}
	return strconv.FormatFloat(c.Values[i], 'f', -1, 64)
}

// indexes returns the indexes that the rows of a poll have that are the one, of any table. Where the poll has not kept
// them, the numbers among their labels stand for them; so do those that the row is asked for by, if they are among
// the labels of the metric.
func indexes(p *poller.Pass, q *rowQuery, labels []string) (list []string) {
	if q.all() {
		return nil
	}
	if q.labels == nil {
		return []string{q.index}
	}
	for name, value := range q.labels {
		if slices.Contains(labels, name) {
			list = append(list, value)
		}
	}
	if p == nil {
		return list
	}
	seen := map[*series.Table]bool{}
	for _, set := range p.Sets {
		for i := range set.Columns {
			t := set.Columns[i].Table
			if seen[t] {
				continue
			}
			seen[t] = true
			for row := range t.Ends {
				if q.is(t.Index(row), t.Row(row)) {
					list = append(list, indexOf(t, row)...)
				}
			}
		}
	}
	return list
}

func indexOf(t *series.Table, row int) (list []string) {
	if index := t.Index(row); index != nil {
		return []string{string(snmp.AppendIndexText(nil, index))}
	}
	for _, value := range series.Labels(t.Row(row)) {
		if value != "" && strings.Trim(value, ".0123456789") == "" {
			list = append(list, value)
		}
	}
	return list
}

// values lists the values that a label has in the rows of a metric.
func values(p *poller.Pass, metric, label string) (list []string) {
	const most = 10_000
	if p == nil {
		return nil
	}
	for _, set := range p.Sets {
		for i := range set.Columns {
			c := &set.Columns[i]
			if c.Desc.Name != metric {
				continue
			}
			for row := range c.Table.Ends {
				if v := catalog.LabelOf(c.Table.Row(row), label); v != "" && len(list) < most {
					list = append(list, v)
				}
			}
		}
	}
	return list
}
