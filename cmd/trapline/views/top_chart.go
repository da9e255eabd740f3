package views

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"trapline/internal/human"
)

// chartScale is how wide the scale beside a chart is.
const chartScale = 12

// chart draws the histories of the row that was chosen, one below the other.
func (m *topModel) chart(r *topRow) []string {
	lines := []string{topStyled(topTitle, human.Visible(r.name)) + "  " + human.Visible(strings.TrimSpace(strings.TrimSpace(r.alias+"  "+r.state)+"  "+r.value))}
	names := chartNames(r.histories)
	if len(names) == 0 {
		return append(lines, "", "There is no history yet: it takes two polls.")
	}
	names = names[:min(len(names), 2)]
	height := max(2, (m.height-topFrame)/len(names)-2)
	for _, name := range names {
		points := r.histories[name]
		unit := m.unitOf(name)
		lines = append(lines, chartTitle(name, points, unit))
		lines = append(lines, plot(points, max(1, m.width-chartScale-2), height, unit)...)
		lines = append(lines, strings.Repeat(" ", chartScale)+topStyled(topFaint, "└ "+human.Span(m.data.table.Every*float64(len(points)))+" ago … now"))
	}
	return lines
}

// chartNames are the columns with a history: in, out, then the others.
func chartNames(of map[string][]float64) (names []string) {
	for name, points := range of {
		if slices.ContainsFunc(points, func(v float64) bool { return v != gap }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	slices.SortStableFunc(names, func(a, b string) int { return chartRank(a) - chartRank(b) })
	return names
}

func chartRank(name string) int {
	if i := slices.Index([]string{"in", "out"}, name); i >= 0 {
		return i
	}
	return 2
}

func (m *topModel) unitOf(column string) string {
	for _, c := range m.data.table.Columns {
		if c.Name == column {
			return c.Unit
		}
	}
	return ""
}

// chartTitle returns the figures of a history.
func chartTitle(name string, points []float64, unit string) string {
	sum, n, last, top := 0.0, 0, gap, math.Inf(-1)
	for _, v := range points {
		if v != gap {
			sum, n, last, top = sum+v, n+1, v, max(top, v)
		}
	}
	return fmt.Sprintf("%s  last %s, mean %s, highest %s", topStyled(topTitle, strings.ToUpper(name)), human.Scaled(last, unit), human.Scaled(sum/float64(max(n, 1)), unit), human.Scaled(top, unit))
}

// gap is a point without a value.
const gap = -1.0

// chartRange is what a scale goes from and to: 0, or the lowest point below it, and the highest one.
func chartRange(points []float64) (low, top float64) {
	for _, v := range points {
		if v != gap {
			low, top = min(low, v), max(top, v)
		}
	}
	return low, top
}

// plot draws points as columns of blocks, each as wide as the room allows.
func plot(points []float64, width, height int, unit string) []string {
	points = points[max(0, len(points)-width):]
	wide := max(1, width/max(1, len(points)))
	low, top := chartRange(points)
	lines := make([]string, height)
	for i := range lines {
		var b strings.Builder
		for _, v := range points {
			c := ' '
			if v != gap {
				c = block(v-low, top-low, height, height-1-i)
			}
			b.WriteString(strings.Repeat(string(c), wide))
		}
		scale := ""
		switch i {
		case 0:
			scale = human.Scaled(top, unit)
		case height - 1:
			scale = human.Scaled(low, unit)
			if low == 0 {
				scale = "0"
			}
		}
		lines[i] = right(scale, chartScale-1) + " │" + strings.TrimRight(b.String(), " ")
	}
	return lines
}

// block is the part of a column that stands in a line, from 0 at the bottom. A 0 has the least one.
func block(v, top float64, height, line int) rune {
	eighths := 0.0
	if top > 0 {
		eighths = math.Round(v / top * float64(height*8))
	}
	switch rest := int(max(eighths, 1)) - line*8; {
	case rest <= 0:
		return ' '
	case rest < 8:
		return '▁' + rune(rest-1)
	}
	return '█'
}

// chartLines is the screen with a chart on it.
func (m *topModel) chartLines(rows []topRow) []string {
	return append([]string{m.title()}, m.chart(&rows[m.cursor(rows)])...)
}
