package clocks_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trapline/collector"
	"trapline/internal/access"
	"trapline/internal/client"
	"trapline/internal/clocks"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

const (
	octets = "1.3.6.1.2.1.31.1.1.1.6"
	alias  = "1.3.6.1.2.1.31.1.1.1.18"
	size   = "1.3.6.1.2.1.99.1"

	name        = "1.3.6.1.2.1.31.1.1.1.1"
	descr       = "1.3.6.1.2.1.2.2.1.2"
	physAddress = "1.3.6.1.2.1.2.2.1.6"
	specific    = "1.3.6.1.2.1.2.2.1.22"
)

// device has rows that are born, renumbered and removed. The value of a row is its number, and its label begins with it.
type device struct {
	booted   time.Time
	changed  time.Time // ifTableLastChange
	rows     map[uint32]int
	version  int // of labels
	born     int
	bindings int
	fails    bool // to answer for labels
	silent   bool // it has no ifTableLastChange

	labels time.Duration // how often labels are read for which the module sets no time
}

func (d *device) ticks(at time.Time) []byte {
	return snmp.AppendInt(nil, int64(at.Sub(d.booted)/(10*time.Millisecond)))
}

func (d *device) Poll(_ context.Context, p *client.Plan, yield func(snmp.VarBind)) (stats client.Stats, err error) {
	give := func(v snmp.VarBind) { d.bindings++; stats.VarBinds++; yield(v) }
	for _, name := range p.Get {
		v := snmp.VarBind{Name: name, Type: snmp.NoSuchObject}
		switch name.String() {
		case "1.3.6.1.2.1.1.3.0":
			v.Type, v.Value = snmp.TimeTicks, d.ticks(time.Now())
		case "1.3.6.1.2.1.2.1.0":
			v.Type, v.Value = snmp.Integer, snmp.AppendInt(nil, int64(len(d.rows)))
		case "1.3.6.1.2.1.31.1.5.0":
			if !d.silent {
				v.Type, v.Value = snmp.TimeTicks, d.ticks(d.changed)
			}
		}
		give(v)
	}
	roots := p.Columns
	if roots == nil {
		roots = p.Walk
	}
	for _, root := range roots {
		if d.fails && root.String() == alias {
			err = &access.Error{Op: "walk", OID: root, Reason: access.Timeout, Alive: true, Err: context.DeadlineExceeded}
			continue
		}
		if root.String() == "1.3.6.1.2.1.2.1" { // ifNumber
			give(snmp.VarBind{Name: snmp.AppendArc(slices.Clone(root), 0), Type: snmp.Integer, Value: snmp.AppendInt(nil, int64(len(d.rows)))})
			continue
		}
		for index, id := range d.rows {
			v := snmp.VarBind{Name: snmp.AppendArc(slices.Clone(root), index)}
			v.Type, v.Value = d.value(root.String(), id)
			give(v)
		}
	}
	return stats, err
}

// value returns the value of a row in a column.
func (d *device) value(column string, id int) (snmp.Type, []byte) {
	switch column {
	case alias, name, descr:
		return snmp.OctetString, fmt.Appendf(nil, "%d/%d", id, d.version)
	case physAddress:
		return snmp.OctetString, []byte{2, 0, 0, 0, byte(id >> 8), byte(id)}
	case specific:
		return snmp.ObjectIdentifier, snmp.AppendArc(snmp.MustParseOID("1.3"), uint32(id))
	}
	return snmp.Gauge32, snmp.AppendInt(nil, int64(id))
}

// change changes the device between two polls, as an agent has to that keeps to RFC 2863.
func (d *device) change(r *rand.Rand) {
	d.changed = time.Now()
	switch r.IntN(6) {
	case 0: // a reboot, after which interfaces have other numbers
		d.booted, d.changed = time.Now(), time.Now()
		d.renumber(r)
	case 1:
		d.renumber(r)
	case 2, 3:
		d.born++
		d.rows[1+r.Uint32N(40)] = d.born
	case 4:
		delete(d.rows, 1+r.Uint32N(40))
	case 5:
		d.version++
	}
}

func (d *device) renumber(r *rand.Rand) {
	rows := map[uint32]int{}
	numbers := r.Perm(40)
	for _, id := range d.rows {
		rows[uint32(1+numbers[len(rows)])] = id
	}
	d.rows = rows
}

func module(labels, sizes time.Duration) *collector.Module {
	index := []collector.IndexSettings{{LabelName: "ifIndex", Type: "gauge"}}
	lookup := collector.LookupSettings{Labels: []string{"ifIndex"}, LabelName: "alias", OID: setting.ParseOID(alias), Type: "DisplayString"}
	lookup.Every.Duration = labels
	s := &collector.Settings{Walk: []setting.OID{setting.ParseOID(octets), setting.ParseOID(alias), setting.ParseOID(size)}, Metrics: []collector.MetricSettings{
		{Name: "octets", OID: setting.ParseOID(octets), Type: "gauge", Indexes: index, Lookups: []collector.LookupSettings{lookup}},
		{Name: "size", OID: setting.ParseOID(size), Type: "gauge", Indexes: index, Lookups: []collector.LookupSettings{lookup}},
	}}
	if sizes > 0 {
		every := collector.RootSettings{OID: setting.ParseOID(size)}
		every.Every.Duration = sizes
		s.Every = append(s.Every, every)
	}
	return collector.Compile("m", s)
}

const interval = 30 * time.Second

