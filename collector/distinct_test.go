package collector

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"trapline/internal/setting"
	"trapline/internal/snmp"
)

func TestLookedUpLabelsKeepTheIndexWhereTheyDoNotTellRowsApart(t *testing.T) {
	const metrics = "walk: [1.3]\nmetrics:\n- {name: m, oid: 1.3.9.1, type: gauge, indexes: [{labelname: i, type: gauge}], lookups: [{labels: [i], labelname: n, oid: 1.3.9.2, type: DisplayString}, {labels: [], labelname: i}]}\n"
	m := distinct(parse(t, metrics))
	got := rowsOf(t, m, newDevice(t, `
1.3.9.1.1 = int: 1
1.3.9.1.2 = int: 2
1.3.9.1.3 = int: 3
1.3.9.1.4 = int: 4
1.3.9.1.5 = int: 5
1.3.9.1.1.7 = int: 6
1.3.9.2.1 = str: one
1.3.9.2.2 = str: same
1.3.9.2.3 = str: same
1.3.9.2.4 = str: `))
	want := map[string]string{"1": `{n="one"}`, "2": `{i="2",n="same"}`, "3": `{i="3",n="same"}`, "4": `{i="4",}`, "5": `{i="5",}`, "6": `{n="one",row_index="1.7"}`}
	if !maps.Equal(got, want) {
		t.Errorf("rows have the labels %v, want %v", got, want)
	}
}

// Distinct indexes have distinct labels, whatever the parts of the index are, the lookups find and the agent sends;
// the labels of a row depend neither on the other rows nor on the order of arrival.
func TestDistinctRowsHaveDistinctLabels(t *testing.T) {
	for seed := range uint64(8000) {
		r := rand.New(rand.NewPCG(seed, 13))
		s := randomTable(r)
		m := distinct(s)
		d, looked := randomRows(r), randomLooked(r)
		all := rowsOf(t, m, append(slices.Clone(d), looked...))
		if len(all) != len(d) {
			t.Fatalf("seed %d: %d rows have values, want %d", seed, len(all), len(d))
		}
		first := map[string]string{}
		for row, labels := range all {
			if other, taken := first[labels]; taken {
				t.Fatalf("seed %d: rows %s and %s both have the labels %s\n%+v", seed, other, row, labels, s.Metrics[0])
			}
			first[labels] = row
		}
		r.Shuffle(len(d), func(i, j int) { d[i], d[j] = d[j], d[i] })
		for row, labels := range rowsOf(t, m, append(slices.Clone(looked), d[:len(d)/2]...)) {
			if labels != all[row] {
				t.Fatalf("seed %d: row %s has the labels %s among half of the rows, and %s among all", seed, row, labels, all[row])
			}
		}
	}
}

func distinct(s *Settings) *Module {
	s.Distinct = true
	return Compile("test", s)
}

// noText matches labels that are as good as none.
var noText = regexp.MustCompile(`[a-z_]+="",?`)

// rowsOf returns the labels of the series of a pass by their values.
func rowsOf(t *testing.T, m *Module, d device) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for line := range strings.Lines(samples(t, m.Collect(t.Context(), d, Options{}).Set)) {
		at := strings.LastIndexByte(line, ' ')
		labels := noText.ReplaceAllString(strings.TrimPrefix(line[:at], "m"), "")
		rows[strings.TrimSpace(line[at:])] = labels
	}
	return rows
}

