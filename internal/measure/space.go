package measure

import "math"

// spaceRow computes memory or a filesystem.
func (e *Evaluation) spaceRow(index []byte) {
	if !e.wanted(index) {
		return
	}
	var x [spaceParts]float64
	var has [spaceParts]bool
	m := e.step.Measure
	for part := range m.space {
		x[part], has[part] = e.spacePart(part, index)
	}
	complete(&x, &has)
	if !has[used] && !has[free] && !has[total] && !has[percent] {
		return
	}
	row, ok := e.addRow(index, 0)
	if !ok {
		return
	}
	for i, o := range spaceOutputs {
		if has[o.part] && x[o.part] >= 0 && !math.IsInf(x[o.part], 0) {
			e.add(i, row, x[o.part])
		}
	}
}

// spacePart is a part in octets, or percent as a ratio.
func (e *Evaluation) spacePart(part int, index []byte) (float64, bool) {
	m := e.step.Measure
	for _, column := range m.space[part] {
		at := e.own(column, index)
		if c := &m.columns[column]; at < 0 && (c.Scalar || c.Instance != nil) {
			at = e.place(column, index)
		}
		if at < 0 {
			continue
		}
		x, ok := e.number(e.list(column).Get(at))
		if _, absent := m.absent.ofNumber(x); !ok || absent {
			continue
		}
		if part == percent {
			return x / 100, true
		}
		f, scaled := e.factorOf(0, index)
		if x, ok = m.kinds[0].converted(x, f); ok && scaled {
			return x, true
		}
	}
	return 0, false
}

// complete computes what is not given: two of used, free, total and percent give the others. A device that has used
// beside buffers and cached counts these as used, and one that has free does not count them as free. Here they are no part
// of used, and part of free, as programs can have them.
func complete(x *[spaceParts]float64, has *[spaceParts]bool) {
	give := func(part int, value float64) {
		if !has[part] && value >= 0 && !math.IsNaN(value) && !math.IsInf(value, 0) {
			x[part], has[part] = value, true
		}
	}
	if rest := x[used] - x[buffers] - x[cached]; has[used] && rest >= 0 {
		x[used] = rest
	}
	if has[total] && has[free] {
		give(used, x[total]-x[free]-x[buffers]-x[cached])
	}
	if has[used] && has[free] {
		give(total, x[used]+x[free])
	}
	if has[total] && has[percent] {
		give(used, x[total]*x[percent])
	}
	if has[used] && has[percent] && x[percent] > 0 {
		give(total, x[used]/x[percent])
	}
	if has[free] && has[percent] && x[percent] < 1 {
		give(total, x[free]/(1-x[percent]))
		give(used, x[total]-x[free])
	}
	if (has[buffers] || has[cached]) && has[total] && has[used] {
		has[free] = false
	}
	if has[total] && has[used] {
		give(free, x[total]-x[used])
		if x[total] > 0 {
			give(percent, x[used]/x[total])
		}
	}
}
