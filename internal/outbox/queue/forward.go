package queue

import "trapline/internal/alarm"

// MaxForwarded is how many notifications of a device wait for a receiver to which they are forwarded.
const MaxForwarded = 1000

// Forwarded returns the rows, without IDs, of those of a list of notifications that the receiver is sent: events of the
// kind Forward with a Trap, and of the alarm the target, its labels, the address of the device and the OID of the
// notification. Half of the queue is left for alarms: it counts those for which there is no room. waiting returns the
// planned rows of an alarm queue.
func (q *Queue) Forwarded(list []alarm.Event, waiting func(q *Queue, id string) []*Row, dropped *int) (rows []*Row) {
	if q.Route.Forwards == nil {
		return nil
	}
	n, bytes, lines := q.Len(), q.Size(), map[string]int{}
	for i := range list {
		e := &list[i]
		if !q.Route.Forwards(e) {
			continue
		}
		line := "forward/" + e.Alarm.Address.String()
		if _, counted := lines[line]; !counted {
			lines[line] = len(waiting(q, line))
		}
		if lines[line] >= MaxForwarded || q.Route.MaxEvents > 0 && n >= q.Route.MaxEvents/2 || q.Route.MaxBytes > 0 && bytes+len(e.Trap) >= q.Route.MaxBytes/2 {
			*dropped++
			continue
		}
		lines[line]++
		n, bytes = n+1, bytes+len(e.Trap)
		rows = append(rows, &Row{Event: *e, Line: line})
	}
	return rows
}
