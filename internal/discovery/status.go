package discovery

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/statedir"
)

// Status is how a list fares.
type Status struct {
	Name      string
	Sources   []SourceStatus
	Targets   int            // that are polled of it, with those that are held
	Held      int            // that the list has lost, and that are polled on
	HeldUntil time.Time      // when they may go at the earliest; zero if none are held
	Rejected  map[string]int // entries that are not polled, by reason
	First     []Rejection    // the first of them
	Waiting   int            // entries that are not polled until their device was asked for its name
	Misnamed  int            // targets that have another name than their device gives
	Unknown   bool           // it may have had other targets: alarms of those stay
	Naming    []Rejection    // the first of them
}

// SourceStatus is how reading a source of a list goes.
type SourceStatus struct {
	Name    string    // its kind, and where it is
	Success time.Time // when it was read last, zero if it was not by this process
	Error   string    // of the last attempt; "" if it succeeded
	Entries int       // that it has, before relabelling
}

// ErrNoList is the error of a name that no list has.
var ErrNoList = errors.New("there is no list of this name")

// Lists returns how the lists fare, in the order of the configuration.
func (d *Discovery) Lists() []Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]Status, 0, len(d.lists))
	for _, l := range d.lists {
		all = append(all, l.status())
	}
	return all
}

func (l *list) status() Status {
	s := Status{Name: l.name, Targets: len(l.entries) - len(l.shadowed), Held: len(l.guard.missing), HeldUntil: l.guard.end(), Unknown: l.unknown(), Rejected: map[string]int{}}
	entries := map[string]int{}
	for key, raw := range l.sources {
		entries[key.kind] += len(raw)
	}
	for _, id := range slices.Sorted(maps.Keys(l.kinds)) {
		k := l.kinds[id]
		s.Sources = append(s.Sources, SourceStatus{id, k.last, k.err, entries[id]})
	}
	for _, r := range slices.Concat(l.rejected, l.shadowed) {
		if s.Rejected[r.Reason]++; len(s.First) < maxFirst {
			s.First = append(s.First, r)
		}
	}
	naming := slices.Concat(l.naming, l.clashing)
	s.Waiting, s.Misnamed, s.Naming = l.waiting, len(naming), naming[:min(len(naming), maxFirst)]
	return s
}

// Accept takes a list as it is: targets that it has lost, and that are held, are polled no more, and all targets get the
// names that their devices give.
func (d *Discovery) Accept(name string) error {
	d.mu.Lock()
	i := slices.IndexFunc(d.lists, func(l *list) bool { return l.name == name })
	if i < 0 {
		names := make([]string, 0, len(d.lists))
		for _, l := range d.lists {
			names = append(names, l.name)
		}
		d.mu.Unlock()
		return fmt.Errorf("%w: %q; the lists are %s", ErrNoList, name, strings.Join(names, ", "))
	}
	l := d.lists[i]
	held := len(l.guard.missing)
	l.guard.missing = nil
	l.guard.accepted = nil
	before, unknown := l.entries, l.unknown()
	l.maker.book.Unname()
	l.unread, l.unnamed = false, false
	l.settle(false, time.Now())
	left, changed := len(l.entries), unknown || !slices.Equal(before, l.entries)
	d.mu.Unlock()
	d.saveList(name)
	if changed {
		d.logger.Info("a list was accepted as it is", "list", name, "gone", held, "targets", left)
		d.changed()
	}
	return nil
}

// saveList writes a list for the next start, without the mutex held. Without a state directory it does nothing.
func (d *Discovery) saveList(name string) {
	d.saving.Lock()
	defer d.saving.Unlock()
	d.mu.Lock()
	dir, s, damaged := d.current.StateDir, (*saved)(nil), false
	if i := slices.IndexFunc(d.lists, func(l *list) bool { return l.name == name }); i >= 0 && dir != "" {
		s, damaged = d.lists[i].saved(), d.lists[i].damaged
		d.lists[i].damaged = false
	}
	d.mu.Unlock()
	if s == nil {
		return
	}
	file := savedFile(dir, name)
	if damaged {
		if aside, err := statedir.KeepDamaged(file); err != nil {
			d.logger.Warn("the damaged copy of a list cannot be kept", "list", name, "err", err)
		} else {
			d.logger.Info("the damaged copy of a list was put aside", "list", name, "moved_to", aside)
		}
	}
	if err := s.write(file); err != nil {
		d.throttled.Error("a list of targets cannot be saved for the next start", "list", name, "err", err)
	}
}

// descriptions of the metrics.
var (
	targetsDesc  = prometheus.NewDesc("trapline_discovery_targets", "Targets that are polled of a list.", []string{"list"}, nil)
	heldDesc     = prometheus.NewDesc("trapline_discovery_held", "Targets that a list has lost all at once, and that are polled on.", []string{"list"}, nil)
	rejectedDesc = prometheus.NewDesc("trapline_discovery_rejected", "Entries of a list that are not polled; /api/v1/discovery has the first 100.", []string{"list", "reason"}, nil)
	successDesc  = prometheus.NewDesc("trapline_discovery_last_success_seconds", "When a list was read last, in seconds since 1970: of its sources the one that was read longest ago. 0 if one has not been read since the start.", []string{"list"}, nil)
	failingDesc  = prometheus.NewDesc("trapline_discovery_failing_sources", "Sources of a list whose last reading failed.", []string{"list"}, nil)
)

// Describe sends the descriptions of the metrics.
func (d *Discovery) Describe(ch chan<- *prometheus.Desc) {
	for _, one := range []*prometheus.Desc{targetsDesc, heldDesc, rejectedDesc, successDesc, failingDesc} {
		ch <- one
	}
}

// Collect sends the metrics.
func (d *Discovery) Collect(ch chan<- prometheus.Metric) {
	for _, s := range d.Lists() {
		gauge := func(desc *prometheus.Desc, value float64, more ...string) {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, append([]string{s.Name}, more...)...)
		}
		gauge(targetsDesc, float64(s.Targets))
		gauge(heldDesc, float64(s.Held))
		for _, reason := range Reasons {
			gauge(rejectedDesc, float64(s.Rejected[reason]), reason)
		}
		oldest, failing := time.Time{}, 0
		for i, source := range s.Sources {
			if i == 0 || source.Success.Before(oldest) {
				oldest = source.Success
			}
			if source.Error != "" {
				failing++
			}
		}
		seconds := 0.0
		if !oldest.IsZero() {
			seconds = float64(oldest.UnixMilli()) / 1000
		}
		gauge(successDesc, seconds)
		gauge(failingDesc, float64(failing))
	}
}
