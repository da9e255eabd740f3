package discovery

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/assign"
	"trapline/internal/facts"
	"trapline/internal/facts/asker"
	"trapline/internal/human"
	"trapline/internal/sorted"
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
	whole   bool                  // each message of it has all that has changed
	unread  bool                  // its sources were neither saved nor read: it may have had any targets
	unnamed bool                  // the names that devices got are lost, and not all devices have names again
	damaged bool                  // its saved file is

	entries   []*Entry // sorted by name
	rejected  []Rejection
	shadowed  []Rejection          // entries whose names others had before
	clashing  []Rejection          // targets whose names others had before, and that are polled under their addresses
	naming    []Rejection          // targets that do not have the name that `assign` would give them
	asking    []asker.Question     // devices on which some of it depends
	made      []*made              // what the sources have
	addresses map[string]facts.Key // of them, which they may be polled under; nil until one is asked for
	waiting   int                  // entries that are not polled until their device was asked
	nameless  int                  // entries that are polled under their addresses until their device answers
	stale     bool                 // facts about its devices have changed
}

func byName(lists []*list) map[string]*list {
	named := make(map[string]*list, len(lists))
	for _, l := range lists {
		named[l.name] = l
	}
	return named
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
	read := map[string][]labels.Labels{} // a source may have several groups
	for _, g := range groups {
		read[g.Source] = nil
	}
	all, err := entries(groups, l.room(kind, read))
	if err != nil {
		k.fail(err.Error(), now)
		return
	}
	for i, g := range groups {
		read[g.Source] = append(read[g.Source], all[i]...)
	}
	l.replace(kind, read, now)
}

// receiveFiles takes files that were read.
func (l *list) receiveFiles(kind string, parts []part, now time.Time) {
	k := l.kinds[kind]
	if k == nil {
		return
	}
	read, octets := make(map[string][]labels.Labels, len(parts)), 0
	for _, p := range parts {
		octets += octetsOf(p.Entries...)
		read[p.File] = p.Entries
	}
	if octets > maxOctets {
		k.fail(errTooLarge.Error(), now)
		return
	}
	room := l.room(kind, read)
	for _, p := range parts {
		read[p.File] = p.Entries[:min(len(p.Entries), room)]
		room -= len(read[p.File])
	}
	l.replace(kind, read, now)
}

// replace replaces sources by what was read of them.
func (l *list) replace(kind string, read map[string][]labels.Labels, now time.Time) {
	k := l.kinds[kind]
	k.last = now
	if now.Sub(k.erred) > attemptTime {
		k.err = ""
	}
	if k.first.IsZero() {
		k.first = now
	}
	for source, entries := range read {
		k.heard[source] = true
		if l.sources[sourceKey{kind, source}] = entries; len(entries) == 0 {
			delete(l.sources, sourceKey{kind, source})
		}
	}
}

// room returns how many entries sources may have beside the others, one more than are polled, which is reported.
func (l *list) room(kind string, replaced map[string][]labels.Labels) int {
	room := maxTargets + 1
	for key, raw := range l.sources {
		if _, other := replaced[key.source]; key.kind != kind || !other {
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
		end := l.expiry(key)
		return l.kinds[key.kind] == nil && whole || !end.IsZero() && !end.After(now)
	})
}

// expiry returns when a source goes that was not read again, zero if it stays: it may be the one that cannot be read.
func (l *list) expiry(key sourceKey) time.Time {
	k := l.kinds[key.kind]
	if k == nil || k.heard[key.source] || k.first.IsZero() || k.err != "" {
		return time.Time{}
	}
	return k.first.Add(l.guard.grace)
}

// unknown reports whether the list may have had targets that it does not have.
func (l *list) unknown() bool { return l.unread || l.unnamed }

// know notes that all sources were read, and that devices have the names that they get.
func (l *list) know() {
	for _, k := range l.kinds {
		if k.first.IsZero() || k.err != "" {
			return
		}
	}
	l.unread = l.unread && l.waiting > 0
	l.unnamed = l.unnamed && l.waiting+l.nameless > 0
}