// poll polls a device, and returns its series as text, sorted.
func poll(t *testing.T, d *device, m *collector.Module, memory *clocks.Memory) (list []string, carried int, failed []*access.Error) {
	t.Helper()
	var session collector.Session = d
	s := clocks.NewSession(d, memory, []clocks.Asked{{Module: m, Labels: d.labels}}, time.Now(), interval)
	if s != nil {
		session = s
	}
	r := m.Collect(t.Context(), session, collector.Options{})
	if s != nil {
		s.End()
		parts, errs := s.Carried()
		carried, failed = len(parts), errs
	}
	for _, c := range r.Set.Columns {
		for i, v := range c.Values {
			list = append(list, fmt.Sprintf("%s{%s%s} %v", c.Desc.Name, c.Table.Row(c.RowOf(i)), c.ExtraOf(i), v))
		}
	}
	slices.Sort(list)
	return list, carried, failed
}

// No sample has the label of another row, whatever happens between polls. Once all is due the series are those of a poll
// that reads everything.
func TestNoLabelIsOfAnotherRow(t *testing.T) {
	changeOften(t, func(r *rand.Rand) (m, plain *collector.Module) {
		return module(time.Hour, time.Duration(r.IntN(2))*2*time.Hour), module(0, 0)
	}, checkLabel)
}

// changeOften polls devices through 1,000 random changes with modules of which plain reads all in every poll.
func changeOften(t *testing.T, modules func(*rand.Rand) (m, plain *collector.Module), check func(t *testing.T, d *device, line string)) {
	const wantedChanges = 1000
	changes, carrying, polls := 0, 0, 0
	for seed := uint64(0); changes < wantedChanges; seed++ {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 15))
			d := &device{booted: time.Now().Add(-time.Hour), changed: time.Now().Add(-time.Hour), rows: map[uint32]int{}, born: 1000}
			for range 10 {
				d.change(r)
			}
			m, plain := modules(r)
			memory := clocks.NewMemory(fmt.Sprint(seed), &clocks.Budget{})
			var got []string
			for range 100 {
				time.Sleep(interval)
				if r.IntN(4) == 0 {
					d.change(r)
					time.Sleep(time.Duration(r.IntN(int(interval))))
					changes++
				}
				var n int
				got, n, _ = poll(t, d, m, memory)
				if polls++; n > 0 {
					carrying++
				}
				for _, line := range got {
					check(t, d, line)
				}
			}
			for range 300 { // all is due
				time.Sleep(interval)
				got, _, _ = poll(t, d, m, memory)
			}
			if want, _, _ := poll(t, d, plain, nil); !slices.Equal(got, want) {
				t.Fatalf("seed %d:\n%s\nwant\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
	t.Logf("%d changes; %d of %d polls carried labels", changes, carrying, polls)
	if carrying < polls/4 {
		t.Errorf("%d of %d polls carried labels", carrying, polls)
	}
}

// checkLabel checks that the label of a sample begins with its value.
func checkLabel(t *testing.T, _ *device, line string) {
	t.Helper()
	_, label, _ := strings.Cut(line, `alias="`)
	id, _, _ := strings.Cut(label, "/")
	if _, value, _ := strings.Cut(line, "} "); value != id {
		t.Errorf("the label is of another row: %s", line)
	}
}

// Labels for which nobody has set a time are carried where the device shows that rows are others, and nowhere else.
func TestLabelsThatNothingWitnesses(t *testing.T) {
	for _, silent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 15))
			d := &device{booted: time.Now().Add(-time.Hour), changed: time.Now().Add(-time.Hour), rows: map[uint32]int{1: 1, 2: 2, 3: 3, 4: 4}, silent: silent, labels: 10 * time.Minute}
			m, memory := module(0, 0), clocks.NewMemory("t", &clocks.Budget{})
			carrying := 0
			for range 100 {
				got, n, _ := poll(t, d, m, memory)
				carrying += n
				for _, line := range got {
					checkLabel(t, d, line)
				}
				if time.Sleep(interval); r.IntN(10) == 0 {
					time.Sleep(interval)
					d.rows[1], d.rows[2], d.rows[3], d.rows[4] = d.rows[2], d.rows[3], d.rows[4], d.rows[1]
					d.changed = time.Now()
				}
			}
			if (carrying == 0) != silent {
				t.Errorf("silent: %v; %d labels were carried", silent, carrying)
			}
		})
	}
}

// A device that did not have ifTableLastChange once is asked for it again.
func TestWitnessThatComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{booted: time.Now().Add(-time.Hour), changed: time.Now().Add(-time.Hour), rows: map[uint32]int{1: 1, 2: 2}, silent: true}
		m, memory := module(time.Hour, 0), clocks.NewMemory("t", &clocks.Budget{})
		for i := range 30 {
			if _, _, _ = poll(t, d, m, memory); i == 2 {
				d.silent = false
			}
			time.Sleep(interval)
		}
		d.rows[1], d.rows[2], d.changed = d.rows[2], d.rows[1], time.Now()
		got, _, _ := poll(t, d, m, memory)
		for _, line := range got {
			checkLabel(t, d, line)
		}
	})
}

// A read of labels that fails is tried again, and until then those of before are served.
func TestLabelsThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &device{booted: time.Now().Add(-time.Hour), changed: time.Now().Add(-time.Hour), rows: map[uint32]int{1: 1, 2: 2}}
		m, memory := module(10*time.Minute, 0), clocks.NewMemory("t", &clocks.Budget{})
		want, _, _ := poll(t, d, m, memory)
		reported := 0
		for i := range 60 {
			time.Sleep(interval)
			d.fails = reported < 5
			got, _, failed := poll(t, d, m, memory)
			if reported += len(failed); !slices.Equal(got, want) {
				t.Fatalf("poll %d: %v", i, got)
			}
		}
		if _, _, failed := poll(t, d, m, memory); len(failed) > 0 || reported < 5 {
			t.Errorf("%d polls reported it; at last %v", reported, failed)
		}
	})
}
