// Package discovery keeps lists of targets that stand elsewhere: in files, on servers, in the DNS. Each list is the last
// one that could be read; a source that is broken or silent takes no target away.
package discovery

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"

	"trapline/internal/access"
	"trapline/internal/alarmclock"
	"trapline/internal/assign"
	"trapline/internal/errlog"
	"trapline/internal/facts"
	"trapline/internal/facts/asker"
	"trapline/internal/neighbours"
	"trapline/internal/poller"
	"trapline/internal/seek"
	"trapline/internal/throttle"
)

// settleTime is how long lists wait for more messages after each, and settleMost after the first: groups that are gone come
// one by one, and the guard has to see all that a list has lost.
const settleTime, settleMost = 200 * time.Millisecond, time.Second

// settlesAfter returns how long to wait for more messages of lists. One whose files come in one message needs none.
func settlesAfter(lists map[*list]bool) time.Duration {
	for l := range lists {
		if !l.whole {
			return settleTime
		}
	}
	return 0
}

// Configuration is the part of the configuration that lists depend on.
type Configuration struct {
	Lists    []Settings
	Assign   []assign.Assignment
	Targets  map[string]string                           // that stand in the configuration: addresses by name
	Usual    func(*poller.TargetSettings) error          // completes a target, and reports what it cannot be polled with
	Auths    map[string]*access.Auth                     // of the configuration
	StateDir string                                      // for the lists of the next start; empty for none
	Profiles func(sysObjectID, sysDescr string) []string // of a device, the most specific first
	Ask      asker.Ask                                   // a device for the facts that assignments need; nil asks none
}

// Discovery reads the lists.
type Discovery struct {
	logger     *slog.Logger
	throttled  *slog.Logger // of errors that recur with each change of a list
	changed    func()
	configured chan struct{}
	near       *neighbours.Nearby
	wanted     atomic.Pointer[seek.Wants]

	saving   sync.Mutex // one list is written at a time; taken before mu
	mu       sync.Mutex
	current  Configuration
	lists    []*list
	readers  map[string]*reader // by the name of the list
	updates  chan update
	restored map[string]bool // lists whose file was read
	reached  map[string]seek.Reach

	asker *asker.Asker
	heard *asker.Heard
}

// update is a message of a list that is read.
type update struct {
	reader *reader
	kind   string
	groups []*targetgroup.Group
	files  []part // instead of groups
	err    string
}

// reader reads the kinds of an entry, until it is canceled.
type reader struct {
	settings Settings
	cancel   context.CancelFunc
	ended    sync.WaitGroup
}

// New returns lists that are empty. Changed is called when the targets may be others, not at the same time.
func New(changed func(), logger *slog.Logger) *Discovery {
	return &Discovery{
		logger: logger, throttled: throttle.New(logger), changed: changed, configured: make(chan struct{}, 1), updates: make(chan update), near: neighbours.NewNearby(),
		readers: map[string]*reader{}, restored: map[string]bool{}, reached: map[string]seek.Reach{},
		asker: asker.New(), heard: asker.NewHeard(),
	}
}

// Configure sets the lists. Those that were saved have targets at once; Run reads them. It reads lists that were never read
// itself, for firstTime at most: a target that moves to one of them is not gone for a moment. The function that it returns
// goes back to the lists before, with all names, where the configuration is refused.
func (d *Discovery) Configure(c Configuration) (undo func()) { return d.configure(c, d.readFirst(c)) }

// configure sets the lists, with sources that were read for them.
func (d *Discovery) configure(c Configuration, first map[string]*list) (undo func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.backup()
	d.relist(c, byName(d.lists), first)
	return func() { d.restore(before) }
}

// relist makes the lists of a configuration, out of those that were there. The lists are locked.
func (d *Discovery) relist(c Configuration, old, first map[string]*list) {
	d.current, d.lists = c, nil
	now := time.Now()
	for i := range c.Lists {
		d.lists = append(d.lists, d.list(&c.Lists[i], old[c.Lists[i].Name], first[c.Lists[i].Name], now))
	}
	d.spreadAll()
	select {
	case d.configured <- struct{}{}:
	default:
	}
}

// backup is the lists of a configuration, until the next one is accepted.
type backup struct {
	configuration Configuration
	lists         map[string]*list
	names         map[string]map[string]facts.Key // that devices got, by list
}

// backup returns the lists as they are. They are locked.
func (d *Discovery) backup() *backup {
	b := &backup{d.current, byName(d.lists), map[string]map[string]facts.Key{}}
	for _, l := range d.lists {
		b.names[l.name] = l.maker.book.Names()
	}
	return b
}

