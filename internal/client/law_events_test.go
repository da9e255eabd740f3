package client_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"time"

	"trapline/internal/client"
	"trapline/internal/snmp"
)

var (
	lawUpTime   = oid("1.3.6.1.2.1.1.3.0")
	lawObjectID = oid("1.3.6.1.2.1.1.2.0")
)

// between draws the events between two polls.
func (w *lawTrial) between(n int) {
	time.Sleep(lawInterval)
	note := func(format string, args ...any) {
		w.log = append(w.log, fmt.Sprintf("before pass %d: ", n+1)+fmt.Sprintf(format, args...))
	}
	hour := n == 7 || n == 14
	if hour {
		time.Sleep(61 * time.Minute) // absent columns are asked for again
		w.reveal()
		note("an hour passes")
	}
	if w.r.IntN(4) == 0 {
		note("%s", w.changeRows())
	}
	if w.r.IntN(4) == 0 {
		w.changeValues()
		note("values change")
	}
	if w.r.IntN(12) == 0 || n == 11 {
		note("the device restarts")
		w.restart()
	}
	if w.r.IntN(15) == 0 || n == 17 {
		note("it is another device")
		w.becomeAnother()
	}
	if w.r.IntN(8) == 0 || n == 5 {
		corrupt := w.r.IntN(2) == 0
		note("the engine restarts, with a corrupted state: %t", corrupt)
		w.restartEngine(corrupt)
	}
	lossy := w.agent.full == isSilent && w.network.loss > 0 // a question whether an unknown device is there is not repeated
	if !lossy && (w.r.IntN(5) == 0 || n == 9) {
		note("another member polls the device, with %s", w.move())
	}
}

// move has another member of a cluster poll the device: a new one, or one that did before. It has the measurements of the last, or
// others.
func (w *lawTrial) move() (with string) {
	state := w.engine.Learned(w.got.Spec)
	next := w.network.start()
	if at := w.r.IntN(3); at < len(w.others) {
		_ = next.Close()
		next = w.others[at]
		w.others = slices.Delete(w.others, at, at+1)
		w.network.resume(next)
	}
	w.old = append(w.old, state)
	with = "its measurements"
	switch w.r.IntN(6) {
	case 0:
		state, with = w.old[w.r.IntN(len(w.old))], "old ones"
	case 1:
		state, with = client.CorruptLearned(state, w.r), "corrupt ones"
	case 2:
		state, with = bytes.Clone(state), "damaged ones"
		for range 1 + w.r.IntN(4) {
			if len(state) > 0 {
				state[w.r.IntN(len(state))] ^= 1 << w.r.IntN(8)
			}
		}
	case 3:
		state, with = nil, "none"
	}
	if err := next.Learn(w.got.Spec, state); err != nil && with == "its measurements" && state != nil {
		panic(err)
	}
	w.others, w.engine = append(w.others, w.engine), next
	return with
}

// has reports whether the device has an object.
func (w *lawTrial) has(name snmp.OID) bool {
	_, found := slices.BinarySearchFunc(w.all, name, func(o lawObject, n snmp.OID) int { return o.name.Compare(n) })
	return found && !w.hiddenObject(name)
}

func (w *lawTrial) hiddenObject(name snmp.OID) bool {
	p, ok := w.subject.placeOf(name)
	return ok && w.hidden[string(p.column)]
}

// reveal makes the device have some columns that it lacked.
func (w *lawTrial) reveal() {
	for _, c := range slices.Sorted(maps.Keys(w.hidden)) {
		if w.r.IntN(2) == 0 {
			delete(w.hidden, c)
		}
	}
	w.show()
}

// restart has the device begin anew, maybe with other columns where its uptime shows that it did.
func (w *lawTrial) restart() {
	before := w.ticks()
	w.uptime, w.booted = w.r.Uint64N(before/2+1), time.Now()
	w.agent.restart()
	if before > 1 && w.has(lawUpTime) {
		w.reveal()
	}
	w.show()
}

