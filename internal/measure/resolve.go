package measure

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"trapline/internal/setting"
)

// Find resolves the name of an object that stands at path. Near is the column whose MIB a name without one is looked
// for first; it may be nil. Find reports what it does not find itself, and returns nil.
type Find func(path, text string, near *Column) *Column

// Resolve resolves the names of a measure. It returns nil if there are problems, which Problems does not return.
func (s *Settings) Resolve(tables map[string]States, find Find) (m *Measure, problems, warnings setting.Problems) {
	if len(s.Problems()) > 0 {
		return nil, nil, nil
	}
	r := &resolution{settings: s, find: find, tables: tables, m: &Measure{by: none, float32: s.Float32, text: s.Text.Regexp, aggregate: s.Aggregate}}
	r.objects()
	if r.missing {
		return nil, r.problems, nil
	}
	r.warnings = s.unusualTypes()
	r.kinds()
	r.states()
	r.conditions()
	r.scale()
	r.labels()
	r.limits()
	if len(r.problems) > 0 || r.missing {
		return nil, r.problems, nil
	}
	first := &r.m.columns[r.m.first()]
	for i := range r.m.columns {
		if c := &r.m.columns[i]; c.Known && c.Table != first.Table {
			c.from = lead(first.Index, c.Index)
		}
	}
	return r.m, nil, r.warnings
}

// resolution is the state of resolving a measure.
type resolution struct {
	settings *Settings
	find     Find
	tables   map[string]States
	m        *Measure
	missing  bool // a name was not found

	problems, warnings setting.Problems
}

// column returns the number of the column of that name.
func (r *resolution) column(path, text string) int {
	if n := indexPart(text); n != 0 {
		return r.part(path, n)
	}
	var near *Column
	if len(r.m.columns) > 0 {
		near = &r.m.columns[0]
	}
	c := r.find(path, text, near)
	if c == nil {
		r.missing = true
		return none
	}
	for i := range r.m.columns {
		if o := &r.m.columns[i]; string(o.OID) == string(c.OID) && string(o.Instance) == string(c.Instance) && (o.Instance == nil) == (c.Instance == nil) && o.part == 0 {
			return i
		}
	}
	r.m.columns = append(r.m.columns, *c)
	return len(r.m.columns) - 1
}

// part returns the number of the column that stands for a part of the index. Its values are in no table.
func (r *resolution) part(path string, n int) int {
	if r.m.first() == none {
		r.problems.Add(path, "{%d} is a part of the index: name an object", n)
		r.missing = true
		return none
	}
	r.checkPart(path, &ref{part: n})
	first := &r.m.columns[r.m.first()]
	c := Column{Name: first.Name, OID: first.OID, part: n}
	if i := place(n, len(first.Index)); i >= 0 {
		c.Enum = first.Index[i].Enum
	}
	r.m.columns = append(r.m.columns, c)
	return len(r.m.columns) - 1
}

// list resolves a list of fallbacks.
func (r *resolution) list(path string, words Words) (numbers []int) {
	for i, text := range words {
		at := path
		if len(words) > 1 {
			at += "[" + itoa(i) + "]"
		}
		c := r.column(at, text)
		if c == none {
			continue
		}
		o := &r.m.columns[c]
		o.Text = o.Text || !o.Known && (r.info() || !r.settings.Text.IsZero() || r.wordy())
		if o.Text && r.settings.Text.IsZero() && !r.settings.Float32 && len(r.settings.States) == 0 && !r.info() {
			r.problems.Add(at, "%s is a text: write under text an expression with one group around the number", o.Name)
		}
		numbers = append(numbers, c)
	}
	return numbers
}

// wordy reports whether the states are words.
func (r *resolution) wordy() bool {
	states := r.settings.States
	if name := states[""]; len(name) == 1 {
		states = r.tables[name[0]]
	}
	for _, words := range states {
		for _, word := range words {
			if _, err := strconv.ParseFloat(word, 64); err != nil {
				return true
			}
		}
	}
	return false
}