// restore goes back to lists: to the names of their devices as well, but to what their sources and devices have said since.
func (d *Discovery) restore(b *backup) {
	d.mu.Lock()
	for name, now := range byName(d.lists) {
		if before := b.lists[name]; before != nil {
			now.maker.assign = before.maker.assign // whose names these are
			b.lists[name] = now
		}
	}
	for name, l := range b.lists {
		l.maker.book.Rename(b.names[name])
	}
	d.relist(b.configuration, b.lists, nil)
	for _, l := range d.lists {
		l.stale = true // its file may have other names
	}
	d.mu.Unlock()
	d.Entries() // which finds those that have the names of others
}

// list returns a list with the sources of the one before, and those that were read first. Its settings may make other
// targets of them, which is no loss.
func (d *Discovery) list(s *Settings, old, first *list, now time.Time) *list {
	l := &list{
		name: s.Name, sources: map[sourceKey][]labels.Labels{}, kinds: map[string]*kindState{},
		maker: &maker{list: s.Name, relabel: s.relabelConfigs(), job: s.job(), assign: assign.List{Entries: d.current.Assign, Profiles: d.current.Profiles}, usual: d.current.Usual, book: facts.NewBook(), known: map[labels.Labels]*made{}},
		guard: guard{maxDrop: s.MaxDrop.Or(defaultMaxDrop), grace: cmp.Or(s.Grace.Duration, defaultGrace)},
	}
	kinds := s.kinds()
	l.whole = len(kinds) == 1 && kinds[0].files != nil
	for _, k := range kinds {
		l.kinds[k.id] = &kindState{heard: map[string]bool{}}
		if old != nil && old.kinds[k.id] != nil {
			l.kinds[k.id] = old.kinds[k.id]
		}
	}
	if old != nil {
		l.sources, l.maker.book = old.sources, old.maker.book
		if old.maker.assign.Naming() != l.maker.assign.Naming() {
			l.maker.book.Unname()
		}
		for _, a := range old.guard.missing {
			l.held = append(l.held, a.entry.raw)
		}
		l.unread, l.unnamed, l.damaged = old.unread, old.unnamed, old.damaged
	} else {
		l.unread = s.onlyRead() // others may take days until they have found all
		if err := l.restore(d.current.StateDir); err != nil {
			l.unread, l.unnamed, l.damaged = true, true, true
			d.logger.Error("the copy of a list of targets is damaged: alarms of its targets stay until the list was read", "list", l.name, "err", err)
		}
	}
	l.adopt(s)
	l.maker.hold = d.current.Ask != nil && old == nil && len(l.sources) == 0 // other devices are polled, and stay so
	if first != nil {
		l.fill(first.sources)
	}
	maps.DeleteFunc(l.sources, func(key sourceKey, _ []labels.Labels) bool { return key.kind == staticKind })
	if len(s.Static) > 0 {
		l.kinds[staticKind] = &kindState{heard: map[string]bool{}}
		l.receive(staticKind, s.static(), now)
	}
	l.settle(false, now)
	l.maker.hold = d.current.Ask != nil
	var before []Rejection
	if old != nil {
		before = old.rejected
	}
	l.reportRejected(d.logger, before)
	return l
}

// Entries returns the targets of all lists, in their order. Of a name the first one counts.
func (d *Discovery) Entries() []*Entry {
	entries, _ := d.Listed()
	return entries
}

// Listed returns the targets as Entries does, and whether they are all: a list that was neither saved nor read may have had
// others.
func (d *Discovery) Listed() (entries []*Entry, all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all = !slices.ContainsFunc(d.lists, (*list).unknown)
	seen := map[string]string{} // the list that has a name
	for _, l := range d.lists {
		l.shadowed, l.clashing = nil, nil
		for _, e := range l.entries {
			name := e.Target.Name
			if e.unnamed != nil && (has(d.current.Targets, name) || seen[name] != "") {
				l.clashing = noted(l.clashing, Rejection{l.name, e.unnamed.Target.Name, namingTaken, "another target has the name " + name + ", which it would get, too"})
				l.maker.book.Give(e.key, e.unnamed.Target.Name)
				e, name = e.unnamed, e.unnamed.Target.Name
			}
			first, there := seen[name]
			switch {
			case has(d.current.Targets, name):
				l.shadowed = noted(l.shadowed, Rejection{l.name, name, rejectDuplicate, "targets has a target of this name"})
			case there:
				l.shadowed = noted(l.shadowed, Rejection{l.name, name, rejectDuplicate, "the list " + first + " has a target of this name before it"})
			default:
				seen[name] = l.name
				entries = append(entries, e)
			}
		}
	}
	return entries, all
}

