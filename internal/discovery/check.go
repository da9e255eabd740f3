package discovery

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Check reads the lists that are files once, and returns their targets, and how they fare. Servers are not asked.
func Check(c Configuration) ([]*Entry, []Status) {
	c.StateDir = ""
	d := New(func() {}, slog.New(slog.DiscardHandler))
	d.Configure(c)
	for i := range c.Lists {
		l := d.lists[i]
		for _, k := range c.Lists[i].kinds() {
			if k.files != nil {
				l.readOnce(&k)
			} else {
				delete(l.kinds, k.id)
			}
		}
		l.settle(true, time.Now())
	}
	entries := d.Entries()
	return entries, d.Lists()
}

// readOnce reads the files of a kind.
func (l *list) readOnce(k *kind) {
	now := time.Now()
	parts, err := k.files(slog.New(slog.DiscardHandler)).Look(now)
	l.receiveFiles(k.id, parts, now)
	if err == nil && len(parts) == 0 {
		err = errors.New("there is no such file")
	}
	if err != nil {
		l.kinds[k.id].fail(err.Error(), now)
	}
}

// Doubts returns what a check says about lists, sorted.
func Doubts(all []Status) (texts []string) {
	for _, s := range all {
		entries := 0
		for _, source := range s.Sources {
			entries += source.Entries
			if source.Error != "" {
				texts = append(texts, fmt.Sprintf("the list %s: %s: %s", s.Name, source.Name, source.Error))
			}
		}
		for _, r := range s.First {
			texts = append(texts, fmt.Sprintf("the list %s: %s is not polled: %s", s.Name, r.Name, r.Text))
		}
		total := 0
		for _, n := range s.Rejected {
			total += n
		}
		if entries > 0 && s.Targets+s.Waiting+total == 0 {
			texts = append(texts, fmt.Sprintf("the list %s: relabel_configs drop all %d entries", s.Name, entries))
		}
		if total > len(s.First) {
			texts = append(texts, fmt.Sprintf("the list %s: %d more entries are not polled", s.Name, total-len(s.First)))
		}
	}
	return texts
}