// becomeAnother has the device be of another kind, maybe with other columns.
func (w *lawTrial) becomeAnother() {
	if !w.has(lawObjectID) {
		return
	}
	name := snmp.AppendArc(oid("1.3.6.1.4.1.32473.1"), w.r.Uint32())
	w.all = slices.Clone(w.all)
	for i := range w.all {
		if bytes.Equal(w.all[i].name, lawObjectID) {
			w.all[i] = newLawObject(snmp.VarBind{Name: lawObjectID, Type: snmp.ObjectIdentifier, Value: name})
		}
	}
	w.reveal()
}

// changeRows has rows of a table come or go, or all be as they were at first.
func (w *lawTrial) changeRows() string {
	defer w.show()
	rows := w.subject.rows(w.all)
	if len(rows) == 0 {
		return "there are no rows"
	}
	one := rows[w.r.IntN(len(rows))]
	table := slices.DeleteFunc(rows, func(r row) bool { return r.table != one.table })
	switch w.r.IntN(5) {
	case 0:
		w.all = w.original
		return "all rows are as they were at first"
	case 1:
		w.remove(one)
		return fmt.Sprintf("row %x of %s goes", one.index, snmp.OID(one.table))
	case 2:
		w.remove(table...)
		return fmt.Sprintf("all rows of %s go", snmp.OID(one.table))
	case 3:
		w.remove(slices.DeleteFunc(table, func(row) bool { return w.r.IntN(3) > 0 })...)
		return fmt.Sprintf("some rows of %s go", snmp.OID(one.table))
	}
	w.add(table, 1+w.r.IntN(30))
	return fmt.Sprintf("rows of %s come", snmp.OID(one.table))
}

func (w *lawTrial) remove(rows ...row) {
	gone := map[int]bool{}
	for _, r := range rows {
		for _, i := range r.objects {
			gone[i] = true
		}
	}
	var left []lawObject
	for i, o := range w.all {
		if !gone[i] {
			left = append(left, o)
		}
	}
	w.all = left
}

// add copies rows, as ones with other last numbers.
func (w *lawTrial) add(table []row, n int) {
	list := slices.Clone(w.all)
	for range n {
		r := table[w.r.IntN(len(table))]
		arc := w.r.Uint32N([]uint32{100, 20_000, 1 << 31}[w.r.IntN(3)])
		for _, i := range r.objects {
			o := w.all[i]
			end := len(o.name) - 1
			for end > 0 && o.name[end-1] >= 0x80 {
				end--
			}
			if p, _ := w.subject.placeOf(o.name); end < len(p.column) {
				continue // a single number is below the column: there is but one row
			}
			v := o.varBind()
			v.Name = snmp.AppendArc(slices.Clone(o.name[:end]), arc)
			list = append(list, newLawObject(v))
		}
	}
	slices.SortStableFunc(list, func(a, b lawObject) int { return a.name.Compare(b.name) })
	w.all = slices.CompactFunc(list, sameName)
}

// changeValues changes some numbers to values that may be longer.
func (w *lawTrial) changeValues() {
	w.all = slices.Clone(w.all)
	for i := range w.all {
		o := &w.all[i]
		if w.r.IntN(4) > 0 {
			continue
		}
		v := o.varBind()
		switch o.kind {
		case snmp.Counter32, snmp.Gauge32:
			v.Value = snmp.AppendUint(nil, uint64(w.r.Uint32()>>w.r.IntN(32)))
		case snmp.Counter64:
			v.Value = snmp.AppendUint(nil, w.r.Uint64()>>w.r.IntN(64))
		default:
			continue
		}
		*o = newLawObject(v)
	}
	w.show()
}

// restartEngine replaces the engine by a new one with the saved state.
func (w *lawTrial) restartEngine(corrupt bool) {
	state := w.savedState(corrupt)
	_ = w.engine.Close()
	w.engine = w.network.start()
	if err := w.engine.Restore(bytes.NewReader(state)); err != nil {
		panic(err)
	}
}

func (w *lawTrial) savedState(corrupt bool) []byte {
	var state bytes.Buffer
	if err := w.engine.Save(&state); err != nil {
		panic(err)
	}
	if corrupt {
		return client.CorruptState(state.Bytes(), w.r)
	}
	return state.Bytes()
}