// next returns when time alone changes the list, zero if it does not.
func (l *list) next() time.Time {
	next := l.guard.end()
	for key := range l.sources {
		if end := l.expiry(key); !end.IsZero() && (next.IsZero() || end.Before(next)) {
			next = end
		}
	}
	return next
}

// settle computes the targets anew. Taken are names that come before those of the list.
func (l *list) settle(refreshed bool, now time.Time) {
	l.forget(now)
	l.rejected, l.naming, l.asking, l.waiting, l.nameless, l.stale = nil, nil, nil, 0, 0, false
	before := l.guard.accepted
	wanted := make(map[string]*Entry, len(l.entries))
	used, all := make([]labels.Labels, 0, len(l.entries)), make([]*made, 0, len(l.entries))
	for _, key := range slices.SortedFunc(maps.Keys(l.sources), compareSources) {
		for _, raw := range l.sources[key] {
			used = append(used, raw)
			k := l.maker.entry(raw)
			l.note(k)
			all = append(all, k)
		}
	}
	l.addAll(wanted, used, all)
	l.know()
	if l.held != nil {
		rejected := l.rejected
		held := maps.Clone(wanted) // whose names are taken
		for _, raw := range l.held {
			l.add(held, raw, l.maker.entry(raw))
		}
		maps.DeleteFunc(held, func(name string, _ *Entry) bool { return wanted[name] != nil })
		l.held, l.rejected = nil, rejected
		l.guard.resume(wanted, held, now)
	}
	kept := l.guard.step(wanted, refreshed, now)
	for _, a := range l.guard.missing {
		used = append(used, a.entry.raw)
	}
	l.maker.forget(used)
	l.sort(before, kept)
}

// sort makes the sorted entries out of those before, which are those of a map.
func (l *list) sort(before, kept map[string]*Entry) {
	if len(before) != len(l.entries) {
		before = nil
	}
	var fresh []*Entry
	for name, e := range kept {
		if before[name] != e {
			fresh = append(fresh, e)
		}
	}
	stays := func(e *Entry) bool { return kept[e.Target.Name] == e && before[e.Target.Name] == e }
	l.entries = sorted.Merge(l.entries, stays, fresh, func(a, b *Entry) int { return cmp.Compare(a.Target.Name, b.Target.Name) })
}

// report logs that the guard began or ended to keep targets.
func (l *list) report(logger *slog.Logger, guarded bool) {
	switch kept := len(l.guard.missing); {
	case kept > 0 && !guarded:
		logger.Warn("a list lost many targets at once, which are polled on", "list", l.name, "lost", kept, "left", len(l.entries)-kept, "for", l.guard.grace)
	case kept == 0 && guarded:
		logger.Info("a list is as long as its source says again", "list", l.name, "targets", len(l.entries))
	}
}

// reportRejected logs that other entries of a list are no targets than before.
func (l *list) reportRejected(logger *slog.Logger, before []Rejection) {
	switch {
	case slices.Equal(before, l.rejected):
	case len(l.rejected) > 0:
		r := l.rejected[0]
		logger.Warn("entries of a list are not polled", "list", l.name, "entries", len(l.rejected), "first", r.Name, "err", r.Text)
	default:
		logger.Info("all entries of a list are polled again", "list", l.name)
	}
}

// reportNaming logs that targets have other names than their devices give.
func (l *list) reportNaming(logger *slog.Logger, before []Rejection) {
	if len(l.naming) > 0 && !slices.Equal(before, l.naming) {
		r := l.naming[0]
		logger.Warn("targets of a list have other names than their devices give", "list", l.name, "targets", len(l.naming), "first", r.Name, "text", r.Text)
	}
}

// note notes what is unknown of a device.
func (l *list) note(k *made) {
	if k.nameless {
		l.nameless++
	}
	if k.waits {
		l.waiting++
	} else if k.asks && k.entry != nil && l.maker.book.Poll(k.key) {
		k.stamp = l.maker.book.Stamp(k.key)
	}
	if k.asks && k.err == nil {
		l.asking = append(l.asking, asker.Question{List: l.name, Key: k.key, Target: *k.target})
	}
}

