package measure

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"trapline/internal/held"
	"trapline/internal/snmp"
)

// kept are measures that can be remembered.
var kept = append(slices.Clone(wide[:2]), wide[3:7]...)

func init() {
	kept = append(kept,
		`{metric: hw_voltage, object: second, unit: mV, scale: {exponent: scale, precision: digits}, limit: {high.critical: high, low.degraded: 5}, name: '{unit}'}`,
		`{metric: hw_status, object: words, text: '(\w+)$', states: {ok: [normal, 1], failed: [up]}}`,
		`{metric: hw_power, object: [words, high], unit: W, text: '([\d.]+)', type: {kind: {celsius: battery}}, absent: [0, '< -5']}`,
		`{metric: hw_info, object: digits, name: '{name}', labels: {model: '{words}'}, only: {'slot': ['/./']}}`,
		`{metric: hw_current, object: value, only: {'{2}': [1, 2]}, scale: {divide_by: '{1}'}, limit: {high.critical: '{2}'}}`,
		`{by: {'{1}': {1: hw_power, 2: hw_energy}}, object: second}`,
		`{metric: wireless_clients, object: high, aggregate: max, only: {kind: ['!celsius']}}`,
		`{metric: network_sessions, object: system, text: '(\d+)'}`)
}

// passes computes measures of the same program, with a memory and without.
type passes struct {
	program *Program
	place   map[string]int
	memory  Memory
	with    *Evaluation
	without *Evaluation
}

func newPasses(measures []*Measure) *passes {
	p := &passes{place: map[string]int{}}
	p.program = New(measures, func(o snmp.OID) int {
		if _, known := p.place[string(o)]; !known {
			p.place[string(o)] = len(p.place)
		}
		return p.place[string(o)]
	}, func(name string) string { return name })
	p.with, p.without = p.program.Evaluation(), p.program.Evaluation()
	return p
}

// both returns all that is known of a pass, computed with the memory and without, and how many measures were recalled.
func (p *passes) both(values []arrival, in Input) (with, without string, recalled int) {
	in.Lists = make([]held.List, len(p.place))
	for _, a := range values {
		if i, wanted := p.place[string(objects[a.object].OID)]; wanted {
			in.Lists[i].Set(snmp.MustParseOID("1.3." + a.index)[1:], a.value)
		}
	}
	text := func(e *Evaluation, in Input) string {
		columns, left, full := e.Columns(in)
		var b strings.Builder
		for i := range columns {
			c := &columns[i]
			fmt.Fprintf(&b, "%p %v %v %q %v %q %v %q %v\n", c.Desc, c.Values, c.Rows, c.Extra, c.ExtraEnds, c.Table.Labels, c.Table.Ends, c.Table.Indexes, c.Table.IndexEnds)
		}
		return fmt.Sprint(b.String(), left, full)
	}
	without = text(p.without, in)
	in.Memory = &p.memory
	before := p.memory.steps
	tables := map[any]bool{}
	for i := range before {
		tables[before[i].table] = true
	}
	with = text(p.with, in)
	for i := range p.memory.steps {
		if t := p.memory.steps[i].table; t != nil && tables[t] {
			recalled++
		}
	}
	return with, without, recalled
}

// changed changes values, the rows that there are, and their order: mostly values of objects that are measured.
func changed(r *rand.Rand, all []arrival) []arrival {
	all = slices.Clone(all)
	for range r.IntN(4) {
		if len(all) == 0 {
			break
		}
		a := &all[r.IntN(len(all))]
		if slices.Contains([]string{"value", "second", "high", "state"}, a.object) || r.IntN(8) == 0 {
			a.value = randomValue(r)
		}
	}
	switch r.IntN(16) {
	case 0:
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	case 1:
		if len(all) > 0 {
			i := r.IntN(len(all))
			all = slices.Delete(all, i, i+1)
		}
	case 2:
		object := []string{"value", "name", "kind", "slot", "ifName"}[r.IntN(5)]
		index := strconv.Itoa(r.IntN(4))
		if objects[object].Table == "1" {
			index += "." + strconv.Itoa(r.IntN(4))
		}
		all = append(all, arrival{object, index, randomValue(r)})
	}
	return all
}

// With a memory a pass makes what it makes without, whatever changed since the passes before.
func TestAMemoryChangesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 5))
	recalled, passed := 0, 0
	for range 500 {
		var measures []*Measure
		for _, i := range r.Perm(len(kept))[:1+r.IntN(len(kept))] {
			measures = append(measures, resolve(t, kept[i]))
		}
		if r.IntN(4) == 0 {
			measures = append(measures, resolve(t, wide[2]), resolve(t, `{metric: hw_humidity, object: value, name: again, absent: ['> 5']}`), resolve(t, wide[7]))
		}
		p := newPasses(measures)
		all := random(r).all
		if r.IntN(2) == 0 {
			for i := range all {
				all[i].value = integer(int64(1 + r.IntN(9)))
			}
		}
		for range 12 {
			lost, indexes, room := "", r.IntN(12) > 0, 1<<20
			if r.IntN(12) == 0 {
				lost = slices.Sorted(keysOf(objects))[r.IntN(len(objects))]
			}
			if r.IntN(12) == 0 {
				room = r.IntN(2000)
			}
			in := Input{Lost: func(o []byte) bool { return lost != "" && string(o) == string(objects[lost].OID) }, Indexes: indexes, Room: room}
			with, without, n := p.both(all, in)
			if with != without {
				t.Fatalf("with a memory\n%s\nwithout\n%s", with, without)
			}
			recalled, passed = recalled+n, passed+len(measures)
			all = changed(r, all)
		}
	}
	t.Logf("%d of %d measures were recalled", recalled, passed)
	if recalled < passed/5 {
		t.Errorf("of %d measures only %d were recalled", passed, recalled)
	}
}

// A device with many rows that make no samples takes no memory for them.
func TestAMemoryIsBoundedBySamples(t *testing.T) {
	for _, rows := range []int{maxIdle / 2, 4 * maxIdle} {
		var measures []*Measure
		for _, s := range []string{`{metric: hw_temperature, object: value, absent: [9]}`, `{metric: wireless_clients, object: value, aggregate: sum}`} {
			measures = append(measures, resolve(t, s))
		}
		p := newPasses(measures)
		var all []arrival
		for row := range rows {
			all = append(all, arrival{"value", strconv.Itoa(row), integer(9)})
		}
		for range 3 {
			if with, without, _ := p.both(all, Input{Lost: func([]byte) bool { return false }, Room: 1 << 20}); with != without {
				t.Fatalf("with a memory\n%s\nwithout\n%s", with, without)
			}
		}
		for i := range p.memory.steps {
			if n := len(p.memory.steps[i].readings); n != rows && rows < maxIdle || n > maxIdle+1 {
				t.Errorf("of %d rows %d readings are kept", rows, n)
			}
		}
	}
}

// A part of the index is no object.
func TestPartsAreNoObjects(t *testing.T) {
	var s Settings
	if err := yaml.Unmarshal([]byte(`{metric: hw_temperature, object: '{1}'}`), &s); err != nil {
		t.Fatal(err)
	}
	if m, problems, _ := s.Resolve(nil, find); m != nil || len(problems) != 1 {
		t.Errorf("%v, %v", m, problems)
	}
}
