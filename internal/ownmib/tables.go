package ownmib

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"trapline/internal/agent"
	"trapline/internal/alarm"
	"trapline/internal/notify"
	"trapline/internal/outbox/standing"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

// productArcs are the arcs of sysObjectID below the enterprise.
var productArcs = []uint32{1, notify.ProductArc}

// maxText is the maximum size of most texts of the tables.
const maxText = 255

// alarms returns traplineActiveAlarmTable.
func (s *Source) alarms() agent.Objects {
	list := s.Alarms()
	numbers := numbered(list)
	return &table{
		entry: below(s.Enterprise, 1, notify.TablesArc, 1, 1), columns: notify.ActiveAlarmColumns(), indexes: numbers,
		value: func(column uint32, row int) (snmp.Type, []byte) {
			one := &list[row]
			if column == notify.MutesColumn {
				return text(mutesOf(one))
			}
			return notify.AlarmObject(column, eventOf(one), s.Names)
		},
	}
}

// eventOf returns the last notification of an alarm to any receiver.
func eventOf(one *standing.Standing) *alarm.Event {
	e := &alarm.Event{Kind: alarm.Raise, At: one.Alarm.RaisedAt, Alarm: one.Alarm}
	for i := range one.Receivers {
		if k := &one.Receivers[i]; k.Event != "" && (e.ID == "" || k.At.After(e.At)) {
			e.ID, e.At, e.Repeat = k.Event, k.At, k.Repeats
		}
	}
	return e
}

func mutesOf(one *standing.Standing) string {
	var list []string
	for _, r := range one.Mutes {
		list = append(list, r.String())
	}
	return strings.Join(list, ", ")
}

// oldNumbers is the first number of alarms that were raised before raises had numbers.
const oldNumbers = 1 << 31

// numbered sorts alarms by the number of the raise, and returns the numbers. Alarms without one have numbers that follow
// from their IDs.
func numbered(list []standing.Standing) []uint32 {
	numberOf := func(a *alarm.Alarm) uint32 {
		if a.Number > 0 {
			return uint32(a.Number)
		}
		h := fnv.New32a()
		_, _ = h.Write([]byte(a.ID))
		return oldNumbers | h.Sum32()
	}
	slices.SortFunc(list, func(a, b standing.Standing) int {
		return cmp.Or(cmp.Compare(numberOf(&a.Alarm), numberOf(&b.Alarm)), cmp.Compare(a.Alarm.ID, b.Alarm.ID))
	})
	numbers := make([]uint32, len(list))
	last := uint32(0)
	for i := range list {
		last = max(last+1, numberOf(&list[i].Alarm))
		numbers[i] = last
	}
	return numbers
}

func text(s string) (snmp.Type, []byte) {
	return snmp.OctetString, []byte(notify.OneLine(s, maxText))
}

func gauge(n int) (snmp.Type, []byte) {
	return snmp.Gauge32, snmp.AppendUint(nil, uint64(uint32(max(0, n))))
}

// moment is a DateAndTime, or eight octets of 0 where there is none.
func moment(t time.Time) (snmp.Type, []byte) {
	if t.IsZero() {
		return snmp.OctetString, make([]byte, 8)
	}
	return snmp.OctetString, varbind.DateAndTime(t)
}

// receivers returns traplineReceiverTable.
func (s *Source) receivers() agent.Objects {
	list := s.Receivers()
	indexes := make([]uint32, len(list))
	for i := range indexes {
		indexes[i] = uint32(i + 1)
	}
	return &table{
		entry: below(s.Enterprise, 1, notify.TablesArc, 2, 1), columns: notify.ReceiverColumns(), indexes: indexes,
		value: func(column uint32, row int) (snmp.Type, []byte) { return receiverObject(column, &list[row]) },
	}
}

// receiverObject returns the value of a column of traplineReceiverTable.
func receiverObject(column uint32, r *standing.ReceiverState) (snmp.Type, []byte) {
	switch column {
	case 2:
		return text(r.Name)
	case 3:
		return text(r.Address)
	case 4:
		return text(r.Type)
	case 5:
		return snmp.Integer, snmp.AppendInt(nil, receiverState(r))
	case 6:
		if r.Err == nil {
			return text("")
		}
		return text(cmp.Or(string(standing.Reason(r.Err)), r.Err.Error()))
	case 7:
		return gauge(r.Waiting)
	case 8:
		return moment(r.Oldest)
	case 9:
		return gauge(r.GivenUp)
	case 10:
		return gauge(r.Today)
	}
	return moment(r.LastAck)
}

// receiverState returns the value of traplineReceiverState: works, fails or waiting.
func receiverState(r *standing.ReceiverState) int64 {
	switch {
	case r.Failing:
		return 2
	case r.LastAck.IsZero():
		return 3
	}
	return 1
}
