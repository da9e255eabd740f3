package history

import (
	"bytes"
	"hash/maphash"
	"math"
	"slices"
	"strings"

	"trapline/internal/series"
)

// Measures is the name of the kind that has the vendor-neutral measures of a target. Its track is value, and its rows are
// named by SeriesKey.
const Measures = "measures"

// maxMeasures is the most series of measures of a target that points are kept of.
const maxMeasures = 4096

// measured are the measures that points are kept of, beside those that the user chooses: those that an operator looks at first.
var measured = map[string]bool{
	"system_cpu_utilization_ratio": true, "system_memory_utilization_ratio": true, "system_filesystem_utilization_ratio": true,
	"hw_temperature_celsius": true, "hw_fan_speed_rpm": true, "hw_fan_speed_ratio": true, "hw_power_watts": true, "hw_humidity_ratio": true,
	"hw_battery_charge_ratio": true, "hw_battery_time_left_seconds": true, "hw_power_supply_utilization_ratio": true, "hw_optical_power_dbm": true,
	"network_sessions": true, "vpn_tunnels": true, "wireless_clients": true, "radio_signal_dbm": true, "radio_signal_noise_ratio_db": true,
}

// coding is how values of measures become octets: in equal steps, or where step is 0 as other values do.
type coding struct{ least, step float64 }

// codingOf returns the coding of a metric: temperatures from -54 °C on in steps of 1, levels from -115 dBm in steps of a
// half, shares in steps of 0.5 %.
func codingOf(metric string) coding {
	switch {
	case strings.HasSuffix(metric, "_celsius"):
		return coding{-54, 1}
	case strings.HasSuffix(metric, "_ratio"):
		return coding{0, 0.005}
	case strings.HasSuffix(metric, "_dbm"), strings.HasSuffix(metric, "_db"):
		return coding{-115, 0.5}
	}
	return coding{}
}

func (c coding) encode(v float64) byte {
	switch {
	case c.step == 0:
		return encodeSigned(v)
	case v != v:
		return gapCode
	}
	return byte(math.Round(min(max(0, (v-c.least)/c.step), maxCode)))
}

func (c coding) decode(code byte) float64 {
	if c.step == 0 || code == gapCode {
		return decode(code, true)
	}
	return rounded(c.least + float64(code)*c.step)
}

// SeriesKey names the row of a series of a measure: a hash, for the labels of all series would take more memory than
// their points.
func SeriesKey(metric string, labels []byte) string { return string(appendKey(nil, metric, labels)) }

var seed = maphash.MakeSeed()

// keySize is the length of a SeriesKey.
const keySize = 8

func appendKey(b []byte, metric string, labels []byte) []byte {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.WriteString(metric)
	_ = h.WriteByte(0xff)
	_, _ = h.Write(labels)
	return h.Sum(b)
}

var measuresKind = &kind{name: Measures, tracks: []track{{name: "value", points: true, signed: true}}}

// measures holds the points of the measures of a target.
type measures struct {
	group  group // without sources: its rows are those of the blocks, named by SeriesKey
	blocks []block
}

// block is a column of a measure.
type block struct {
	column *series.Column
	first  int // row of its first sample
	coding coding
}

// blocksOf returns the columns that points are kept of, and how many rows they have.
func (k *Store) blocksOf(sets []*series.Set) (list []block, rows int) {
	chosen := *k.chosen.Load()
	for _, set := range sets {
		for i := range set.Columns {
			c := &set.Columns[i]
			name := c.Desc.Name
			if !c.Desc.Computed || c.ExtraEnds != nil || c.Desc.Type == series.Counter || !measured[name] && !slices.Contains(chosen, name) || rows+c.Len() > maxMeasures {
				continue
			}
			list = append(list, block{c, rows, codingOf(name)})
			rows += c.Len()
		}
	}
	return list, rows
}

// same reports whether two blocks have the same series.
func (b *block) same(c *block) bool {
	x, y := b.column, c.column
	return x.Desc.Name == y.Desc.Name && sameLabels(x.Table, y.Table) && (x.Rows == nil) == (y.Rows == nil) && slices.Equal(x.Rows, y.Rows)
}

// answered adds the samples of a poll.
func (m *measures) answered(k *Store, p *Poll) {
	g := &m.group
	blocks, rows := k.blocksOf(p.After)
	if rows == 0 && g.table == nil {
		return
	}
	if moved := !slices.EqualFunc(m.blocks, blocks, func(a, b block) bool { return a.same(&b) }); moved && rows > 0 || !k.fits(int(g.length)) {
		table := g.table
		if moved && rows > 0 {
			table = keysOf(blocks)
		}
		k.resize(0, keysSize(table)-keysSize(g.table))
		g.reshape(k, table)
	}
	if g.advance(p.Steps); rows == 0 { // those of the blocks before stay
		if g.allGaps() {
			m.close(k)
		}
		return
	}
	g.silent, m.blocks = 0, blocks
	if g.length == 0 {
		return
	}
	points := g.ring[int(g.head)*g.rows():][:g.rows()]
	for i := range blocks {
		b := &blocks[i]
		for j, v := range b.column.Values {
			points[b.first+j] = b.coding.encode(v)
		}
	}
}

// keysOf returns the rows of blocks.
func keysOf(blocks []block) *series.Table {
	t := &series.Table{}
	for i := range blocks {
		c := blocks[i].column
		for j := range c.Values {
			t.Labels = appendKey(t.Labels, c.Desc.Name, c.Table.Row(c.RowOf(j)))
			t.AddRow()
		}
	}
	return t
}

// keysSize is the size of the rows of blocks in octets.
func keysSize(t *series.Table) int64 {
	if t == nil {
		return 0
	}
	return int64(len(t.Ends)) * (keySize + 4)
}

func (m *measures) close(k *Store) {
	k.resize(0, -keysSize(m.group.table))
	m.group.close(k)
	m.blocks = nil
}

// view returns a copy of the points, if there are any.
func (m *measures) view(points bool) (View, bool) {
	g := &m.group
	if g.table == nil {
		return View{}, false
	}
	v := View{Kind: Measures, Table: g.table, Tracks: []TrackView{{Name: "value"}}, kind: measuresKind}
	if !points || g.length == 0 {
		return v, true
	}
	rows, length := g.rows(), int(g.length)
	codings := make([]coding, rows)
	for i := range m.blocks {
		b := &m.blocks[i]
		for j := range b.column.Values {
			codings[b.first+j] = b.coding
		}
	}
	ring := bytes.Clone(g.ring)
	head := int(g.head)
	v.Tracks[0].Points = func(row int) []float64 {
		list := make([]float64, length)
		for i := range list {
			list[i] = codings[row].decode(ring[(head+1+i)%length*rows+row])
		}
		return list
	}
	return v, true
}
