package api

// What answers about targets and the process take from parts that others answer for.

// alarmIndex are how many alarms are active. Version changes when they do.
type alarmIndex struct {
	counts   AlarmCounts
	byTarget map[string]int
	version  uint64
}

func (a *API) alarmIndex() *alarmIndex {
	x := &alarmIndex{counts: AlarmCounts{BySeverity: map[string]int{}}, byTarget: map[string]int{}}
	if a.options.Outbox == nil {
		return x
	}
	for _, one := range a.options.Outbox.Conditions() {
		x.counts.Total++
		x.counts.BySeverity[one.Severity.String()]++
		x.byTarget[one.Target]++
	}
	return x
}
