package fleet

import (
	"cmp"
	"slices"
	"strings"

	"trapline/internal/history"
	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// tablesOf are the tables of a poll: interfaces first, then vendor-neutral measures, scalars last.
func tablesOf(p *poller.Pass) []polledTable {
	var list []polledTable
	at := map[string]int{}
	metrics := map[string][]string{}
	for _, set := range p.Sets {
		for i := range set.Columns {
			c := &set.Columns[i]
			if c.Desc.Object == nil || c.Desc.Computed {
				continue
			}
			entry := tableKey(c)
			n, known := at[entry]
			if !known {
				n = len(list)
				at[entry] = n
				list = append(list, polledTable{entries: []string{entry}})
			}
			if c.Carried == nil {
				list[n].read = true
			} else if list[n].carried == nil || c.Carried.Due.Before(list[n].carried.Due) {
				list[n].carried = c.Carried
			}
			list[n].rows = max(list[n].rows, len(c.Table.Ends))
			metrics[entry] = append(metrics[entry], c.Desc.Name)
		}
	}
	list = joinInterfaces(list)
	taken := map[string]bool{}
	neutral := measuredTables(p)
	for i := range neutral {
		taken[neutral[i].name] = true
	}
	for i := range list {
		t := &list[i]
		t.entitle(metrics[t.entries[0]])
		if t.name == scalars {
			t.rows = len(metrics[scalars])
		}
		if taken[t.name] {
			t.name = t.oid.String()
		}
		taken[t.name] = true
	}
	list = append(list, neutral...)
	slices.SortStableFunc(list, func(a, b polledTable) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), strings.Compare(a.title, b.title))
	})
	return list
}

// polledTable is an SNMP table of which a poll has samples.
type polledTable struct {
	name, title string
	oid         snmp.OID
	entries     []string // whose columns it has
	rows        int
	read        bool // the poll read some of it
	carried     *series.Carried
	family      int // one more than its place in families; 0 of tables of objects
}

var (
	ifEntry  = snmp.MustParseOID("1.3.6.1.2.1.2.2.1")
	ifXEntry = snmp.MustParseOID("1.3.6.1.2.1.31.1.1.1")
)

// scalars is the name of the table that has all that is in no table.
const scalars = "scalars"

// tableKey returns the table that a column belongs to; scalars are in none.
func tableKey(c *series.Column) string {
	if len(c.Table.Ends) == 1 && len(c.Table.Labels) == 0 {
		return scalars
	}
	return entryOf(c.Desc.Object)
}

// joinInterfaces makes one table of ifTable and ifXTable.
func joinInterfaces(list []polledTable) []polledTable {
	x := slices.IndexFunc(list, func(t polledTable) bool { return t.entries[0] == string(ifXEntry) })
	n := slices.IndexFunc(list, func(t polledTable) bool { return t.entries[0] == string(ifEntry) })
	if x < 0 || n < 0 {
		return list
	}
	list[n].entries = append(list[n].entries, list[x].entries...)
	list[n].read = list[n].read || list[x].read
	list[n].rows = max(list[n].rows, list[x].rows)
	return slices.Delete(list, x, x+1)
}

func (t *polledTable) interfaces() bool {
	return t.family == 0 && (t.entries[0] == string(ifEntry) || t.entries[0] == string(ifXEntry))
}

func (t *polledTable) rank() int {
	switch {
	case t.interfaces():
		return 0
	case t.family > 0:
		return t.family
	case t.name == scalars:
		return len(families) + 2
	}
	return len(families) + 1
}

// entitle returns the table its name: the one of its MIB where that is known, else the common prefix of the names of
// its metrics.
func (t *polledTable) entitle(metrics []string) {
	entry := t.entries[0]
	if entry == scalars {
		t.name, t.title = scalars, "Scalars"
		return
	}
	t.oid = snmp.OID(entry).Parent()
	if t.interfaces() {
		t.name, t.title = history.Interfaces, "Interfaces"
		return
	}
	if known, ok := knownTables[t.oid.String()]; ok {
		t.name, t.title = known.name, known.title
		return
	}
	prefix := metrics[0]
	for _, name := range metrics {
		for !strings.HasPrefix(name, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	t.name = strings.TrimRight(prefix, "_:")
	if len(t.name) < 3 {
		t.name = t.oid.String()
	}
	t.title = t.name
}
