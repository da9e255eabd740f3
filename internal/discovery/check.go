package discovery

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/prometheus/prometheus/discovery/file"
	"github.com/prometheus/prometheus/discovery/targetgroup"
)

// checkTime bounds how long the files of a list are read for a check.
const checkTime = 10 * time.Second

// Check reads the lists that are files once, and returns their targets, and how they fare. Servers are not asked.
func Check(ctx context.Context, c Configuration) ([]*Entry, []Status) {
	c.StateDir = ""
	d := New(func() {}, slog.New(slog.DiscardHandler))
	d.Configure(c)
	for i := range c.Lists {
		l := d.lists[i]
		for _, k := range c.Lists[i].kinds() {
			if files := k.files(); files != nil {
				d.readOnce(ctx, l, &k, files)
			} else {
				delete(l.kinds, k.id)
			}
		}
		l.settle(true, time.Now())
	}
	entries := d.Entries()
	return entries, d.Lists()
}

// files returns the patterns of the files that a list is read from, nil for one of a server.
func (k *kind) files() []string {
	switch c := k.config.(type) {
	case *CSV:
		return c.Paths
	case *file.SDConfig:
		return c.Files
	}
	return nil
}

// readOnce reads the files of a list: each sends a message or an error.
func (d *Discovery) readOnce(ctx context.Context, l *list, k *kind, patterns []string) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	failed := make(chan string, 1)
	source, err := d.openKind(k, l.name, func(text string) {
		select {
		case failed <- text:
		case <-ctx.Done():
		}
	})
	if err != nil {
		l.kinds[k.id].err = err.Error()
		return
	}
	want := 0
	for _, pattern := range patterns {
		found, _ := filepath.Glob(pattern)
		if len(found) == 0 && !strings.ContainsAny(pattern, "*?[") {
			l.kinds[k.id].err = fmt.Sprintf("%s: no such file", pattern)
		}
		want += len(found)
	}
	if _, csv := k.config.(*CSV); csv {
		want = min(want, 1) // all of its files are one message
	}
	groups := make(chan []*targetgroup.Group)
	go source.Run(ctx, groups)
	takeMessages(ctx, l, k.id, want, groups, failed)
}

func takeMessages(ctx context.Context, l *list, kind string, want int, groups <-chan []*targetgroup.Group, failed <-chan string) {
	for range want {
		select {
		case g := <-groups:
			l.receive(kind, g, time.Now())
		case text := <-failed:
			l.kinds[kind].err, l.kinds[kind].erred = text, time.Now()
		case <-ctx.Done():
			return
		}
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
