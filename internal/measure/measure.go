package measure

import (
	"regexp"
	"slices"

	"trapline/internal/snmp"
)

// Column is an object that a measure names, with what its MIB says.
type Column struct {
	Name     string         // MODULE::name, or the OID of an object that is in no MIB
	OID      snmp.OID       // of the object, without an instance
	Instance []byte         // the index of the only instance that counts; nil: every row
	Enum     map[int]string // labels of its numbers
	Scalar   bool           // it has the instance 0 only
	Text     bool           // its values are texts, as far as its MIB says
	Known    bool           // it is in a MIB
	Table    string         // OID of its table, or of what it augments; "" unless Known
	Index    []Part         // of its table; nil unless Known

	from []int // the parts of the index of the measure's objects that make its own
	part int   // it is no object but a part of their index: from 1, or from -1 backwards
}

// Measure is an entry of measures with its names resolved.
type Measure struct {
	columns   []Column // all that are named
	objects   []int    // columns of the value; of several the first that has one, row by row
	kinds     []kind
	by        int // column that chooses the kind, or none
	byValue   Choice
	text      *regexp.Regexp
	float32   bool
	states    *Choice
	unmapped  int // the state of other values, or noState
	absent    Choice
	only      []condition
	scale     scaling
	labels    []label // sorted by name
	limits    []limit
	aggregate string
	space     [spaceParts][]int // columns of memory and filesystems
	info      []info            // labels of device_info; then nothing else counts
}

// none is the number of no column.
const none = -1

// noState is a state of which no series is made.
const noState = -1

// kind is a metric with the conversion to its unit.
type kind struct {
	metric *Metric
	base   string
	Conversion
}

type condition struct {
	column int
	values Choice
	not    bool
}

// scaling is a scale that stands in another column.
type scaling struct {
	divide, multiply, exponent, precision int
	entity                                bool // the exponent is an EntitySensorDataScale
}

// label is a label and its text. That of hw_type may depend on a column.
type label struct {
	name   string
	text   template
	column int // whose value chooses of types; none: text counts
	values Choice
	types  []string
	port   int // column of ifName, for the label ifName
}

type limit struct {
	key    string
	column int // or none
	number float64
}

// Parts of memory and filesystems.
const (
	used = iota
	free
	total
	percent
	buffers
	cached
	spaceParts
)

// Objects are the columns whose values the measure makes series of.
func (m *Measure) Objects() []Column {
	if m.info != nil {
		return nil
	}
	list := pick(m.columns, m.objects)
	for _, part := range m.space {
		list = append(list, pick(m.columns, part)...)
	}
	for _, l := range m.limits {
		if l.column != none {
			list = append(list, m.columns[l.column])
		}
	}
	return list
}

// Decisive are the columns that decide over the values of series, or over which there are. All others are in labels.
func (m *Measure) Decisive() []Column {
	numbers := []int{m.by, m.scale.divide, m.scale.multiply, m.scale.exponent, m.scale.precision}
	for i := range m.only {
		numbers = append(numbers, m.only[i].column)
	}
	numbers = slices.DeleteFunc(numbers, func(i int) bool { return i == none })
	if m.info != nil {
		numbers = nil
	}
	return append(m.Objects(), pick(m.columns, numbers)...)
}

// Reads reports whether the measure is made of objects in a subtree, or of one that it lies in.
func (m *Measure) Reads(root snmp.OID) bool {
	list := m.Objects()
	if m.info != nil {
		list = m.columns
	}
	return slices.ContainsFunc(list, func(c Column) bool { return c.OID.HasPrefix(root) || root.HasPrefix(c.OID) })
}

// Columns are all columns that the measure reads.
func (m *Measure) Columns() []Column { return m.columns }

// resembles reports whether both measures make a metric of one object.
func (m *Measure) resembles(other *Measure) bool {
	for i := range m.kinds {
		for j := range other.kinds {
			if m.kinds[i].metric != other.kinds[j].metric {
				continue
			}
			for _, a := range m.Objects() {
				for _, b := range other.Objects() {
					if string(a.OID) == string(b.OID) {
						return true
					}
				}
			}
		}
	}
	return false
}

func pick(columns []Column, numbers []int) []Column {
	var list []Column
	for _, i := range numbers {
		list = append(list, columns[i])
	}
	return list
}