// Run reads the lists until ctx is canceled.
func (d *Discovery) Run(ctx context.Context) error {
	defer d.endReaders(func(string) bool { return false })
	defer d.asker.Wait()
	timer := alarmclock.New()
	defer timer.Stop()
	touched := map[*list]bool{}
	var first time.Time // of the messages since lists were settled
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.configured:
			d.read(ctx)
		case u := <-d.updates:
			if l := d.take(u); l != nil {
				if len(touched) == 0 {
					first = time.Now()
				}
				touched[l] = true
				timer.Set(min(settlesAfter(touched), settleMost-time.Since(first)))
			}
			continue
		case a := <-d.asker.Answers:
			if d.learn(a) {
				timer.Hasten(answerTime)
			}
			continue
		case <-d.heard.Signal:
			if d.hear() {
				timer.Hasten(changeTime)
			}
			continue
		case <-timer.C:
		}
		next := d.settle(touched)
		clear(touched)
		d.askDevices(ctx)
		timer.Set(next)
	}
}

// idle is how long Run waits when time changes no list.
const idle = time.Hour

// settle computes lists that were read, and those that time has changed. It returns how long to wait.
func (d *Discovery) settle(touched map[*list]bool) time.Duration {
	d.mu.Lock()
	now := time.Now()
	wait, changed := idle, false
	var settled []string
	for _, l := range d.lists {
		if next := l.next(); touched[l] || l.stale || !next.IsZero() && !next.After(now) {
			before, rejected, naming, unknown := l.entries, l.rejected, l.naming, l.unknown()
			guarded := l.guard.missing != nil
			l.settle(touched[l], now)
			changed = changed || !slices.Equal(before, l.entries) || unknown != l.unknown()
			l.report(d.logger, guarded)
			l.reportRejected(d.logger, rejected)
			l.reportNaming(d.logger, naming)
			settled = append(settled, l.name)
		}
		if next := l.next(); next.After(now) {
			wait = min(wait, next.Sub(now))
		}
	}
	if changed {
		d.spreadAll()
	}
	d.mu.Unlock()
	if changed {
		d.logger.Debug("the targets of lists are others", "lists", settled)
		d.changed()
	}
	for _, name := range settled {
		d.saveList(name)
	}
	return wait
}

// take takes a message of a reader.
func (d *Discovery) take(u update) *list {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.readers[u.reader.settings.Name] != u.reader {
		return nil // which was replaced
	}
	i := slices.IndexFunc(d.lists, func(l *list) bool { return l.name == u.reader.settings.Name })
	if i < 0 {
		return nil
	}
	l := d.lists[i]
	switch {
	case u.err != "":
	case u.files != nil:
		l.receiveFiles(u.kind, u.files, time.Now())
		return l
	default:
		l.receive(u.kind, u.groups, time.Now())
		return l
	}
	k := l.kinds[u.kind]
	if k == nil {
		return nil
	}
	if k.fail(u.err, time.Now()) {
		d.logger.Warn("a list of targets cannot be read, the last one stays", "list", l.name, "of", u.kind, "err", k.err)
	}
	return nil
}

// read starts the readers of lists whose settings are new, and ends those of others.
func (d *Discovery) read(ctx context.Context) {
	d.mu.Lock()
	settings := d.current.Lists
	d.mu.Unlock()
	d.endReaders(func(name string) bool {
		return slices.ContainsFunc(settings, func(s Settings) bool { return s.Name == name && reflect.DeepEqual(s, d.readers[name].settings) })
	})
	for _, s := range settings {
		if d.readers[s.Name] == nil {
			d.start(ctx, s)
		}
	}
}

// endReaders ends all readers but those to keep.
func (d *Discovery) endReaders(keep func(name string) bool) {
	for name, r := range d.readers {
		if keep(name) {
			continue
		}
		d.mu.Lock()
		delete(d.readers, name)
		d.mu.Unlock()
		r.cancel()
		r.ended.Wait()
	}
}

// start reads the kinds of an entry, each in its goroutine.
func (d *Discovery) start(ctx context.Context, s Settings) {
	ctx, cancel := context.WithCancel(ctx)
	r := &reader{settings: s, cancel: cancel}
	d.mu.Lock()
	d.readers[s.Name] = r
	d.mu.Unlock()
	for _, k := range s.kinds() {
		send := func(u update) {
			u.reader, u.kind = r, k.id
			select {
			case d.updates <- u:
			case <-ctx.Done():
			}
		}
		note := func(text string) { send(update{err: text}) }
		if k.files != nil {
			files := k.files(slog.New(&errlog.Handler{Note: note}))
			r.ended.Go(func() {
				files.Run(ctx, func(parts []part) {
					d.logger.Debug("files of a list were read", "list", s.Name, "files", len(parts))
					send(update{files: parts})
				})
			})
			continue
		}
		source, err := d.openKind(&k, s.Name, note)
		if err != nil {
			d.logger.Error("a list of targets cannot be opened", "list", s.Name, "of", k.id, "err", err)
			continue
		}
		groups := make(chan []*targetgroup.Group)
		r.ended.Go(func() { source.Run(ctx, groups) })
		r.ended.Go(func() {
			for {
				select {
				case g := <-groups:
					send(update{groups: g})
				case <-ctx.Done():
					return
				}
			}
		})
	}
}
