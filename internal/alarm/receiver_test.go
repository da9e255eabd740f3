package alarm

// modelReceiver is a receiver that tracks alarms by the fields of its format.
type modelReceiver struct {
	Receiver
	present bool
	least   Severity
	shows   func(*Alarm) string // the key of an alarm in its format
	changes bool
	heard   map[uint64]bool  // rows
	knows   map[string]Alarm // raised alarms by key
}

func (w *world) add(name string, changes bool, shows func(*Alarm) string) {
	m := &modelReceiver{present: true, least: Warning, shows: shows, changes: changes, heard: map[uint64]bool{}, knows: map[string]Alarm{}}
	m.Name = name
	m.Key = func(a *Alarm) (string, bool) {
		if w.byAlarm {
			return a.ID, changes
		}
		return shows(a), changes
	}
	m.Wants = func(a *Alarm) bool { return a.Severity.AtLeast(m.least) }
	w.receivers = append(w.receivers, m)
}

// hear delivers an event to a receiver and checks it.
func (w *world) hear(m *modelReceiver, e *waiting) {
	key := m.shows(&e.alarm)
	_, knows := m.knows[key]
	switch {
	case e.kind == Raise && knows, e.kind != Raise && !knows:
		w.fail("%s: %s of %s, which it knows: %v", m.Name, e.kind, key, knows)
	case e.kind == Change && !m.changes:
		w.fail("%s: a change", m.Name)
	}
	if e.kind != Clear {
		m.knows[key] = e.alarm
		return
	}
	delete(m.knows, key)
	if m.Name != "by-notification" || w.quiet[e.alarm.ID] >= e.made {
		return
	}
	for _, other := range m.knows {
		if other.ID == e.alarm.ID {
			return
		}
	}
	w.fail("%s: a clear of %s while it is active, and nothing else says so", m.Name, key)
}

func (w *world) compare(m *modelReceiver) {
	there := map[string]bool{}
	for _, s := range w.alarms {
		a := s.Alarm()
		key := m.shows(a)
		there[key] = true
		known, knows := m.knows[key]
		if !m.Wants(a) {
			continue
		}
		if !knows {
			w.fail("%s does not know %s", m.Name, key)
		} else if m.changes && m.Name == "by-alarm" && known.Severity != a.Severity {
			w.fail("%s knows %s as %s, it is %s", m.Name, key, known.Severity, a.Severity)
		}
	}
	for key := range m.knows {
		if !there[key] {
			w.fail("%s knows %s, which is over", m.Name, key)
		}
	}
	for at, line := range w.lines {
		if len(line) > 0 {
			w.fail("%v: %d wait for ever", at, len(line))
		}
	}
}
