package client_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"time"

	"trapline/internal/poller"
	"trapline/internal/series"
	"trapline/internal/snmp"
)

// historyDevice is a device whose counters move.
type historyDevice struct {
	r       *rand.Rand
	subject *lawSubject
	agent   *lawAgent
	network *lawNetwork
	objects []historyObject // sorted
	rows    []row           // of them
	uptime  uint64          // in hundredths of a second, at booted
	booted  time.Time
	note    func(format string, args ...any)

	timed     bool                  // polls show the uptime
	restarted bool                  // since the last poll that was answered
	unsure    map[string]bool       // indexes of rows that have become others since then
	reset     map[sampleKey]bool    // counters that began anew since then
	moved     map[sampleKey]float64 // increases of counters since then
}

// historyObject is an object, which a counter may be.
type historyObject struct {
	lawObject
	counter bool
	total   uint64
	gone    bool
}

// sampleKey is an instance of a column.
type sampleKey struct{ object, index string }

func newHistoryDevice(r *rand.Rand, subject *lawSubject, objects []lawObject) *historyDevice {
	d := &historyDevice{r: r, subject: subject, agent: &lawAgent{version: snmp.V2c, room: 1400}, booted: time.Now()}
	if r.IntN(4) == 0 {
		d.agent.version = snmp.V1
	}
	d.network = &lawNetwork{agent: d.agent, r: rand.New(rand.NewPCG(r.Uint64(), 1)), latency: 2 * time.Millisecond}
	d.uptime = []uint64{10_000, 1e6 + r.Uint64N(1e9), 1<<32 - r.Uint64N(600_000)}[r.IntN(3)]
	for _, o := range objects {
		h := historyObject{lawObject: o}
		if h.counter = o.kind == snmp.Counter32 || o.kind == snmp.Counter64; h.counter {
			h.total, _ = o.varBind().Uint()
			if r.IntN(6) == 0 {
				h.total = 1<<32 - 1 - r.Uint64N(1e6)
			}
			h.set(h.total)
		}
		d.objects = append(d.objects, h)
	}
	d.rows = slices.DeleteFunc(subject.rows(objects), func(r row) bool { return r.table == string(lawSystem) })
	d.answered()
	d.show()
	return d
}

// set has a counter be a number.
func (o *historyObject) set(total uint64) {
	if o.kind == snmp.Counter32 {
		total &= 1<<32 - 1
	}
	o.total = total
	o.lawObject = newLawObject(snmp.VarBind{Name: o.name, Type: o.kind, Value: snmp.AppendUint(nil, total)})
}

// answered discards the events before a poll that was answered.
func (d *historyDevice) answered() {
	d.restarted, d.unsure, d.reset, d.moved = false, map[string]bool{}, map[sampleKey]bool{}, map[sampleKey]float64{}
}

// show makes the agent's objects those of the device.
func (d *historyDevice) show() {
	var list []lawObject
	for i := range d.objects {
		o := d.objects[i].lawObject
		if d.objects[i].gone {
			continue
		}
		if bytes.Equal(o.name, lawUpTime) {
			o = newLawObject(snmp.VarBind{Name: lawUpTime, Type: snmp.TimeTicks, Value: snmp.AppendUint(nil, d.ticks()&(1<<32-1))})
		}
		list = append(list, o)
	}
	d.agent.mu.Lock()
	defer d.agent.mu.Unlock()
	d.agent.objects = d.agent.visible(list)
}

// keyOf is the instance that an object is.
func (d *historyDevice) keyOf(o *historyObject) (k sampleKey, ok bool) {
	p, ok := d.subject.placeOf(o.name)
	return sampleKey{string(p.column), p.index}, ok
}

// move has most counters grow.
func (d *historyDevice) move() {
	top := d.r.IntN(31)
	d.note("counters grow by up to 2^%d", top)
	for i := range d.objects {
		o := &d.objects[i]
		if !o.counter || d.r.IntN(8) == 0 {
			continue
		}
		if k, ok := d.keyOf(o); ok {
			step := d.r.Uint64N(1<<top) + 1
			d.moved[k] += float64(step)
			o.set(o.total + step)
		}
	}
}

