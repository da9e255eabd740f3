package tools

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"trapline/collector"
	"trapline/config"
	"trapline/internal/agent"
	"trapline/internal/client"
	"trapline/internal/poller"
	"trapline/internal/profile"
	"trapline/internal/replay"
	"trapline/internal/snmp"
)

// hostile is a device whose rows, texts and kinds change from poll to poll.
type hostile struct {
	r       *rand.Rand
	columns []snmp.OID
	scalars []snmp.OID
	indexes []snmp.OID
	values  map[string]snmp.VarBind
}

func newHostile(r *rand.Rand, modules []*profile.Module) *hostile {
	d := &hostile{r: r, values: map[string]snmp.VarBind{}}
	for _, m := range modules {
		s, err := m.Settings()
		if err != nil {
			continue
		}
		for _, measure := range s.Measures {
			for _, c := range measure.Columns() {
				d.columns = append(d.columns, c.OID)
			}
		}
		for _, get := range s.Get {
			d.scalars = append(d.scalars, get.OID)
		}
	}
	for range 1 + r.IntN(12) {
		d.indexes = append(d.indexes, d.index())
	}
	return d
}

// index has up to as many numbers as an OID may have.
func (d *hostile) index() snmp.OID {
	var index snmp.OID
	for range 1 + d.r.IntN([]int{2, 3, 8, 110}[d.r.IntN(4)]) {
		index = snmp.AppendArc(index, []uint32{d.r.Uint32N(4), d.r.Uint32N(300), d.r.Uint32()}[d.r.IntN(3)])
	}
	return index
}

func (d *hostile) value(name snmp.OID) snmp.VarBind {
	v := snmp.VarBind{Name: name, Type: snmp.Integer, Value: snmp.AppendInt(nil, int64(d.r.IntN(20)))}
	switch d.r.IntN(9) {
	case 0:
		v.Type, v.Value = snmp.OctetString, bytes.Repeat([]byte{byte(d.r.UintN(256)), byte(d.r.UintN(256))}, d.r.IntN(20))
	case 1:
		v.Type, v.Value = snmp.OctetString, []byte(strings.Repeat([]string{"a", "\xff\xfe", "ü", "1", "\"\\\n", "\x00"}[d.r.IntN(6)], d.r.IntN(300)))
	case 2:
		v.Value = snmp.AppendInt(nil, d.r.Int64N(1<<32)-1<<31)
	case 3:
		v.Type = []snmp.Type{snmp.Gauge32, snmp.Counter32, snmp.Counter64, snmp.TimeTicks, snmp.Opaque}[d.r.IntN(5)]
	case 4:
		v.Type, v.Value = snmp.OctetString, []byte([]string{"up", "ok", "failed", "12.5 C", "-40", "", "nan", "1e999"}[d.r.IntN(8)])
	}
	return v
}

// change gives some instances other values, removes some, and adds some: columns come late, or never.
func (d *hostile) change(share float64) {
	for _, column := range d.columns {
		if d.r.Float64() > share {
			continue
		}
		for _, index := range d.indexes {
			name := append(slices.Clone(column), index...)
			if d.r.IntN(3) == 0 {
				delete(d.values, string(name))
			} else if d.r.IntN(2) == 0 {
				d.values[string(name)] = d.value(name)
			}
		}
	}
	for _, name := range d.scalars {
		if d.r.Float64() < share {
			d.values[string(name)] = d.value(name)
		}
	}
	if d.r.IntN(4) == 0 {
		d.indexes[d.r.IntN(len(d.indexes))] = d.index()
	}
	if name := snmp.MustParseOID("1.3.6.1.2.1.1.1.0"); d.r.IntN(3) == 0 {
		d.values[string(name)] = snmp.VarBind{Name: name, Type: snmp.OctetString, Value: bytes.Repeat([]byte{byte(d.r.UintN(256))}, 1<<16-1)}
	}
}

func (d *hostile) recording() *agent.Recording {
	var b agent.Builder
	for _, key := range slices.Sorted(maps.Keys(d.values)) {
		v := d.values[key]
		b.Add(v.Name, v.Type, v.Value)
	}
	return b.Recording()
}

// Whatever a device answers, and however it changes: a poll of a target that was polled before makes the measures that a first poll
// makes, no two of them are equal, and their size is bounded.
func TestMeasuresOfHostileDevices(t *testing.T) {
	book, err := config.Profiles(nil, config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	catalog := poller.NewCatalog(nil, nil, func() (*profile.Registry, error) { return book, nil })
	catalog.Shipped = config.Shipped
	all := book.Modules()
	names := slices.Sorted(maps.Keys(all))
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 1))
		settings := poller.TargetSettings{Name: "hostile"}
		var modules []*profile.Module
		for range 8 {
			if name := names[r.IntN(len(names))]; !slices.Contains(settings.Modules, name) {
				settings.Modules, modules = append(settings.Modules, name), append(modules, all[name])
			}
		}
		target := func() *poller.Target {
			made, err := poller.NewTarget(&settings, &poller.Global{}, catalog)
			if err != nil {
				t.Fatal(err)
			}
			return made
		}
		known, d := target(), newHostile(r, modules)
		d.change(1)
		for poll := range 6 {
			d.change(r.Float64() * 0.5)
			recording := d.recording()
			got, size := measuresOf(t, known, recording)
			want, _ := measuresOf(t, target(), recording)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, poll %d of %v: after others it makes\n%s\nand as the first one\n%s", seed, poll, settings.Modules, strings.Join(without(got, want), "\n"), strings.Join(without(want, got), "\n"))
			}
			if most := 1<<20 + 200*recordingSize(recording); size > most {
				t.Errorf("seed %d, poll %d: %d octets of series of a device with %d", seed, poll, size, recordingSize(recording))
			}
		}
	}
}

func without(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(line string) bool { return slices.Contains(others, line) })
}

func recordingSize(r *agent.Recording) (size int) {
	for i := range r.Len() {
		v := r.Object(i, 0)
		size += len(v.Name) + len(v.Value)
	}
	return size
}

// measuresOf polls, and returns the measures and the size of all series.
func measuresOf(t *testing.T, target *poller.Target, r *agent.Recording) (lines []string, size int) {
	t.Helper()
	o := poller.PassOptions{Open: func(client.Spec) (collector.Session, error) { return replay.Device(r), nil }, WrapCounters: true, ModuleConcurrency: 1, KeepIndexes: true}
	pass := o.Run(context.Background(), target, false)
	for _, duplicate := range pass.Duplicates {
		if strings.HasPrefix(duplicate.Name, "hw_") || strings.HasPrefix(duplicate.Name, "system_") {
			t.Errorf("two series %s{%s}", duplicate.Name, duplicate.Labels)
		}
	}
	for _, set := range pass.Sets {
		for i := range set.Columns {
			size += len(set.Columns[i].Table.Labels) + len(set.Columns[i].Extra) + 8*set.Columns[i].Len()
		}
	}
	lines, err := replay.Measures(pass)
	if err != nil {
		t.Error(err)
	}
	return lines, size
}
