package clocks

import (
	"bytes"
	"time"

	"trapline/internal/snmp"
)

// The objects that show that rows may not be those that they were.
const (
	sysUpTime = iota
	ifNumber
	ifTableLastChange
	entLastChangeTime
	witnessCount
)

var witnessOIDs = [witnessCount]snmp.OID{
	sysUpTime:         snmp.MustParseOID("1.3.6.1.2.1.1.3.0"),
	ifNumber:          snmp.MustParseOID("1.3.6.1.2.1.2.1.0"),
	ifTableLastChange: snmp.MustParseOID("1.3.6.1.2.1.31.1.5.0"),
	entLastChangeTime: snmp.MustParseOID("1.3.6.1.2.1.47.1.4.1.0"),
}

// witnessed are the tables of which an object shows that a row is another one at the same index.
var witnessed = []struct {
	table   snmp.OID
	witness int
}{
	{snmp.MustParseOID("1.3.6.1.2.1.2.2"), ifTableLastChange},
	{snmp.MustParseOID("1.3.6.1.2.1.31.1.1"), ifTableLastChange},
	{snmp.MustParseOID("1.3.6.1.2.1.47.1.1.1"), entLastChangeTime},
}

// cover reports whether the device shows that the rows of an object are others, as far as that is known.
func (w *witnesses) cover(oid snmp.OID) bool {
	for _, x := range witnessed {
		if oid.HasPrefix(x.table) {
			return w.has[x.witness] || !w.has[sysUpTime]
		}
	}
	return false
}

// witnesses are the values of these objects in a poll.
type witnesses struct {
	values  [witnessCount]uint64
	has     [witnessCount]bool
	at      time.Time
	still   bool // sysUpTime stands still, as that of a simulated agent may
	settled bool // nothing has changed shortly before: all that was read at the time is of after the change
}

// note takes a binding, if it is one of theirs.
func (w *witnesses) note(v snmp.VarBind, now time.Time) {
	for i, oid := range witnessOIDs {
		if !bytes.Equal(v.Name, oid) {
			continue
		}
		if n, err := v.Uint(); err == nil && v.Type.HasValue() {
			w.values[i], w.has[i] = n, true
		} else if n, err := v.Int(); err == nil && v.Type.HasValue() {
			w.values[i], w.has[i] = uint64(n), true
		}
		if i == sysUpTime {
			w.at = now
		}
	}
}

// tick is the unit of TimeTicks.
const tick = 10 * time.Millisecond

// slack is by how much sysUpTime may deviate from our clock in a time.
func slack(elapsed time.Duration) time.Duration { return elapsed/100 + 2*time.Second }

// settle finds out whether something has changed since a moment shortly before.
func (w *witnesses) settle(since time.Time) {
	age := w.at.Sub(since)
	up := w.values[sysUpTime]
	w.settled = w.has[sysUpTime]
	recent := time.Duration(up)*tick < age+slack(age)
	for _, i := range []int{ifTableLastChange, entLastChangeTime} {
		at := w.values[i]
		recent = recent || w.has[i] && at > 0 && at <= up && time.Duration(up-at)*tick < age+slack(age)
	}
	w.settled = w.settled && !recent
}

// same reports whether rows are those that they were at the time of before.
func (w *witnesses) same(before *witnesses) bool {
	if !before.settled || !w.has[sysUpTime] || w.restarted(before) {
		return false
	}
	for i := ifNumber; i < witnessCount; i++ {
		if w.has[i] != before.has[i] || w.values[i] != before.values[i] {
			return false
		}
	}
	return true
}

// restarted reports whether sysUpTime did not go on as our clock did. One that stands still is known after two polls.
func (w *witnesses) restarted(before *witnesses) bool {
	now, then := w.values[sysUpTime], before.values[sysUpTime]
	elapsed := w.at.Sub(before.at)
	expected := time.Duration(then)*tick + elapsed
	deviation := (time.Duration(now)*tick - expected).Abs()
	if w.still = now == then && elapsed > slack(elapsed); w.still {
		return !before.still
	}
	return deviation > slack(elapsed)
}