// ticks is the uptime, before it came round.
func (d *historyDevice) ticks() uint64 {
	return d.uptime + uint64(time.Since(d.booted)/(10*time.Millisecond))
}

// restart restarts the device, unless its uptime has just wrapped: the two cannot be distinguished.
func (d *historyDevice) restart() {
	const round, minutes = 1 << 32, 100_000
	if ticks := d.ticks(); ticks > round-minutes && ticks < round+minutes {
		return
	}
	d.note("the device restarts")
	d.restarted = true
	d.uptime, d.booted = d.r.Uint64N(9_000), time.Now()
	for i := range d.objects {
		if o := &d.objects[i]; o.counter {
			d.begin(o)
		}
	}
}

// begin has a counter begin anew, at most times near 0.
func (d *historyDevice) begin(o *historyObject) {
	k, _ := d.keyOf(o)
	d.reset[k] = true
	o.set(d.r.Uint64N(1 << d.r.IntN(40)))
}

// changeRow has something happen to a row of a table.
func (d *historyDevice) changeRow() {
	if len(d.rows) == 0 {
		return
	}
	one := d.rows[d.r.IntN(len(d.rows))]
	switch d.r.IntN(5) {
	case 0, 1:
		gone := !d.objects[one.objects[0]].gone
		d.note("row %x of %s is gone: %t", one.index, snmp.OID(one.table), gone)
		for _, i := range one.objects {
			d.objects[i].gone = gone
		}
	case 2:
		d.note("all rows of %s are there, or gone", snmp.OID(one.table))
		gone := d.r.IntN(3) == 0
		for _, r := range d.rows {
			for _, i := range r.objects {
				if r.table == one.table {
					d.objects[i].gone = gone
				}
			}
		}
	case 3:
		d.note("counters of row %x of %s begin anew", one.index, snmp.OID(one.table))
		for _, i := range one.objects {
			if d.objects[i].counter {
				d.begin(&d.objects[i])
			}
		}
	case 4:
		d.exchange(one.index, d.rows[d.r.IntN(len(d.rows))].index)
	}
}

// exchange has two rows of all tables change their indexes.
func (d *historyDevice) exchange(a, b string) {
	if a == b {
		return
	}
	d.note("rows %x and %x change places", a, b)
	at := map[sampleKey]int{}
	for i := range d.objects {
		if k, ok := d.keyOf(&d.objects[i]); ok && (k.index == a || k.index == b) {
			at[k] = i
		}
	}
	d.unsure[a], d.unsure[b] = true, true
	for k, i := range at {
		j, ok := at[sampleKey{k.object, b}]
		if k.index != a || !ok {
			continue
		}
		x, y := &d.objects[i], &d.objects[j]
		v, u := x.varBind(), y.varBind()
		v.Name, u.Name = y.name, x.name
		x.lawObject, y.lawObject = newLawObject(u), newLawObject(v)
		x.total, y.total, x.gone, y.gone = y.total, x.total, y.gone, x.gone
		x.counter, y.counter = y.counter, x.counter
	}
}

// historySamples are those of a poll.
type historySamples map[sampleKey]historySample

type historySample struct {
	value  float64 // of the counter itself
	labels string
	desc   *series.Desc
}

// samplesOf finds the samples of all objects, each in the first column that has it.
func samplesOf(p *poller.Pass) historySamples {
	list := historySamples{}
	seen := map[string]bool{}
	for _, set := range p.Sets {
		for i := range set.Columns {
			c := &set.Columns[i]
			object := string(c.Desc.Object)
			if c.Desc.Derived || c.ExtraEnds != nil || c.Desc.Object == nil || seen[object] {
				continue
			}
			seen[object] = true
			for n, v := range c.Values {
				if c.Desc.Scale != 0 {
					v = (v - c.Desc.Offset) / c.Desc.Scale
				}
				list[sampleKey{object, string(c.Table.Index(c.RowOf(n)))}] = historySample{v, string(c.Table.Row(c.RowOf(n))), c.Desc}
			}
		}
	}
	return list
}
