package discovery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"
)

// Read returns the targets of lists for a process that does not poll them. With saved, a list that another process has
// saved is as it was saved; all others are read. A list that sends packets to find devices is never read, only restored.
// The error names lists that could not be read until ctx ended; the others are there.
func Read(ctx context.Context, c Configuration, saved bool) ([]*Entry, error) {
	d := New(func() {}, slog.New(slog.DiscardHandler))
	d.configure(c, nil)
	failed := d.readWanted(ctx, func(s *Settings, l *list) bool { return (!saved || len(l.sources) == 0) && s.onlyRead() })
	return d.Entries(), failed
}

// readWanted reads the wanted lists. The error names those that could not be read until ctx ended.
func (d *Discovery) readWanted(ctx context.Context, wanted func(*Settings, *list) bool) (failed error) {
	defer d.endReaders(func(string) bool { return false })
	waiting := map[*kindState]string{}
	touched := map[*list]bool{}
	for i, l := range d.lists {
		if !wanted(&d.current.Lists[i], l) {
			continue
		}
		touched[l] = true
		for id, k := range l.kinds {
			waiting[k] = fmt.Sprintf("the list %s, %s", l.name, id)
		}
		d.start(ctx, d.current.Lists[i])
	}
	d.await(ctx, waiting)
	for l := range touched {
		l.settle(true, time.Now())
	}
	for k, text := range waiting {
		failed = errors.Join(failed, fmt.Errorf("%s, cannot be read: %s", text, k.unheard()))
	}
	return failed
}

// firstTime bounds how long lists are read that were never read.
const firstTime = 3 * time.Second

// readFirst reads the lists of which a kind has no source, neither in this process nor in the state directory. It returns
// those that could be read, by name.
func (d *Discovery) readFirst(c Configuration) map[string]*list {
	d.mu.Lock()
	known := map[string]map[string]*kindState{}
	for _, l := range d.lists {
		known[l.name] = l.kinds
	}
	c.Lists = slices.DeleteFunc(slices.Clone(c.Lists), func(s Settings) bool {
		return !s.onlyRead() || !slices.ContainsFunc(s.kinds(), func(k kind) bool { return known[s.Name][k.id] == nil })
	})
	d.mu.Unlock()
	if len(c.Lists) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), firstTime)
	defer cancel()
	once := New(func() {}, slog.New(slog.DiscardHandler))
	once.configure(c, nil)
	read := map[string]*list{}
	_ = once.readWanted(ctx, func(s *Settings, l *list) bool { // Run reads them again, and says why it cannot
		if slices.ContainsFunc(s.kinds(), func(k kind) bool { return known[s.Name][k.id] == nil && !l.has(k.id) }) {
			read[l.name] = l
		}
		return read[l.name] != nil
	})
	return read
}

// has reports whether the list has read a source of a kind.
func (l *list) has(kind string) bool {
	if slices.Contains(l.adopted, kind) {
		return false
	}
	for key := range l.sources {
		if key.kind == kind {
			return true
		}
	}
	return false
}

// await takes messages until all kinds were read, and removes those from waiting.
func (d *Discovery) await(ctx context.Context, waiting map[*kindState]string) {
	quiet := settleTime
	for {
		var settled <-chan time.Time
		if len(waiting) == 0 || !slices.ContainsFunc(slices.Collect(maps.Keys(waiting)), func(k *kindState) bool { return k.err == "" }) {
			settled = time.After(quiet)
		}
		select {
		case <-ctx.Done():
			return
		case <-settled:
			return
		case u := <-d.updates:
			if l := d.take(u); l != nil {
				delete(waiting, l.kinds[u.kind])
			}
		}
	}
}

// unheard says why a kind was not read.
func (k *kindState) unheard() string {
	if k.err != "" {
		return k.err
	}
	return "it has not answered"
}

// passive are the first words of the IDs of kinds that read a list, and look for nothing.
var passive = []string{"file", "http", "dns", "csv", "netbox"}

// onlyRead reports whether all kinds of an entry read a list.
func (s *Settings) onlyRead() bool {
	return !slices.ContainsFunc(s.kinds(), func(k kind) bool {
		word, _, _ := strings.Cut(k.id, " ")
		return !slices.Contains(passive, word)
	})
}
