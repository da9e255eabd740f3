package engine

import (
	"hash/maphash"
	"time"

	"trapline/internal/snmp"
)

// A column that a device does not have is not asked for in each pass. It counts as such when its table
// had rows in three passes, but it had none, and until the table's rows change, the device restarts or
// becomes another one, or an hour has passed. A table without any rows is asked for in every pass: it
// may have some in the next.

// device tells one start of one device from another.
type device struct {
	mark   uint64 // of sysDescr and sysObjectID; 0 means not known
	uptime uint32 // sysUpTime, in hundredths of a second
}

const (
	passesUntilAbsent = 3
	absentFor         = time.Hour
	// deviceSize is how many octets deviceNames are expected to take in an answer.
	deviceSize = 350
)

// deviceNames are what GETNEXT finds sysDescr.0, sysObjectID.0 and sysUpTime.0 behind.
var deviceNames = []snmp.OID{
	snmp.MustParseOID("1.3.6.1.2.1.1.1"), snmp.MustParseOID("1.3.6.1.2.1.1.2"), snmp.MustParseOID("1.3.6.1.2.1.1.3"),
}

func (c *column) supposedAbsent() bool {
	m := &c.peer.memory
	return c.known.absent >= passesUntilAbsent && m.looked > 0 && c.pipe.now-m.looked < absentFor && !c.settled.v1
}

// absences counts the passes that a column was missing from its table.
func (c *column) absences() uint8 {
	var before uint8
	if c.known != nil {
		before = c.known.absent
	}
	present := false
	for _, sibling := range c.table.columns {
		if sibling.absent {
			continue
		}
		rows := sibling.rows()
		if present = present || rows > 0; c.absent && sibling.known != nil && rows != int(sibling.known.rows) {
			return 0 // the table is not what it was when the column was missing
		}
	}
	switch {
	case c.absent:
		return before
	case !present || c.rows() > 0 || c.err != nil:
		return 0
	}
	return min(before+1, passesUntilAbsent)
}

func (c *column) rows() (n int) {
	for i := range c.segments {
		n += c.segments[i].rows
	}
	return n
}

// inquires tells whether a request is to ask which device this is, and has the room for it.
func (s *sweep) inquires(octets int) bool {
	if s.inquired || octets+deviceSize > s.peer.room() {
		return false
	}
	for i := range s.columns {
		if s.columns[i].absent {
			s.inquired = true
			return true
		}
	}
	return false
}

// recognizeLocked takes the device's bindings off an answer. Only where it is the one that was known,
// and has not restarted, do its absent columns stay so.
func (s *sweep) recognizeLocked(list []byte) (rest []byte) {
	var v snmp.VarBind
	var h maphash.Hash
	h.SetSeed(deviceSeed)
	for i := range deviceNames {
		next, err := snmp.NextUnchecked(list, &v)
		if err != nil {
			s.lookAgainLocked()
			return nil
		}
		if i < 2 {
			_, _ = h.Write(v.Name)
			_, _ = h.Write(v.Value)
		}
		list = next
	}
	uptime, _ := v.Uint()
	s.device = device{h.Sum64(), uint32(uptime)}
	if before := s.peer.memory.device; s.device.mark != before.mark || s.device.uptime < before.uptime {
		s.lookAgainLocked()
		return list
	}
	for i := range s.columns {
		if s.columns[i].absent {
			s.finishedLocked()
		}
	}
	return list
}

var deviceSeed = maphash.MakeSeed()

// lookAgainLocked asks for the absent columns after all.
func (s *sweep) lookAgainLocked() {
	for i := range s.columns {
		if c := &s.columns[i]; c.absent {
			c.absent = false
			c.beginLocked(nil)
		}
	}
}

// learnDevice notes which device it was, and whether all columns were asked for.
func (m *memory) learnDevice(s *sweep) {
	if s.device.mark != 0 {
		m.device = s.device
	}
	for i := range s.columns {
		if s.columns[i].absent {
			return
		}
	}
	m.looked = s.pipe.now
}
