package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"trapline/internal/alarm"
	"trapline/internal/api"
	"trapline/internal/discovery"
	"trapline/internal/journal"
	"trapline/internal/outbox"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
)

// shrunkAlarm is the rule of the alarm about a list that has lost many targets at once.
const shrunkAlarm = "TraplineDiscoveryShrunk"

const (
	// shrunkLease is how long the alarm lasts unless it is renewed: its list may be gone from the configuration.
	shrunkLease = time.Hour
	// shrunkTime is how often lists are looked at, and shrunkRenewal how often the alarm is renewed.
	shrunkTime, shrunkRenewal = time.Second, 10 * time.Minute
)

// shrinks raise an alarm about each list that has lost many targets at once.
type shrinks struct {
	lists      func() []discovery.Status
	deployment func() string
	apply      func([]outbox.Transition, time.Time) error
	logger     *slog.Logger

	held    map[string]int // targets that are held, by list, as the alarms say
	renewed time.Time
}

// Run raises and clears the alarms until ctx is canceled.
func (s *shrinks) Run(ctx context.Context) error {
	tick := time.NewTicker(shrunkTime)
	defer tick.Stop()
	for {
		s.update(time.Now())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *shrinks) update(now time.Time) {
	held, left := map[string]int{}, map[string]int{}
	for _, l := range s.lists() {
		held[l.Name], left[l.Name] = l.Held, l.Targets-l.Held
	}
	if maps.Equal(held, s.held) && now.Sub(s.renewed) < shrunkRenewal {
		return
	}
	var transitions []outbox.Transition
	for _, name := range slices.Sorted(maps.Keys(held)) {
		transitions = append(transitions, s.transition(name, held[name], left[name], now))
	}
	for name := range s.held {
		if _, there := held[name]; !there {
			transitions = append(transitions, s.transition(name, 0, 0, now))
		}
	}
	if len(transitions) > 0 {
		if err := s.apply(transitions, now); err != nil {
			s.logger.Error("the alarms about lists of targets cannot be stored yet", "err", err)
			return
		}
	}
	s.held, s.renewed = held, now
}

func (s *shrinks) transition(list string, held, left int, now time.Time) outbox.Transition {
	named := map[string]string{"list": list}
	return outbox.Transition{Active: held > 0, Lease: now.Add(shrunkLease), Alarm: alarm.Alarm{
		ID: alarm.ID(s.deployment(), shrunkAlarm, "", named), Rule: shrunkAlarm, Severity: alarm.Warning, Resource: "list=" + list, Value: strconv.Itoa(held),
		Labels:       map[string]string{"alertname": shrunkAlarm, "list": list, alarm.SeverityLabel: alarm.Warning.String()},
		Summary:      fmt.Sprintf("The list %s has lost %d targets at once, and has %d left: they are polled on until two more readings agree, or until `trapline targets accept %s`", list, held, left, list),
		ClearSummary: fmt.Sprintf("The list %s has the targets that its sources have", list),
	}}
}

// relist takes over the targets of another configuration that differs in those of lists alone.
func (n *notifier) relist(before, after *runtimeconfig.Config) error {
	s := n.storage.Load()
	if s.outbox == nil {
		return n.reload(after.Config)
	}
	labels, names := map[string]map[string]string{}, map[string]bool{}
	were := make(map[*poller.Target]bool, len(before.Targets))
	for _, t := range before.Targets {
		were[t] = true
	}
	for i, t := range after.Targets {
		if !were[t] {
			labels[t.Name], names[t.Name] = labelsOf(after.Config, i), true
		}
		delete(were, t)
	}
	var gone []string
	for t := range were {
		if !names[t.Name] {
			gone, names[t.Name] = append(gone, t.Name), true
		}
	}
	if len(names) == 0 {
		return nil
	}
	mutes := n.mutes.Load().WithTargets(labels, gone)
	return n.withMutes(mutes, func() error { return s.outbox.SetTargets(mutes, names, time.Now()) })
}

// maxListed is how many targets that a change of lists adds or removes have an entry of their own in the journal.
const maxListed = 20

// noteListed notes which targets lists have added, removed and given another address, and logs how many.
func (n *notifier) noteListed(before, after []*poller.Target) {
	were := make(map[string]*poller.Target, len(before))
	for _, t := range before {
		were[t.Name] = t
	}
	var added, moved, gone []journal.Event
	for _, t := range after {
		was := were[t.Name]
		delete(were, t.Name)
		switch {
		case was == nil:
			added = append(added, listedEvent("added", t, "list "+t.List))
		case was.Spec.Address != t.Spec.Address:
			moved = append(moved, listedEvent("address", t, t.Spec.Address+", was "+was.Spec.Address))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(were)) {
		gone = append(gone, listedEvent("gone", were[name], "list "+were[name].List))
	}
	if len(added)+len(moved)+len(gone) > 0 {
		n.logger.Info("the lists of targets have changed", "added", len(added), "gone", len(gone), "other_address", len(moved), "targets", len(after))
	}
	for _, events := range [][]journal.Event{added, moved, gone} {
		n.noteFirst(events)
	}
}

func listedEvent(happened string, t *poller.Target, text string) journal.Event {
	return journal.Event{Kind: journal.Listed, Value: happened, Target: t.Name, Text: text}
}

// noteFirst notes maxListed events, and how many more there are.
func (n *notifier) noteFirst(events []journal.Event) {
	for i, e := range events {
		if i == maxListed {
			n.note(journal.Event{Kind: journal.Listed, Value: e.Value, Text: fmt.Sprintf("%d more targets", len(events)-i)})
			return
		}
		n.note(e)
	}
}

// listsShown returns the lists as the API has them.
func listsShown(d *discovery.Discovery) []api.List {
	all := []api.List{}
	for _, s := range d.Lists() {
		one := api.List{Name: s.Name, Sources: []api.ListSource{}, Targets: s.Targets, Held: s.Held, HeldUntil: s.HeldUntil, Waiting: s.Waiting, Misnamed: s.Misnamed, Unknown: s.Unknown}
		for _, source := range s.Sources {
			one.Sources = append(one.Sources, api.ListSource{Name: source.Name, LastSuccess: source.Success, Error: source.Error, Entries: source.Entries})
		}
		for _, n := range s.Rejected {
			one.Rejected += n
		}
		one.Rejections, one.Naming = rejectionsShown(s.First), rejectionsShown(s.Naming)
		all = append(all, one)
	}
	return all
}

func rejectionsShown(list []discovery.Rejection) []api.Rejection {
	all := make([]api.Rejection, 0, len(list))
	for _, r := range list {
		all = append(all, api.Rejection{Name: r.Name, Reason: r.Reason, Text: r.Text})
	}
	return all
}

// acceptList takes a list as it is.
func acceptList(d *discovery.Discovery, name string) error {
	err := d.Accept(name)
	if errors.Is(err, discovery.ErrNoList) {
		return api.Errorf(api.ErrNotFound, "%v", err)
	}
	return err
}
