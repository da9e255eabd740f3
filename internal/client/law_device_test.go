package client_test

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"trapline/collector"
	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// randomDevice draws a device with some tables and scalars, and modules that read parts of them.
func randomDevice(r *rand.Rand) ([]lawObject, []*collector.Settings) {
	d := &deviceDraft{r: r}
	if r.IntN(5) > 0 {
		d.system()
	}
	for range 1 + r.IntN(4) {
		d.table()
	}
	if r.IntN(2) == 0 {
		d.scalars()
	}
	if r.IntN(3) > 0 {
		d.add(oid("1.3.6.1.6.3.1"), snmp.Integer, []byte{1}) // behind all that is walked
	}
	slices.SortStableFunc(d.objects, func(a, b lawObject) int { return a.name.Compare(b.name) })
	return slices.CompactFunc(d.objects, sameName), d.modules()
}

// deviceDraft is a device that is being drawn.
type deviceDraft struct {
	r       *rand.Rand
	objects []lawObject
	tables  []draftTable
	gets    []collector.MetricSettings
}

type draftTable struct {
	entry   string
	columns []collector.MetricSettings
}

func (d *deviceDraft) add(name snmp.OID, kind snmp.Type, value []byte) {
	d.objects = append(d.objects, newLawObject(snmp.VarBind{Name: name, Type: kind, Value: value}))
}

func (d *deviceDraft) system() {
	d.add(oid("1.3.6.1.2.1.1.1.0"), snmp.OctetString, make([]byte, d.r.IntN(120)))
	d.add(lawObjectID, snmp.ObjectIdentifier, oid("1.3.6.1.4.1.32473.1"))
	d.add(lawUpTime, snmp.TimeTicks, []byte{1})
	d.add(oid("1.3.6.1.2.1.1.5.0"), snmp.OctetString, []byte("drawn"))
}

func (d *deviceDraft) table() {
	t := draftTable{entry: fmt.Sprintf("1.3.6.1.4.1.32473.%d.%d.1", 2+d.r.IntN(3), 1+d.r.IntN(300))}
	arcs := []int{1, 1, 1, 2, 4}[d.r.IntN(5)]
	rows := d.indexes([]int{0, 1, 4, 30, 60, 200}[d.r.IntN(6)], arcs)
	for number := range 1 + d.r.IntN(24) {
		kind := []snmp.Type{snmp.Integer, snmp.Counter32, snmp.Gauge32, snmp.Counter64, snmp.OctetString}[d.r.IntN(5)]
		t.columns = append(t.columns, metric(fmt.Sprintf("%s.%d", t.entry, 1+number*(1+d.r.IntN(20))), kind, arcs))
		longest, sparse := 1+d.r.IntN(100), d.r.IntN(4) == 0
		for _, index := range rows {
			if sparse && d.r.IntN(3) > 0 {
				continue
			}
			value := []byte{byte(d.r.IntN(128))}
			if kind == snmp.OctetString {
				value = slices.Repeat([]byte{'x'}, d.r.IntN(longest))
			}
			d.add(append(slices.Clone(t.columns[number].OID.OID), index...), kind, value)
		}
	}
	d.tables = append(d.tables, t)
}

// indexes draws the rows of a table: numbers one after the other, or any.
func (d *deviceDraft) indexes(n, arcs int) (list []snmp.OID) {
	top := []uint32{0, 300, 1 << 31}[d.r.IntN(3)]
	for i := range n {
		var index snmp.OID
		for range arcs - 1 {
			index = snmp.AppendArc(index, d.r.Uint32N(200))
		}
		if last := uint32(i + 1); top == 0 {
			index = snmp.AppendArc(index, last)
		} else {
			index = snmp.AppendArc(index, d.r.Uint32N(top))
		}
		list = append(list, index)
	}
	return list
}

// scalars draws objects without rows. Some agents leave out the last 0 of their names.
func (d *deviceDraft) scalars() {
	end := []string{".0", ".0", ""}[d.r.IntN(3)]
	for n := range 1 + d.r.IntN(12) {
		name := fmt.Sprintf("1.3.6.1.4.1.32473.9.%d%s", n+1, end)
		d.gets = append(d.gets, metric(name, snmp.Integer, 0))
		if d.r.IntN(4) > 0 {
			d.add(oid(name), snmp.Integer, []byte{byte(n)})
		}
	}
}

func metric(name string, kind snmp.Type, arcs int) collector.MetricSettings {
	m := collector.MetricSettings{Name: fmt.Sprintf("m_%s", name), OID: setting.ParseOID(name), Type: "gauge"}
	if kind == snmp.OctetString {
		m.Type = "DisplayString"
	}
	for i := range arcs {
		m.Indexes = append(m.Indexes, collector.IndexSettings{LabelName: fmt.Sprintf("i%d", i), Type: "gauge"})
	}
	return m
}

// modules draws the objects to poll: whole tables, some of their columns, or common ancestors.
func (d *deviceDraft) modules() (list []*collector.Settings) {
	for range 1 + d.r.IntN(3) {
		s := &collector.Settings{}
		for _, t := range d.tables {
			whole := d.r.IntN(2) == 0
			if whole {
				s.Walk = append(s.Walk, setting.ParseOID(t.entry))
			}
			for _, m := range t.columns {
				if d.r.IntN(4) == 0 {
					continue
				}
				s.Metrics = append(s.Metrics, m)
				if !whole {
					s.Walk = append(s.Walk, m.OID)
				}
			}
		}
		walked := d.r.IntN(3) == 0 // each by itself, which is an instance
		for _, m := range d.gets {
			s.Metrics = append(s.Metrics, m)
			if walked {
				s.Walk = append(s.Walk, m.OID)
			} else {
				s.Get = append(s.Get, m.OID)
			}
		}
		if d.r.IntN(6) == 0 {
			s.Walk = []setting.OID{setting.ParseOID("1.3.6.1.4.1.32473")}
		}
		list = append(list, s)
	}
	return list
}