// addAll adds targets: those that their list names come first, then those with a name that they got before, and those
// that get one at last.
func (l *list) addAll(to map[string]*Entry, raw []labels.Labels, all []*made) {
	l.made, l.addresses = all, nil
	for rank := range 3 {
		for i, k := range all {
			if k.rank() == rank {
				l.add(to, raw[i], k)
			}
		}
	}
	for _, k := range all {
		if k.entry != nil {
			l.noteNaming(to, k)
		}
	}
}

// noteNaming notes of a target that it has another name than its facts give.
func (l *list) noteNaming(to map[string]*Entry, k *made) {
	name := k.entry.Target.Name
	switch {
	case k.unfit != "":
		l.misname(name, namingUnfit, "%q cannot be the name of a target", shortened(k.unfit))
	case k.wants == "" || k.wants == name || !k.given:
	case l.other(to, k) != "":
		l.misname(name, namingTaken, "%s has the name %s, which it would get, too", l.other(to, k), k.wants)
	default:
		l.misname(name, namingKept, "it would be called %s, and keeps its name until `trapline targets accept %s`", k.wants, l.name)
	}
}

func (l *list) misname(name, reason, format string, args ...any) {
	l.naming = noted(l.naming, Rejection{l.name, name, reason, fmt.Sprintf(format, args...)})
}

// other returns the address of another target that has the name that a target wants, or whose address it is.
func (l *list) other(to map[string]*Entry, k *made) string {
	if e := to[k.wants]; e != nil && e.key != k.key {
		return e.Target.Address
	}
	if owner, there := l.owner(k.wants); there && owner != k.key {
		return owner.Address
	}
	return ""
}

// owner returns the device that has an address, and may be polled under it.
func (l *list) owner(address string) (key facts.Key, there bool) {
	if l.addresses == nil {
		l.addresses = make(map[string]facts.Key, len(l.made))
		for _, k := range l.made {
			if e := k.entry; e != nil {
				l.addresses[assign.HostOf(e.Target.Address)] = e.key
			}
		}
	}
	key, there = l.addresses[address]
	return key, there
}

// giveName gives a target its name: never one that another has, or may need, which is its address.
func (l *list) giveName(to map[string]*Entry, k *made) {
	if !k.fresh && !k.given {
		return
	}
	name := k.entry.Target.Name
	owner, reserved := l.owner(name)
	taken := k.entry.unnamed != nil && (to[name] != nil && to[name].key != k.key || reserved && owner != k.key)
	if taken {
		k.entry = k.entry.unnamed
	}
	if k.fresh || taken {
		book := l.maker.book
		book.Give(k.key, k.entry.Target.Name)
		k.fresh, k.given, k.stamp = false, true, book.Stamp(k.key)
	}
}

func (k *made) rank() int {
	switch {
	case k.fresh:
		return 2
	case k.given:
		return 1
	}
	return 0
}

// add makes a target of labels.
func (l *list) add(to map[string]*Entry, raw labels.Labels, k *made) {
	if k.err != nil {
		l.rejected = noted(l.rejected, rejection(l.name, raw, k.err))
		return
	}
	if k.entry == nil { // dropped by relabelling, or it waits
		return
	}
	l.giveName(to, k)
	switch e := k.entry; {
	case len(to) == maxTargets:
		l.rejected = noted(l.rejected, Rejection{l.name, e.Target.Name, rejectTooMany, tooManyTargets})
	case to[e.Target.Name] == nil:
		to[e.Target.Name] = e
	case to[e.Target.Name] != e:
		l.rejected = noted(l.rejected, Rejection{l.name, e.Target.Name, rejectDuplicate, "the list has another target of this name before it"})
	}
}

func compareSources(a, b sourceKey) int {
	return cmp.Or(strings.Compare(a.kind, b.kind), cmp.Compare(len(a.source), len(b.source)), strings.Compare(a.source, b.source))
}
