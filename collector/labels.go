package collector

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"trapline/internal/held"
	"trapline/internal/series"
	"trapline/internal/snmp"
	"trapline/mibs/hint"
)

// labelSchema says how the labels of a row are made of its index. Metrics with equal schemas share a table,
// so that the labels of a row are made once for all of them.
type labelSchema struct {
	slots   []string // label names in order of appearance
	indexes []indexStep
	lookups []lookupStep
	labels  []outputLabel // sorted by name

	distinct bool // distinct rows have distinct labels
	parts    int  // of the index, the first of indexes; lookups set the labels of the others
	vague    bool // the labels never say all of the index
}

// indexStep decodes the next numbers of the index into a slot.
type indexStep struct {
	slot int
	indexDecoder
}

// lookupStep sets a slot to the value of another object.
type lookupStep struct {
	slot     int
	inputs   []int // slots whose numbers make the index; -1 for a label that does not exist
	kept     int   // number of the object's held.List
	form     textForm
	subtypes *subtypeSource
	every    time.Duration // how often the object is read; 0 where nothing is set
}

// subtypeSource is the object, next to an address or port identifier, that says how to read it.
type subtypeSource struct {
	kept  int
	types map[int64]*format
}

type outputLabel struct {
	slot int
	name string

	unless []int // not in a row where one of these lookups finds a text of its own
}

// always reports whether each row has the label.
func (l *outputLabel) always() bool { return l.slot >= 0 && l.unless == nil }

// schemaKey is equal for metrics whose rows have the same labels.
func schemaKey(m *MetricSettings, drop string) string {
	return fmt.Sprintf("%+v|%+v|%s", m.Indexes, m.Lookups, drop)
}

// newLabelSchema compiles the indexes and lookups of m. The label drop is left out: the metric adds one of
// that name itself.
func (b *moduleBuilder) newLabelSchema(m *MetricSettings, drop string) *labelSchema {
	r := &labelSchema{}
	present := map[int]bool{}
	for i := range m.Indexes {
		x := &m.Indexes[i]
		step := indexStep{r.slot(x.LabelName), indexDecoder{typeNamed(x.Type).format, x.FixedSize, x.Implied, x.EnumValues}}
		r.indexes = append(r.indexes, step)
		present[step.slot] = true
	}
	for i := range m.Lookups {
		l := &m.Lookups[i]
		if len(l.Labels) == 0 {
			delete(present, slices.Index(r.slots, l.LabelName))
			continue
		}
		step := b.newLookup(r, l)
		r.lookups = append(r.lookups, step)
		present[step.slot] = true
	}
	for slot, name := range r.slots {
		if present[slot] && name != drop {
			r.labels = append(r.labels, outputLabel{slot: slot, name: b.labelName(name)})
		}
	}
	slices.SortFunc(r.labels, func(a, b outputLabel) int { return strings.Compare(a.name, b.name) })
	return r
}

func (b *moduleBuilder) newLookup(r *labelSchema, l *LookupSettings) lookupStep {
	f := typeNamed(l.Type).format
	step := lookupStep{kept: b.keep(l.OID.OID), every: l.Every.Duration, form: textForm{format: f, hint: b.hint(l.DisplayHint), enum: l.EnumValues}}
	for _, name := range l.Labels {
		step.inputs = append(step.inputs, slices.Index(r.slots, name))
	}
	step.slot = r.slot(l.LabelName)
	step.subtypes = b.subtypeOf(f, l.OID.OID)
	return step
}

func (r *labelSchema) slot(name string) int {
	if i := slices.Index(r.slots, name); i >= 0 {
		return i
	}
	r.slots = append(r.slots, name)
	return len(r.slots) - 1
}

// names returns the names of the labels of rows that are as their MIB says.
func (r *labelSchema) names() (names []string) {
	for _, l := range r.labels {
		if l.slot >= 0 {
			names = append(names, l.name)
		}
	}
	return names
}

func (r *labelSchema) has(name string) bool {
	return slices.ContainsFunc(r.labels, func(l outputLabel) bool { return l.always() && r.slots[l.slot] == name })
}

// uses reports whether a lookup reads the values kept under that number.
func (r *labelSchema) uses(kept int) bool {
	return slices.ContainsFunc(r.lookups, func(l lookupStep) bool {
		return l.kept == kept || (l.subtypes != nil && l.subtypes.kept == kept)
	})
}

// hint compiles a DISPLAY-HINT. Values that a faulty one cannot show are shown in hexadecimal digits.
func (b *moduleBuilder) hint(text string) *hint.Hint {
	if text == "" {
		return nil
	}
	h, err := hint.Parse(text)
	if err != nil {
		b.warn("%v", err)
	}
	return h
}