func (r *resolution) info() bool {
	m := MetricNamed(r.settings.Metric)
	return m != nil && m.Info
}

func (r *resolution) objects() {
	s := r.settings
	r.m.objects = r.list("object", s.Object)
	for part, p := range []struct {
		path  string
		words Words
	}{{"used", s.Used}, {"free", s.Free}, {"total", s.Total}, {"percent", s.Percent}, {"buffers", s.Buffers}, {"cached", s.Cached}} {
		r.m.space[part] = r.list(p.path, p.words)
	}
}

func (r *resolution) kinds() {
	column, byValue := r.settings.kinds()
	var enum map[int]string
	if column != "" {
		if r.m.by = r.column("by."+column, column); r.m.by == none {
			return
		}
		enum = r.m.columns[r.m.by].Enum
	}
	for _, value := range slices.Sorted(maps.Keys(byValue)) {
		metric := MetricNamed(byValue[value])
		text, _ := r.settings.unitOf(value)
		base, c, err := metric.Fits(text)
		if err != nil {
			r.problems.Add("unit", "%v", err)
			return
		}
		if column != "" {
			if err := r.m.byValue.add(value, enum, len(r.m.kinds)); err != nil {
				r.problems.Add("by."+column+"."+value, "%v", err)
			}
		}
		r.m.kinds = append(r.m.kinds, kind{metric, base, c})
	}
}

// states resolves the values of states, and warns of labels that none names.
func (r *resolution) states() {
	written, at := r.settings.States, "states"
	if len(written) == 0 || len(r.m.objects) == 0 {
		return
	}
	if name := written[""]; len(name) == 1 {
		table, known := r.tables[name[0]]
		if !known {
			r.problems.Add(at, "%s", unknown("state table", name[0], slices.Sorted(keysOf(r.tables))))
			return
		}
		written, at = table, "states"
	}
	metric := r.m.kinds[0].metric
	r.m.states, r.m.unmapped = &Choice{}, slices.Index(metric.States, "unknown")
	object := &r.m.columns[r.m.objects[0]]
	enum := object.Enum
	if object.Text || r.settings.Text.Regexp != nil {
		enum = nil
	}
	for _, state := range slices.Sorted(keysOf(written)) {
		number := slices.Index(metric.States, state)
		if number < 0 && state != absentState {
			r.problems.Add(at+"."+state, "%s", unknown("state", state, append(slices.Clone(metric.States), absentState)))
			continue
		}
		for _, word := range written[state] {
			if err := r.m.states.add(word, enum, number); err != nil {
				r.problems.Add(at+"."+state, "%v", err)
			}
		}
	}
	if r.m.states.empty() && len(r.problems) == 0 {
		r.problems.Add(at, "no state has a value")
	}
	r.warnLeftOut(at, enum)
}

func (r *resolution) warnLeftOut(at string, enum map[int]string) {
	var left []string
	for _, number := range slices.Sorted(maps.Keys(enum)) {
		if _, covered := r.m.states.ofNumber(float64(number)); !covered {
			left = append(left, enum[number])
		}
	}
	if len(left) > 0 {
		r.warnings.Add(at, "no state has %s of %s", strings.Join(left[:min(len(left), 20)], ", "), r.m.columns[r.m.objects[0]].Name)
	}
}

func (r *resolution) conditions() {
	s := r.settings
	var enum map[int]string
	if len(r.m.objects) > 0 {
		enum = r.m.columns[r.m.objects[0]].Enum
	}
	for i, word := range s.Absent {
		if err := r.m.absent.addRange(word, enum); err != nil {
			r.problems.Add("absent["+itoa(i)+"]", "%v", err)
		}
	}
	for _, name := range slices.Sorted(keysOf(s.Only)) {
		at := "only." + name
		c := condition{column: r.column(at, name)}
		if c.column == none {
			continue
		}
		for i, word := range s.Only[name] {
			plain, not := strings.CutPrefix(word, "!")
			if i == 0 {
				c.not = not
			}
			if c.not != not {
				r.problems.Add(at, "write all values with ! in front, or none")
				break
			}
			if err := c.values.addRange(plain, r.m.columns[c.column].Enum); err != nil {
				r.problems.Add(at, "%v", err)
			}
		}
		r.m.only = append(r.m.only, c)
	}
}

