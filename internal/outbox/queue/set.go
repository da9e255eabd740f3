package queue

import (
	"slices"

	"trapline/internal/alarm"
)

// Set are the queues of all receivers. Others may read its fields.
type Set struct {
	All       []*Queue            // in the order of the configuration
	Groups    [][]*Queue          // the same; a receiver without a group is a group of its own
	Receivers [][]*alarm.Receiver // of the groups
	ByName    map[string]*Queue

	tags map[string]bool // of the receivers
}

// Use replaces the queues.
func (s *Set) Use(queues []*Queue) {
	*s = Set{All: queues, Groups: grouped(queues), ByName: map[string]*Queue{}, tags: map[string]bool{}}
	for _, group := range s.Groups {
		var receivers []*alarm.Receiver
		for _, q := range group {
			receivers = append(receivers, q.Receiver)
		}
		s.Receivers = append(s.Receivers, receivers)
	}
	for _, q := range queues {
		s.ByName[q.Name] = q
		for _, tag := range q.Route.Tags {
			s.tags[tag] = true
		}
	}
}

// grouped returns the queues by group, in the order of the configuration.
func grouped(queues []*Queue) (groups [][]*Queue) {
	at := map[string]int{}
	for _, q := range queues {
		i, known := at[q.Route.Group]
		if q.Route.Group != "" && known {
			groups[i] = append(groups[i], q)
			continue
		}
		at[q.Route.Group] = len(groups)
		groups = append(groups, []*Queue{q})
	}
	return groups
}

// Directed returns the alarm without unknown receivers and tags. If its rule names no others, all receivers are notified.
func (s *Set) Directed(a *alarm.Alarm) *alarm.Alarm {
	if len(a.Receivers)+len(a.Tags) == 0 {
		return a
	}
	c := *a
	c.Receivers = slices.DeleteFunc(slices.Clone(a.Receivers), s.noReceiver)
	c.Tags = slices.DeleteFunc(slices.Clone(a.Tags), s.noTag)
	return &c
}

func (s *Set) noReceiver(name string) bool { return s.ByName[name] == nil }

func (s *Set) noTag(tag string) bool { return !s.tags[tag] }

// Unknown calls report with the unknown receivers and tags of an alarm.
func (s *Set) Unknown(a *alarm.Alarm, report func(kind, word string)) {
	for _, name := range a.Receivers {
		if s.noReceiver(name) {
			report("receiver", name)
		}
	}
	for _, tag := range a.Tags {
		if s.noTag(tag) {
			report("tag", tag)
		}
	}
}

// Seen returns the numbers of the rows of each receiver that may have been sent.
func (s *Set) Seen() map[string][]uint64 {
	rows := map[string][]uint64{}
	for _, q := range s.All {
		rows[q.Name] = nil
		for _, r := range q.Rows() {
			if r.Seen() {
				rows[q.Name] = append(rows[q.Name], r.Seq())
			}
		}
	}
	return rows
}

// Take removes all rows, and returns them, the oldest first.
func (s *Set) Take() (rows []Entry) {
	for _, q := range s.All {
		for _, r := range q.Rows() {
			rows = append(rows, Entry{q, r})
		}
	}
	slices.SortFunc(rows, func(a, b Entry) int { return ByAge(a.Row, b.Row) })
	for _, one := range rows {
		one.Queue.Remove(one.Row)
	}
	return rows
}