// labelWriter renders the labels of the rows of one schema. Its buffers are reused from row to row.
type labelWriter struct {
	schema *labelSchema
	lists  []held.List
	text   []byte   // the slots' texts, one after another
	texts  [][2]int // of each slot in text
	keys   [][]byte // the numbers each slot stands for
	pad    []byte   // numbers that are not part of an index
	key    []byte
	guess  []int // of each lookup: where its object's next row probably is

	rowsWith []map[string]int // of each lookup: how many rows of its object have a text; nil until it is asked for
}

func newLabelWriter(r *labelSchema, lists []held.List) *labelWriter {
	return &labelWriter{schema: r, lists: lists, texts: make([][2]int, len(r.slots)), keys: make([][]byte, len(r.slots)), guess: make([]int, len(r.lookups))}
}

// appendRow writes the labels of the row with that index.
func (w *labelWriter) appendRow(dst, index []byte) []byte {
	w.text, w.pad = w.text[:0], w.pad[:0]
	clear(w.keys)
	rest := w.decode(index, w.schema.indexes[:w.schema.parts])
	whole := !w.schema.distinct || w.whole(rest)
	w.decode(rest, w.schema.indexes[w.schema.parts:])
	for i := range w.schema.lookups {
		w.lookup(&w.schema.lookups[i], &w.guess[i])
	}
	start := len(dst)
	for i := range w.schema.labels {
		l := &w.schema.labels[i]
		switch {
		case l.slot < 0 && whole, slices.ContainsFunc(l.unless, w.unique):
			continue
		case l.slot < 0:
			w.key = appendRowIndex(w.key[:0], index)
			dst = series.AppendLabel(dst, start, l.name, w.key)
			continue
		}
		span := w.texts[l.slot]
		dst = series.AppendLabel(dst, start, l.name, w.text[span[0]:span[1]])
	}
	return dst
}

// decode sets the slots of parts of an index, and returns what is left of it.
func (w *labelWriter) decode(index []byte, parts []indexStep) (rest []byte) {
	for i := range parts {
		step := &parts[i]
		start := len(w.text)
		w.text, w.keys[step.slot], index = step.indexDecoder.decode(w.text, arcs{index, &w.pad})
		w.texts[step.slot] = [2]int{start, len(w.text)}
	}
	return index
}

// lookup sets a slot to the text of the value it finds; without one the text is empty. A number that
// was found takes the place of the slot's numbers, so that another lookup may build on it.
func (w *labelWriter) lookup(step *lookupStep, guess *int) {
	start := len(w.text)
	w.texts[step.slot] = [2]int{start, start}
	key := w.lookupKey(step)
	if key == nil {
		return
	}
	list := &w.lists[step.kept]
	at := list.Keys.Find(key, *guess)
	if at < 0 {
		return
	}
	*guess = at + 1
	w.text = w.appendLooked(w.text, step, key, at)
	w.texts[step.slot] = [2]int{start, len(w.text)}
	w.keys[step.slot] = w.numbersOf(list.Get(at))
}

// appendLooked appends the text of the value of a lookup's object in row number at, which has that index.
func (w *labelWriter) appendLooked(dst []byte, step *lookupStep, index []byte, at int) []byte {
	form := step.form
	if step.subtypes != nil {
		form.format = step.subtypes.find(w.lists, index, at)
	}
	return form.appendText(dst, w.lists[step.kept].Get(at))
}

func (w *labelWriter) lookupKey(step *lookupStep) []byte {
	if len(step.inputs) == 1 {
		if step.inputs[0] < 0 || len(w.keys[step.inputs[0]]) == 0 {
			return nil
		}
		return w.keys[step.inputs[0]]
	}
	w.key = w.key[:0]
	for _, slot := range step.inputs {
		if slot < 0 || len(w.keys[slot]) == 0 {
			return nil
		}
		w.key = append(w.key, w.keys[slot]...)
	}
	return w.key
}

// numbersOf returns the index for a lookup that builds on the value of another lookup: v if it is an
// integer, else 0, as in snmp_exporter, or nil where rows are distinct. It returns nil if v is not in the range of an
// index.
func (w *labelWriter) numbersOf(v snmp.VarBind) []byte {
	start := len(w.pad)
	i, err := v.Int()
	if err != nil {
		i = 0
	}
	if err != nil && w.schema.distinct || i < 0 || i > 1<<32-1 {
		return nil
	}
	w.pad = snmp.AppendArc(w.pad, uint32(i))
	return w.pad[start:len(w.pad):len(w.pad)]
}

// find returns the format of the row with that index.
func (s *subtypeSource) find(lists []held.List, index []byte, guess int) *format {
	list := &lists[s.kept]
	if i := list.Keys.Find(index, guess); i >= 0 {
		if subtype, err := list.Get(i).Int(); err == nil {
			if f := s.types[subtype]; f != nil {
				return f
			}
		}
	}
	return hexString
}