func (r *resolution) scale() {
	s := r.settings.Scale
	at := func(key, name string) int {
		if name == "" {
			return none
		}
		return r.column("scale."+key, name)
	}
	r.m.scale = scaling{divide: at("divide_by", s.DivideBy), multiply: at("multiply_by", s.MultiplyBy), exponent: at("exponent", s.Exponent), precision: at("precision", s.Precision)}
	if e := r.m.scale.exponent; e != none {
		enum := r.m.columns[e].Enum
		r.m.scale.entity = enum[9] == "units" || enum == nil && s.Precision != ""
	}
}

func (r *resolution) limits() {
	for _, key := range slices.Sorted(keysOf(r.settings.Limit)) {
		text := r.settings.Limit[key]
		l := limit{key: key, column: none}
		if x, err := strconv.ParseFloat(text, 64); err == nil {
			l.number = x
		} else {
			l.column = r.column("limit."+key, text)
		}
		r.m.limits = append(r.m.limits, l)
	}
}

// labels makes the labels, and those that each series has.
func (r *resolution) labels() {
	s := r.settings
	r.label("name", "hw_name", s.Name)
	r.label("parent", "hw_parent", s.Parent)
	for name, text := range s.labels() {
		r.label(labelAt(name), name, text)
	}
	if s.Port != "" {
		r.label("port", "ifIndex", s.Port)
		if c := r.column("port", ifName); c != none {
			r.label("port", "ifName", s.Port)
			r.m.labels[len(r.m.labels)-1].port = c
		}
	}
	for column, types := range s.Type {
		r.typeLabel(column, types)
	}
	r.m.labels = append(r.m.labels, label{name: "hw_id", column: none, port: none})
	slices.SortFunc(r.m.labels, func(a, b label) int { return cmp.Compare(a.name, b.name) })
}

func (r *resolution) label(path, name, text string) {
	t, _ := parseTemplate(text)
	for i := range t {
		for j := range t[i].refs {
			ref := &t[i].refs[j]
			if ref.name != "" {
				ref.number = r.column(path, ref.name)
			}
			r.checkPart(path, ref)
		}
	}
	if text != "" || name == "hw_name" {
		r.m.labels = append(r.m.labels, label{name: name, text: t, column: none, port: none})
	}
}

func countOfObjects(n int) string {
	if n == 1 {
		return "one object"
	}
	return itoa(n) + " objects"
}

// checkPart checks that the index has a part.
func (r *resolution) checkPart(path string, part *ref) {
	o := &r.m.columns[r.m.first()]
	if n := max(part.part, -part.part); part.name == "" && len(o.Index) > 0 && n > len(o.Index) {
		r.problems.Add(path, "{%d}: the index of %s has %s", part.part, o.Name, countOfObjects(len(o.Index)))
	}
}

func (r *resolution) typeLabel(column string, types map[string]string) {
	if column == "" {
		r.m.labels = append(r.m.labels, label{name: "hw_type", text: template{{literal: types[""]}}, column: none, port: none})
		return
	}
	at := "type." + column
	l := label{name: "hw_type", column: r.column(at, column), port: none}
	if l.column == none {
		return
	}
	for _, value := range slices.Sorted(keysOf(types)) {
		if err := l.values.add(value, r.m.columns[l.column].Enum, len(l.types)); err != nil {
			r.problems.Add(at+"."+value, "%v", err)
		}
		l.types = append(l.types, types[value])
	}
	r.m.labels = append(r.m.labels, l)
}
