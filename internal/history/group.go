package history

import (
	"math"

	"trapline/internal/series"
)

// maxSources is the most sources that a kind has.
const maxSources = 8

// group holds the rates and points of the rows of one kind.
type group struct {
	kind   *kind
	table  *series.Table // of the last poll that had one: its rows are those of the group
	desc   *series.Desc  // of the first track in that poll
	rates  []float32     // of one track with points after the other; NaN where there is none
	coarse []uint16      // of the tracks without points, likewise; see shorten
	ring   []byte        // points: of each time, of each track that has them, of each row
	length uint16        // times in ring
	head   uint16        // the newest time
	silent uint16        // times since there was a value
	at     places        // of the sources in the last poll
}

// places are where the sources of a kind stand in the sets of a poll.
type places [maxSources]place

type place struct {
	set    uint8
	known  bool
	column uint16
}

func (p place) in(sets []*series.Set) *series.Column {
	if !p.known || int(p.set) >= len(sets) || int(p.column) >= len(sets[p.set].Columns) {
		return nil
	}
	return &sets[p.set].Columns[p.column]
}

// find returns the places of the sources of a kind.
func (k *kind) find(sets []*series.Set) (at places, found bool) {
	for i, set := range sets[:min(len(sets), math.MaxUint8)] {
		for j := range set.Columns[:min(len(set.Columns), math.MaxUint16)] {
			d := set.Columns[j].Desc
			for n := range k.sources {
				if !at[n].known && k.sources[n].is(d) && set.Columns[j].ExtraEnds == nil {
					at[n], found = place{uint8(i), true, uint16(j)}, true
				}
			}
		}
	}
	return at, found
}

// unmoved reports whether the sources are at the same places.
func (g *group) unmoved(sets []*series.Set) bool {
	for i := range g.kind.sources {
		c := g.at[i].in(sets)
		if g.at[i].known && (c == nil || !g.kind.sources[i].is(c.Desc)) {
			return false
		}
	}
	return true
}

// allGaps reports whether all points are gaps.
func (g *group) allGaps() bool { return g.silent >= g.length }

// rings returns the number of tracks with points.
func (k *kind) rings() (n int) {
	for i := range k.tracks {
		if k.tracks[i].points {
			n++
		}
	}
	return n
}

// track returns track n, as the metric is that it was last taken from.
func (g *group) track(n int) track { return g.kind.trackOf(n, g.desc) }

func (g *group) rows() int {
	if g.table == nil {
		return 0
	}
	return len(g.table.Ends)
}

// answered adds the samples of a poll. Before are the places of the sources in p.Before.
func (g *group) answered(k *Store, p *Poll, before *places, known *comparison) {
	first := g.primary(p.After)
	if first != nil {
		g.desc = first.Desc
		if !sameRows(g.table, first.Table) || !k.fits(int(g.length)) {
			g.reshape(k, first.Table)
		}
		g.table = first.Table
	}
	g.forgetRates()
	if g.advance(p.Steps); first == nil {
		return
	}
	g.silent = 0
	for i := range g.kind.sources {
		c := g.at[i].in(p.After)
		if c == nil || g.superseded(i, p.After) {
			continue
		}
		var b *series.Column
		if p.Comparable && p.Elapsed > 0 {
			b = before[i].in(p.Before)
		}
		g.update(g.kind.sources[i].track, c, b, p.Elapsed.Seconds(), known)
	}
}

func (g *group) forgetRates() {
	repeat(g.rates, nan)
	repeat(g.coarse, noRate)
}

// repeat sets all elements to v, by copies that double.
func repeat[T float32 | uint16 | byte](s []T, v T) {
	if len(s) == 0 {
		return
	}
	s[0] = v
	for n := 1; n < len(s); n *= 2 {
		copy(s[n:], s[:n])
	}
}

// primary returns the column whose rows are those of the group: of the first track, that of its last source.
func (g *group) primary(sets []*series.Set) (found *series.Column) {
	for i, track := 0, 0; i < len(g.kind.sources); i++ {
		c := g.at[i].in(sets)
		if c != nil && (found == nil || g.kind.sources[i].track == track) {
			found, track = c, g.kind.sources[i].track
		}
	}
	return found
}

// superseded reports whether a later source has a value of each row for the same track.
func (g *group) superseded(i int, sets []*series.Set) bool {
	if i+1 >= len(g.kind.sources) || g.kind.sources[i+1].track != g.kind.sources[i].track {
		return false
	}
	c := g.at[i+1].in(sets)
	return c != nil && c.Len() == g.rows() && c.Table == g.table
}

