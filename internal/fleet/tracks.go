package fleet

import (
	"math"
	"slices"

	"trapline/internal/api"
	"trapline/internal/history"
	"trapline/internal/human"
)

// tracks are the rates and histories of the rows of a grid.
type tracks struct {
	view *history.View // nil where none are kept
	rows []int         // of the view, by row of the grid; -1 where it has none
}

// tracksOf returns the rates and histories of a kind.
func tracksOf(g *grid, views []history.View, kind string) *tracks {
	for i := range views {
		if v := &views[i]; v.Kind == kind && v.Table != nil {
			t := &tracks{view: v, rows: make([]int, len(g.keys))}
			for row := range t.rows {
				t.rows[row] = -1
			}
			for n := range v.Table.Ends {
				if row, ok := g.rows[rowKey(v.Table, n)]; ok {
					t.rows[row] = n
				}
			}
			return t
		}
	}
	return &tracks{}
}

func (t *tracks) track(name string) *history.TrackView {
	if t.view == nil {
		return nil
	}
	i := slices.IndexFunc(t.view.Tracks, func(x history.TrackView) bool { return x.Name == name })
	if i < 0 {
		return nil
	}
	return &t.view.Tracks[i]
}

func (t *tracks) rate(name string, row int) (float64, bool) {
	x := t.track(name)
	if x == nil || x.Rates == nil || t.rows[row] < 0 {
		return 0, false
	}
	v := float64(x.Rates[t.rows[row]])
	if math.IsNaN(v) {
		return 0, false
	}
	return v, true
}

// gap stands for a point without a value; no rate is negative.
const gap = -1

// points are the history of a row, the oldest first, from its first value on; nil where there is none. A point is not exact, so that one of -1,
// which only a number has that may be negative, can be moved a little.
func (t *tracks) points(name string, row int) []float64 {
	x := t.track(name)
	if x == nil || x.Points == nil || t.rows[row] < 0 {
		return nil
	}
	return shown(x.Points(t.rows[row]))
}

// shown are points from the first value on, with gap where there is none.
func shown(points []float64) []float64 {
	begin := slices.IndexFunc(points, func(v float64) bool { return !math.IsNaN(v) })
	if begin < 0 {
		return nil
	}
	points = points[begin:]
	for i, v := range points {
		switch {
		case math.IsNaN(v):
			points[i] = gap
		case v == gap:
			points[i] = gap * 1.001
		}
	}
	return points
}

// trackColumns adds to a plain table the rates that are kept of its columns, and their histories.
type trackColumns struct {
	tracks  []columnTrack
	rates   bool
	history bool
}

// columnTrack holds the rates and histories of one column.
type columnTrack struct {
	tracks *tracks
	column string
}

func newTrackColumns(g *grid, views []history.View, out *api.Table, q *api.TableQuery) *trackColumns {
	x := &trackColumns{rates: q.Rates, history: q.History}
	for i := range views {
		v := &views[i]
		n := slices.IndexFunc(g.columns, func(c *gridColumn) bool { return v.Of(c.desc) })
		if n < 0 || len(v.Tracks) != 1 {
			continue
		}
		name := g.columns[n].desc.Name
		x.tracks = append(x.tracks, columnTrack{tracksOf(g, views, v.Kind), name})
		if q.Rates && v.Tracks[0].Rates != nil {
			out.Columns = append(out.Columns, api.TableColumn{Name: name + "_rate", Title: name + "/s", Unit: "/s"})
		}
	}
	return x
}

// fill adds the rates and histories to a row.
func (x *trackColumns) fill(r *api.TableRow, row int) {
	for _, t := range x.tracks {
		name := t.tracks.view.Tracks[0].Name
		if x.rates && t.tracks.view.Tracks[0].Rates != nil {
			v, ok := t.tracks.rate(name, row)
			addNumber(r, v, ok, human.Significant)
		}
		if points := t.tracks.points(name, row); x.history && points != nil {
			if r.History == nil {
				r.History = map[string][]float64{}
			}
			r.History[t.column] = points
		}
	}
}
