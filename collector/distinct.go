package collector

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"trapline/internal/snmp"
)

// Rows with distinct indexes have distinct labels if a module says so. The labels of a row follow from its index
// and from the objects that it looks up, never from which other rows there are:
//
//   - A label that lookups take the place of is left out only where one of them finds a text that no other row of
//     its object has.
//   - A row whose labels do not say all of its index, because the index has more or fewer numbers than its MIB says,
//     or octets that are no text, has the whole index in the label row_index.
const rowIndexLabel = "row_index"

// appendRowIndex appends the text of row_index. A label with no text would be as good as none.
func appendRowIndex(dst, index []byte) []byte {
	if len(index) == 0 {
		return append(dst, '-')
	}
	return appendDotted(dst, index)
}

// leavesOut reports whether a lookup takes the place of a label.
func leavesOut(m *MetricSettings, label string) bool {
	return slices.ContainsFunc(m.Lookups, func(l LookupSettings) bool { return len(l.Labels) == 0 && l.LabelName == label })
}

// makeDistinct completes the schema of a module whose rows are distinct. The label drop is left out.
func (b *moduleBuilder) makeDistinct(s *labelSchema, m *MetricSettings, drop string) {
	s.distinct = true
	s.vague = drop != "" && !leavesOut(m, drop)
	parts := map[int]bool{} // slots of the index
	for i := range m.Indexes {
		if m.Indexes[i].Looked {
			continue
		}
		step := &s.indexes[i]
		step.enum = distinctLabels(step.enum)
		s.parts = i + 1
		s.vague = s.vague || parts[step.slot]
		parts[step.slot] = true
	}
	for i := range s.lookups {
		s.vague = s.vague || parts[s.lookups[i].slot]
	}
	for slot, name := range s.slots {
		if name != drop && leavesOut(m, name) {
			s.labels = append(s.labels, outputLabel{slot: slot, name: b.labelName(name), unless: s.builtOn(slot)})
		}
	}
	s.labels = append(s.labels, outputLabel{slot: -1, name: b.labelName(rowIndexLabel)})
	slices.SortFunc(s.labels, func(a, b outputLabel) int { return strings.Compare(a.name, b.name) })
}

// builtOn returns the lookups that use a slot, without those whose label another one sets later.
func (s *labelSchema) builtOn(slot int) []int {
	list := []int{}
	for i := range s.lookups {
		later := s.lookups[i+1:]
		replaced := slices.ContainsFunc(later, func(l lookupStep) bool { return l.slot == s.lookups[i].slot })
		if slices.Contains(s.lookups[i].inputs, slot) && !replaced {
			list = append(list, i)
		}
	}
	return list
}

// distinctLabels returns an enumeration in which no two numbers have one label: of several the lowest keeps it.
func distinctLabels(enum map[int]string) map[int]string {
	owner := make(map[string]int, len(enum))
	for number, label := range enum {
		if first, taken := owner[label]; !taken || number < first {
			owner[label] = number
		}
	}
	if len(owner) == len(enum) {
		return enum
	}
	distinct := make(map[int]string, len(enum))
	for number, label := range enum {
		if distinct[number] = label; owner[label] != number {
			distinct[number] = strconv.Itoa(number)
		}
	}
	return distinct
}

// whole reports whether the labels say all of an index, of which rest was not decoded.
func (w *labelWriter) whole(rest []byte) bool {
	if w.schema.parts == 0 {
		return len(rest) == 1 && rest[0] == 0 // a scalar's
	}
	if w.schema.vague || len(rest) > 0 || len(w.pad) > 0 {
		return false
	}
	for i := range w.schema.indexes[:w.schema.parts] {
		step := &w.schema.indexes[i]
		span := w.texts[step.slot]
		if !step.format.exact(w.text[span[0]:span[1]], w.keys[step.slot]) {
			return false
		}
	}
	return true
}

// exact reports whether no other numbers of an index have that text.
func (f *format) exact(text, numbers []byte) bool {
	switch f {
	case oneNumber, manyNumbers, enumLabel, bitString, ipv4Address:
		return true
	case lldpPortID:
		return false // the text does not say of which kind it is
	case inetAddress:
		return !wide(numbers) && fits(numbers)
	}
	return !wide(numbers) && utf8.Valid(text)
}

// wide reports whether a number is no octet.
func wide(numbers []byte) bool {
	for len(numbers) > 0 {
		arc, rest, ok := snmp.CutArc(numbers)
		if !ok || arc > 255 {
			return true
		}
		numbers = rest
	}
	return false
}

// fits reports whether the length in an InetAddress is that of its type.
func fits(numbers []byte) bool {
	subtype, rest, _ := snmp.CutArc(numbers)
	length, _, _ := snmp.CutArc(rest)
	known := addresses[int64(subtype)]
	return known == nil || int(length) == known.arcs
}

// unique reports whether a lookup found a text that no other row of its object has.
func (w *labelWriter) unique(i int) bool {
	step := &w.schema.lookups[i]
	span := w.texts[step.slot]
	if span[0] == span[1] {
		return false
	}
	if w.rowsWith == nil {
		w.rowsWith = make([]map[string]int, len(w.schema.lookups))
	}
	if w.rowsWith[i] == nil {
		w.rowsWith[i] = w.countTexts(step)
	}
	return w.rowsWith[i][string(validUTF8(w.text[span[0]:span[1]]))] == 1
}

// countTexts counts the rows of a lookup's object with each text.
func (w *labelWriter) countTexts(step *lookupStep) map[string]int {
	list := &w.lists[step.kept]
	rows := make(map[string]int, list.Keys.Len())
	var text []byte
	for at := range list.Keys.Len() {
		text = w.appendLooked(text[:0], step, list.Keys.Key(at), at)
		rows[string(validUTF8(text))]++
	}
	return rows
}
