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
	"trapline/internal/ownalarm"
	"trapline/internal/poller"
	"trapline/internal/runtimeconfig"
	"trapline/internal/throttle"
)

// shrunkAlarm is the rule of the alarm about a list that has lost many targets at once.
const shrunkAlarm = "TraplineDiscoveryShrunk"

// shrinks raise an alarm about each list that has lost many targets at once.
type shrinks struct {
	alarms ownalarm.Alarms
	lists  func() []discovery.Status
	logger *slog.Logger

	left map[string]int // targets that are not held, by list
}

// newShrinks returns the alarms about lists, which each member of a cluster reads; member is "" without one.
func newShrinks(lists func() []discovery.Status, member string, deployment func() string, apply func([]outbox.Transition, time.Time) error, logger *slog.Logger) *shrinks {
	s := &shrinks{lists: lists, logger: throttle.New(logger)}
	s.alarms = ownalarm.Alarms{Rule: shrunkAlarm, Label: "list", Severity: alarm.Warning, Member: member, Deployment: deployment, Describe: s.describe, Apply: apply}
	return s
}

// Run raises and clears the alarms until ctx is canceled.
func (s *shrinks) Run(ctx context.Context) error { return ownalarm.Run(ctx, s.update) }

func (s *shrinks) update(now time.Time) {
	held := map[string]int{}
	s.left = map[string]int{}
	for _, l := range s.lists() {
		held[l.Name], s.left[l.Name] = l.Held, l.Targets-l.Held
	}
	if err := s.alarms.Set(held, now); err != nil {
		s.logger.Error("the alarms about lists of targets cannot be stored yet", "err", err)
	}
}

func (s *shrinks) describe(a *alarm.Alarm, list string, held int) {
	a.Value = strconv.Itoa(held)
	a.Summary = fmt.Sprintf("The list %s has lost %d targets at once, and has %d left: they are polled on until two more readings agree, or until `trapline targets accept %s`", list, held, s.left[list], list)
	a.ClearSummary = fmt.Sprintf("The list %s has the targets that its sources have", list)
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