// advance begins new points, which are gaps until they get a value.
func (g *group) advance(steps int) {
	if g.length == 0 {
		return
	}
	g.silent = uint16(min(int(g.silent)+steps, math.MaxUint16/2))
	width := len(g.ring) / int(g.length)
	for range min(steps, int(g.length)) {
		g.head = (g.head + 1) % g.length
		fill(g.ring[int(g.head)*width:][:width])
	}
}

func fill(points []byte) { repeat(points, gapCode) }

// update sets the rates and points of a track from its present and its previous column; b may be nil.
func (g *group) update(n int, c, b *series.Column, elapsed float64, known *comparison) {
	t := g.kind.trackOf(n, c.Desc)
	var points []byte
	rows := g.rows()
	if g.length > 0 && t.points {
		points = g.ring[(int(g.head)*g.kind.rings()+n)*rows:][:rows]
	}
	to, same := rowsIn(g.table, c.Table)
	if !t.rate {
		for i, v := range c.Values {
			if row := rowOf(c, i, to, same); row >= 0 && points != nil {
				points[row] = t.encode(v)
			}
		}
		return
	}
	if b == nil {
		return
	}
	last := aligned(b, c, known)
	factor := t.factor / elapsed
	fine, coarse := g.ratesOf(n)
	for i, v := range c.Values {
		row := rowOf(c, i, to, same)
		rate := (v - last[i]) * factor
		switch {
		case row < 0 || rate != rate:
			continue // it is new
		case rate < 0:
			rate = math.NaN() // it began anew, whatever an earlier source seems to say
		}
		if fine != nil {
			fine[row] = float32(rate)
		} else {
			coarse[row] = shorten(float32(rate))
		}
		if points != nil {
			points[row] = encode(rate)
		}
	}
}

// ratesOf returns the rates of a track in one of two forms; the other is nil.
func (g *group) ratesOf(n int) (fine []float32, coarse []uint16) {
	rows := g.rows()
	at := n * rows
	if at < len(g.rates) {
		return g.rates[at:][:rows], nil
	}
	return nil, g.coarse[at-len(g.rates):][:rows]
}

// rate returns the rate of a row of a track.
func (g *group) rate(n, row int) float32 {
	fine, coarse := g.ratesOf(n)
	if fine != nil {
		return fine[row]
	}
	return lengthen(coarse[row])
}

func (t *track) encode(v float64) byte {
	if t.signed {
		return encodeSigned(v)
	}
	return encode(v)
}

// rowOf returns the row of the group for sample i of a column, or -1.
func rowOf(c *series.Column, i int, to []int32, same bool) int {
	row := c.RowOf(i)
	if same {
		return row
	}
	return int(to[row])
}

var nan = float32(math.NaN())

// reshape resizes the group for the rows of another table and for histories of another length. Rows and points that
// both have are kept.
func (g *group) reshape(k *Store, table *series.Table) {
	old := *g
	rows, rings := len(table.Ends), g.kind.rings()
	g.table, g.rates, g.coarse = table, nil, nil
	if g.track(0).rate {
		g.rates, g.coarse = make([]float32, rings*rows), make([]uint16, (len(g.kind.tracks)-rings)*rows)
	}
	k.resize(int64(rings*(rows-old.rows())), g.ratesSize()-old.ratesSize())
	g.length, g.head = uint16(k.Length()), 0
	g.ring = make([]byte, int(g.length)*rings*rows)
	fill(g.ring)
	if g.length == 0 {
		return
	}
	g.head = g.length - 1
	to, same := rowsIn(table, old.table)
	for age := range min(int(g.length), int(old.length)) {
		from := old.ring[(int(old.head)+int(old.length)-age)%int(old.length)*rings*old.rows():]
		into := g.ring[(int(g.head)-age)*rings*rows:]
		for n := range rings {
			for row := range old.rows() {
				switch {
				case same:
					into[n*rows+row] = from[n*old.rows()+row]
				case to[row] >= 0:
					into[n*rows+int(to[row])] = from[n*old.rows()+row]
				}
			}
		}
	}
}

// ratesSize returns the size of the rates in octets.
func (g *group) ratesSize() int64 { return int64(4*len(g.rates) + 2*len(g.coarse)) }

// close releases the memory.
func (g *group) close(k *Store) {
	if g.table != nil {
		k.resize(-int64(g.kind.rings()*g.rows()), -g.ratesSize())
	}
	*g = group{kind: g.kind}
}