func randomTable(r *rand.Rand) *Settings {
	m := MetricSettings{Name: "m", OID: setting.ParseOID("1.3.9.1"), Type: "gauge"}
	enum := map[int]string{1: "up", 2: "down", 3: "up"}
	for range r.IntN(4) {
		x := IndexSettings{LabelName: pick(r, "a", "b", "c"), Type: pick(r, "gauge", "DisplayString", "OctetString", "PhysAddress48", "InetAddressIPv4", "InetAddress", "InetAddressMissingSize", "ObjectIdentifier", "LldpPortId", "EnumAsInfo"), EnumValues: enum}
		x.FixedSize, x.Implied = max(0, r.IntN(6)-3), r.IntN(4) == 0
		m.Indexes = append(m.Indexes, x)
	}
	own := len(m.Indexes)
	for i := range r.IntN(4) {
		if len(m.Indexes) == 0 {
			break
		}
		source := m.Indexes[r.IntN(len(m.Indexes))].LabelName
		name := pick(r, "x", "y", "a")
		m.Lookups = append(m.Lookups, LookupSettings{Labels: []string{source}, LabelName: name, OID: setting.ParseOID(fmt.Sprint("1.3.9.", 2+i)), Type: pick(r, "DisplayString", "gauge", "EnumAsInfo"), EnumValues: enum})
		if !slices.ContainsFunc(m.Indexes, func(x IndexSettings) bool { return x.LabelName == name }) {
			m.Indexes = append(m.Indexes, IndexSettings{LabelName: name, Type: "gauge", Looked: true})
		}
	}
	for _, l := range slices.Clone(m.Lookups) {
		if r.IntN(2) == 0 {
			m.Lookups = append(m.Lookups, LookupSettings{LabelName: l.Labels[0]})
		}
	}
	if own == 0 {
		m.Lookups = nil
	}
	return &Settings{Walk: []setting.OID{setting.ParseOID("1.3")}, Metrics: []MetricSettings{m}}
}

func pick(r *rand.Rand, words ...string) string { return words[r.IntN(len(words))] }

// randomRows are values, each another, of rows with distinct indexes.
func randomRows(r *rand.Rand) (d device) {
	taken := map[string]bool{}
	for i := range 1 + r.IntN(12) {
		name := randomIndex(r, snmp.MustParseOID("1.3.9.1"))
		if len(d) > 0 && r.IntN(3) > 0 {
			name = near(r, d[r.IntN(len(d))].Name)
		}
		if !taken[string(name)] {
			taken[string(name)] = true
			d = append(d, snmp.VarBind{Name: name, Type: snmp.Integer, Value: snmp.AppendInt(nil, int64(i))})
		}
	}
	return d
}

// randomLooked are values of the objects that are looked up.
func randomLooked(r *rand.Rand) (d device) {
	for range r.IntN(20) {
		object := snmp.MustParseOID(fmt.Sprint("1.3.9.", 2+r.IntN(3)))
		v := snmp.VarBind{Name: snmp.AppendArc(object, randomArc(r)), Type: snmp.OctetString}
		if r.IntN(3) == 0 {
			v.Name = randomIndex(r, object)
		}
		if v.Value = []byte(pick(r, "", "p", "q", "r", "s", "t", "\xff", "\xfe\xff", "1")); r.IntN(2) == 0 {
			v.Type, v.Value = snmp.Integer, snmp.AppendInt(nil, int64(r.IntN(4)))
		}
		d = append(d, v)
	}
	return d
}

func randomIndex(r *rand.Rand, oid snmp.OID) snmp.OID {
	for range r.IntN(8) {
		oid = snmp.AppendArc(oid, randomArc(r))
	}
	return oid
}

func randomArc(r *rand.Rand) uint32 {
	return []uint32{0, 1, 1, 2, 3, 4, 4, 97, 98, 200, 254, 300, 353}[r.IntN(13)]
}

// near returns a name with one number of its index changed.
func near(r *rand.Rand, name snmp.OID) snmp.OID {
	column := len(snmp.MustParseOID("1.3.9.1"))
	changed, at := slices.Clone(name[:column]), r.IntN(6)
	for i, index := 0, name[column:]; len(index) > 0; i++ {
		arc, rest, _ := snmp.CutArc(index)
		if i == at {
			arc = randomArc(r)
		}
		changed, index = snmp.AppendArc(changed, arc), rest
	}
	return changed
}
