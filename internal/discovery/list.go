package discovery

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/human"
)

// list is the targets of an entry of `discovery`: of its sources, as each was read last.
type list struct {
	name    string
	maker   *maker
	guard   guard
	sources map[sourceKey][]labels.Labels
	kinds   map[string]*kindState // by their ID
	held    []labels.Labels       // targets that the guard of the process before has kept
	adopted []string              // kinds with sources that were read with other settings

	entries  []*Entry // sorted by name
	rejected []Rejection
	shadowed []Rejection // entries whose names others had before
}

// attemptTime bounds an attempt to read a list: errors of some files, and the content of others, come in it.
const attemptTime = time.Second

// sourceKey names a source: a part of a list.
type sourceKey struct{ kind, source string }

// kindState says how reading a list goes.
type kindState struct {
	heard map[string]bool // sources that were read in this process
	first time.Time       // when the first one was read; zero if none was
	last  time.Time       // when one was read last
	err   string          // of the last attempt
	erred time.Time       // when that was
}

// receive takes groups that were read. A source whose group is empty has no targets any more.
func (l *list) receive(kind string, groups []*targetgroup.Group, now time.Time) {
	k := l.kinds[kind]
	if k == nil {
		return
	}
	all, err := entries(groups, l.room(kind, groups))
	if err != nil {
		k.fail(err.Error(), now)
		return
	}
	k.last = now
	if now.Sub(k.erred) > attemptTime {
		k.err = ""
	}
	if k.first.IsZero() {
		k.first = now
	}
	read := map[string][]labels.Labels{} // a source may have several groups
	for i, g := range groups {
		read[g.Source] = append(read[g.Source], all[i]...)
	}
	for source, entries := range read {
		k.heard[source] = true
		if l.sources[sourceKey{kind, source}] = entries; len(entries) == 0 {
			delete(l.sources, sourceKey{kind, source})
		}
	}
}

// room returns how many entries groups may have beside the other sources, one more than are polled, which is reported.
func (l *list) room(kind string, groups []*targetgroup.Group) int {
	room := maxTargets + 1
	replaced := make(map[string]bool, len(groups))
	for _, g := range groups {
		replaced[g.Source] = true
	}
	for key, raw := range l.sources {
		if key.kind != kind || !replaced[key.source] {
			room -= len(raw)
		}
	}
	return max(0, room)
}

// fail notes an attempt to read that failed. It reports whether the one before did not, or differently.
func (k *kindState) fail(text string, now time.Time) (other bool) {
	text = shortened(human.Visible(text))
	other = k.err != text
	k.err, k.erred = text, now
	return other
}

// forget removes sources of kinds that the settings have no more, once all kinds of the list were read, and those that were
// not read again within the grace time after the first of their kind.
func (l *list) forget(now time.Time) {
	whole := true
	for _, k := range l.kinds {
		whole = whole && !k.first.IsZero()
	}
	maps.DeleteFunc(l.sources, func(key sourceKey, _ []labels.Labels) bool {
		k := l.kinds[key.kind]
		return k == nil && whole || k != nil && !k.heard[key.source] && !k.first.IsZero() && now.Sub(k.first) >= l.guard.grace
	})
}

// next returns when time alone changes the list, zero if it does not.
func (l *list) next() time.Time {
	next := l.guard.end()
	for key := range l.sources {
		if k := l.kinds[key.kind]; k != nil && !k.heard[key.source] && !k.first.IsZero() {
			if end := k.first.Add(l.guard.grace); next.IsZero() || end.Before(next) {
				next = end
			}
		}
	}
	return next
}

// settle computes the targets anew. Taken are names that come before those of the list.
func (l *list) settle(refreshed bool, now time.Time) {
	l.forget(now)
	l.rejected = nil
	wanted := map[string]*Entry{}
	var used []labels.Labels
	for _, key := range slices.SortedFunc(maps.Keys(l.sources), compareSources) {
		for _, raw := range l.sources[key] {
			used = append(used, raw)
			l.add(wanted, raw)
		}
	}
	if l.held != nil {
		rejected := l.rejected
		held := map[string]*Entry{}
		for _, raw := range l.held {
			l.add(held, raw)
		}
		l.held, l.rejected = nil, rejected
		l.guard.resume(wanted, held, now)
	}
	kept := l.guard.step(wanted, refreshed, now)
	for _, a := range l.guard.missing {
		used = append(used, a.entry.raw)
	}
	l.maker.forget(used)
	l.entries = slices.SortedFunc(maps.Values(kept), func(a, b *Entry) int { return cmp.Compare(a.Target.Name, b.Target.Name) })
}

// add makes a target of labels.
func (l *list) add(to map[string]*Entry, raw labels.Labels) {
	e, err := l.maker.entry(raw)
	switch {
	case err != nil:
		l.reject(rejection(l.name, raw, err))
	case e == nil: // dropped by relabelling
	case len(to) == maxTargets:
		l.reject(Rejection{l.name, e.Target.Name, rejectTooMany, tooManyTargets})
	case to[e.Target.Name] == nil:
		to[e.Target.Name] = e
	case to[e.Target.Name] != e:
		l.reject(Rejection{l.name, e.Target.Name, rejectDuplicate, "the list has another target of this name before it"})
	}
}

// reject notes an entry that is not polled: of most, only the reason is shown.
func (l *list) reject(r Rejection) {
	if len(l.rejected) >= maxFirst {
		r = Rejection{Reason: r.Reason}
	}
	l.rejected = append(l.rejected, r)
}

func compareSources(a, b sourceKey) int {
	return cmp.Or(strings.Compare(a.kind, b.kind), cmp.Compare(len(a.source), len(b.source)), strings.Compare(a.source, b.source))
}
