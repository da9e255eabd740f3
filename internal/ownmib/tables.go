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
	"trapline/internal/outbox"
	"trapline/internal/snmp"
	"trapline/internal/varbind"
)

// productArcs are the arcs of sysObjectID below the enterprise.
var productArcs = []uint32{1, notify.ProductArc}

// oldNumbers is the first number of alarms that were raised before raises had numbers.
const oldNumbers = 1 << 31

func hash(id string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return h.Sum32()
}

// alarms adds traplineActiveAlarmTable.
func (s *Source) alarms(b *agent.Builder) {
	list := s.Alarms()
	rows := number(list)
	columns := notify.ActiveAlarmColumns()
	objects := below(s.Enterprise, 1, 1)
	for i := range list {
		rows[i].cells = make([]snmp.VarBind, len(columns))
		values := s.values(&list[i], objects)
		for at, column := range columns {
			if rows[i].cells[at] = values[column]; rows[i].cells[at].Type == 0 {
				rows[i].cells[at].Type = snmp.OctetString
			}
		}
	}
	slices.SortFunc(rows, func(x, y row) int { return cmp.Compare(x.index, y.index) })
	add(b, below(s.Enterprise, 1, notify.TablesArc, 1, 1), columns, rows)
}

// maxMutes is the maximum size of traplineActiveAlarmMutes.
const maxMutes = 255

// values returns the values of an alarm by column.
func (s *Source) values(one *outbox.Standing, objects snmp.OID) map[uint32]snmp.VarBind {
	e := alarm.Event{Kind: alarm.Acked, At: one.Alarm.RaisedAt, Alarm: one.Alarm}
	for i := range one.Receivers {
		if k := &one.Receivers[i]; k.Event != "" && (e.ID == "" || k.At.After(e.At)) {
			e.ID, e.At, e.Repeat = k.Event, k.At, k.Repeats
		}
	}
	values := map[uint32]snmp.VarBind{}
	for _, v := range s.AlarmObjects(&e) {
		if object := v.Name.Parent(); object.HasPrefix(objects) {
			_, number := object.CutLast()
			values[number] = snmp.VarBind{Type: v.Type, Value: v.Value}
		}
	}
	var mutes []string
	for _, r := range one.Mutes {
		mutes = append(mutes, r.String())
	}
	values[notify.MutesColumn] = text(strings.Join(mutes, ", "), maxMutes)
	return values
}

func text(s string, most int) snmp.VarBind {
	return snmp.VarBind{Type: snmp.OctetString, Value: []byte(notify.OneLine(s, most))}
}

func number32(n int) snmp.VarBind {
	return snmp.VarBind{Type: snmp.Gauge32, Value: snmp.AppendUint(nil, uint64(uint32(max(0, n))))}
}

// The values of traplineReceiverState.
const stateWorks, stateFails, stateWaiting = 1, 2, 3

// receivers adds traplineReceiverTable.
func (s *Source) receivers(b *agent.Builder) {
	var rows []row
	for i, r := range s.Receivers() {
		state := int64(stateWorks)
		switch {
		case r.Failing:
			state = stateFails
		case r.LastAck.IsZero():
			state = stateWaiting
		}
		problem := ""
		if r.Err != nil {
			problem = cmp.Or(string(outbox.Reason(r.Err)), r.Err.Error())
		}
		rows = append(rows, row{uint32(i + 1), []snmp.VarBind{
			text(r.Name, 64), text(r.Address, 255), text(r.Type, 64), {Type: snmp.Integer, Value: snmp.AppendInt(nil, state)},
			text(problem, 255), number32(r.Waiting), moment(r.Oldest), number32(r.GivenUp), number32(r.Today), moment(r.LastAck),
		}})
	}
	add(b, below(s.Enterprise, 1, notify.TablesArc, 2, 1), notify.ReceiverColumns(), rows)
}

// moment is a DateAndTime, or eight octets of 0 where there is none.
func moment(t time.Time) snmp.VarBind {
	if t.IsZero() {
		return snmp.VarBind{Type: snmp.OctetString, Value: make([]byte, 8)}
	}
	return snmp.VarBind{Type: snmp.OctetString, Value: varbind.DateAndTime(t)}
}
