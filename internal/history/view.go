package history

import "trapline/internal/series"

// View is a copy of the rates and points of one kind.
type View struct {
	Kind   string
	Table  *series.Table // the rows
	Tracks []TrackView

	kind *kind
}

// Of reports whether the view has the column of a metric.
func (v *View) Of(d *series.Desc) bool {
	for i := range v.kind.sources {
		if v.kind.sources[i].is(d) {
			return true
		}
	}
	return false
}

// TrackView is a copy of the rates and points of one track.
type TrackView struct {
	Name   string
	Unit   string
	Rates  []float32               // of each row, NaN where there is none; nil unless it is a counter; without points, off by at most 0.2 %
	Points func(row int) []float64 // of a row, the oldest first, NaN for a gap; nil where none are kept
}

// Views returns the rates of a target, and its points if wanted.
func (t *Target) Views(points bool) []View {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]View, 0, len(t.groups))
	for i := range t.groups {
		list = append(list, t.groups[i].view(points))
	}
	if v, ok := t.neutral.view(points); ok {
		list = append(list, v)
	}
	return list
}

func (g *group) view(points bool) View {
	v := View{Kind: g.kind.name, Table: g.table, kind: g.kind}
	rows := g.rows()
	for n := range g.kind.tracks {
		t := g.track(n)
		one := TrackView{Name: t.name, Unit: t.unit}
		if t.rate && len(g.rates) > 0 {
			one.Rates = make([]float32, rows)
			for row := range rows {
				one.Rates[row] = g.rate(n, row)
			}
		}
		if points && t.points {
			one.Points = g.decoded(n, t.signed)
		}
		v.Tracks = append(v.Tracks, one)
	}
	return v
}

// decoded returns the points of a track, by row. They are decoded on demand: a device may have a hundred thousand rows,
// of which a page shows some.
func (g *group) decoded(n int, signed bool) func(row int) []float64 {
	rows, length := g.rows(), int(g.length)
	points := make([]byte, 0, rows*length)
	for age := length - 1; age >= 0; age-- {
		time := (int(g.head) + length - age) % length
		points = append(points, g.ring[(time*g.kind.rings()+n)*rows:][:rows]...)
	}
	return func(row int) []float64 {
		list := make([]float64, length)
		for i := range list {
			list[i] = decode(points[i*rows+row], signed)
		}
		return list
	}
}
