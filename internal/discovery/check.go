package discovery

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/prometheus/discovery/file"
)

// Check reads the lists that are files once, and returns their targets, and how they fare. Servers are not asked.
func Check(c Configuration) ([]*Entry, []Status) {
	c.StateDir = ""
	d := New(func() {}, slog.New(slog.DiscardHandler))
	d.Configure(c)
	for i := range c.Lists {
		l := d.lists[i]
		for _, k := range c.Lists[i].kinds() {
			if k.isFiles() {
				d.readOnce(l, &k)
			} else {
				delete(l.kinds, k.id)
			}
		}
		l.settle(true, time.Now())
	}
	entries := d.Entries()
	return entries, d.Lists()
}

// isFiles reports whether a list is read from files, not from a server.
func (k *kind) isFiles() bool {
	switch k.config.(type) {
	case *CSV, *file.SDConfig:
		return true
	}
	return false
}

// readOnce reads the files of a list.
func (d *Discovery) readOnce(l *list, k *kind) {
	now := time.Now()
	source, err := d.openKind(k, l.name, func(string) {})
	if files, ok := source.(*fileLists); ok {
		groups, failed := files.look(now)
		l.receive(k.id, groups, now)
		err = failed
	}
	if err != nil {
		l.kinds[k.id].fail(err.Error(), now)
	}
}

// Doubts returns what a check says about lists, sorted.
func Doubts(all []Status) (texts []string) {
	for _, s := range all {
		for _, source := range s.Sources {
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
		if total > len(s.First) {
			texts = append(texts, fmt.Sprintf("the list %s: %d more entries are not polled", s.Name, total-len(s.First)))
		}
	}
	return texts
}
